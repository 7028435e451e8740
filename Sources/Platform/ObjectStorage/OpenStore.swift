import Encodings

/// Opens the store that a URL names. Nothing is touched yet: see ``ObjectStore/prepare()``.
///
/// - Parameters:
///   - url: a path or `file://` URL for a directory; `s3://BUCKET` or `s3://BUCKET/PREFIX` for S3.
///   - environment: for S3 `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, optionally `AWS_SESSION_TOKEN`,
///     `AWS_REGION` (or `AWS_DEFAULT_REGION`; `us-east-1` without) and `AWS_ENDPOINT_URL_S3` (or `AWS_ENDPOINT_URL`;
///     Amazon's own without). Buckets are addressed in path style.
/// - Throws: ``ObjectStorageError/Code/invalidURL`` with what is wrong or missing.
public func openStore(_ url: String, environment: [String: String]) throws(ObjectStorageError) -> any ObjectStore {
    if url.hasPrefix("s3://") {
        return try S3Store(S3Store.Location(url: url, environment: environment))
    }
    if url.hasPrefix("file://") {
        guard url.hasPrefix("file:///"), let path = PercentEncoding.decode(url.dropFirst("file://".count)) else {
            throw ObjectStorageError(.invalidURL, "The store '\(url)' is no file:///PATH.")
        }
        return try DirectoryStore(path: path)
    }
    guard !url.contains("://") else {
        throw ObjectStorageError(
            .invalidURL, "The store '\(url)' is neither a path nor file:///PATH nor s3://BUCKET/PREFIX.")
    }
    return try DirectoryStore(path: url)
}
