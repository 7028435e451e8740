import Encodings
import HTTP

/// One version of an object of a bucket, as a listing of versions tells it.
public struct ObjectVersion: Sendable, Hashable {
    /// Any name that S3 allows, of the whole bucket.
    public let key: String
    /// `null` where the bucket has no versions.
    public let versionID: String
    public let bytes: Int64
    /// Seconds since 1970; of an object that came in parts it may be when the first came.
    public let modifiedAt: Int64
    /// The store's own mark of the content, without quotes.
    public let entityTag: String
}

/// One page of a listing of versions.
public struct ObjectVersionPage: Sendable, Hashable {
    /// Where a page begins.
    public struct Mark: Sendable, Hashable {
        let key: String
        let versionID: String?
    }

    public let versions: [ObjectVersion]
    /// Nil when this is the last page.
    public let next: Mark?
}

extension S3Store {
    /// Versions of all objects of the bucket, also of those outside the store's prefix, by key; markers of deletions are
    /// left out. A bucket without versions tells each object once.
    ///
    /// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
    public func listVersions(
        after mark: ObjectVersionPage.Mark?, limit: Int = 1000
    ) async throws(ObjectStorageError) -> ObjectVersionPage {
        var query = [
            (name: "versions", value: ""), (name: "max-keys", value: String(limit)),
            (name: "encoding-type", value: "url"),
        ]
        if let mark {
            query.append((name: "key-marker", value: mark.key))
            if let version = mark.versionID { query.append((name: "version-id-marker", value: version)) }
        }
        let response = try requireSuccess(
            "list versions", try await send("list versions", request("GET", query: query)))
        guard let root = XMLElement.parse(response.body), root.name == "ListVersionsResult" else {
            throw ObjectStorageError(.unavailable, "The listing of \(baseURL) is no ListVersionsResult document.")
        }
        let isEncoded = root["EncodingType"] == "url"
        func name(_ text: String) -> String {
            isEncoded ? PercentEncoding.decode(text.replacing("+", with: "%20")) ?? text : text
        }
        var versions: [ObjectVersion] = []
        for element in root.children where element.name == "Version" {
            guard let key = element["Key"], let bytes = element["Size"].flatMap({ Int64($0) }),
                let modified = element["LastModified"].flatMap({ S3Answers.time($0) }), let tag = element["ETag"]
            else {
                throw ObjectStorageError(
                    .unavailable, "The listing of \(baseURL) has a version without Key, Size, LastModified or ETag.")
            }
            versions.append(
                ObjectVersion(
                    key: name(key), versionID: element["VersionId"] ?? "null", bytes: bytes, modifiedAt: modified,
                    entityTag: tag.filter { $0 != "\"" }))
        }
        guard root["IsTruncated"] == "true" else { return ObjectVersionPage(versions: versions, next: nil) }
        guard let next = root["NextKeyMarker"] else {
            throw ObjectStorageError(.unavailable, "The listing of \(baseURL) goes on and does not say where.")
        }
        return ObjectVersionPage(
            versions: versions,
            next: ObjectVersionPage.Mark(key: name(next), versionID: root["NextVersionIdMarker"]))
    }
}
