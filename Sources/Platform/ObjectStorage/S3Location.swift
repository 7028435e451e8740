import Encodings
import HTTP

extension S3Store {
    /// Where a bucket is and who asks.
    public struct Location: Sendable {
        public let bucket: String
        /// Between bucket and keys, without slashes at its ends; may be empty.
        public let prefix: String
        /// `http(s)://HOST[:PORT]` without a trailing slash; the bucket is the first part of the path.
        public let endpoint: String
        public let signing: AWSSigning

        public init(bucket: String, prefix: String, endpoint: String, signing: AWSSigning) throws(ObjectStorageError) {
            let allowed = bucket.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
            guard allowed, (3...63).contains(bucket.utf8.count), bucket != "..." else {
                throw ObjectStorageError(
                    .invalidURL, "'\(bucket.prefix(100))' is no bucket name: 3 to 63 letters, digits, dots and hyphens."
                )
            }
            if !prefix.isEmpty, let problem = ObjectKey.problem(in: prefix) {
                throw ObjectStorageError(
                    .invalidURL, "The prefix '\(prefix.prefix(200))' of the bucket \(bucket) \(problem).")
            }
            guard endpoint.hasPrefix("http://") || endpoint.hasPrefix("https://") else {
                throw ObjectStorageError(
                    .invalidURL, "The S3 endpoint '\(endpoint.prefix(200))' has to begin with http:// or https://.")
            }
            self.bucket = bucket
            self.prefix = prefix
            var trimmed = endpoint
            while trimmed.hasSuffix("/") { trimmed.removeLast() }
            self.endpoint = trimmed
            self.signing = signing
        }

        /// From `s3://BUCKET/PREFIX` and the variables that ``openStore(_:environment:)`` names.
        public init(url: String, environment: [String: String]) throws(ObjectStorageError) {
            func variable(_ names: String...) -> String? {
                names.lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
            }
            let path = url.dropFirst("s3://".count)
            let bucket = path.prefix { $0 != "/" }
            var prefix = path.dropFirst(bucket.count)
            while prefix.hasPrefix("/") { prefix.removeFirst() }
            while prefix.hasSuffix("/") { prefix.removeLast() }
            guard let accessKeyID = variable("AWS_ACCESS_KEY_ID"), let secret = variable("AWS_SECRET_ACCESS_KEY")
            else {
                throw ObjectStorageError(
                    .invalidURL,
                    "The store \(url) needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment.")
            }
            let region = variable("AWS_REGION", "AWS_DEFAULT_REGION") ?? "us-east-1"
            try self.init(
                bucket: String(bucket), prefix: String(prefix),
                endpoint: variable("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL") ?? "https://s3.\(region).amazonaws.com",
                signing: AWSSigning(
                    accessKeyID: accessKeyID, secretAccessKey: secret, sessionToken: variable("AWS_SESSION_TOKEN"),
                    region: region, service: "s3"))
        }

        /// Where the bucket, and an object in it, are on the wire.
        var bucketURL: String { "\(endpoint)/\(bucket)" }
        func objectURL(_ key: String) -> String {
            "\(bucketURL)/\(PercentEncoding.encode(bucketKey(key), keepingSlashes: true))"
        }

        /// The key within the bucket.
        func bucketKey(_ key: String) -> String { prefix.isEmpty ? key : "\(prefix)/\(key)" }
    }
}
