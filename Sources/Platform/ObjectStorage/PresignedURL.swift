import Cryptography
import Encodings
import HTTP
import Glibc

/// A URL that lets whoever has it read one object for a while, without credentials: AWS Signature Version 4 in query
/// parameters. libcurl signs requests, not URLs, hence our own.
enum PresignedURL {
    /// - Parameters:
    ///   - url: absolute, its path percent-encoded, without a query.
    ///   - time: when it begins to be valid, in seconds since 1970.
    ///   - seconds: how long it is valid; S3 allows 1...604,800 (a week).
    static func make(_ method: String, _ url: String, signing: AWSSigning, time: Int64, seconds: Int) -> String {
        precondition((1...604_800).contains(seconds), "A presigned URL is valid for 1...604800 s, not \(seconds).")
        let date = timestamp(time)
        let scope = "\(date.prefix(8))/\(signing.region)/\(signing.service)/aws4_request"
        var items = [
            (name: "X-Amz-Algorithm", value: "AWS4-HMAC-SHA256"),
            (name: "X-Amz-Credential", value: "\(signing.accessKeyID)/\(scope)"), (name: "X-Amz-Date", value: date),
            (name: "X-Amz-Expires", value: String(seconds)), (name: "X-Amz-SignedHeaders", value: "host"),
        ]
        if let token = signing.sessionToken { items.append((name: "X-Amz-Security-Token", value: token)) }
        let query = PercentEncoding.query(items)
        let address = url.drop { $0 != ":" }.dropFirst("://".count)
        let host = address.prefix { $0 != "/" }
        let path = address.dropFirst(host.count)
        let canonical = "\(method)\n\(path)\n\(query)\nhost:\(host)\n\nhost\nUNSIGNED-PAYLOAD"
        let message = "AWS4-HMAC-SHA256\n\(date)\n\(scope)\n\(SHA256.hash(canonical).hex)"
        var key = Array("AWS4\(signing.secretAccessKey)".utf8)
        for part in scope.split(separator: "/") { key = HMACSHA256.code(String(part), key: key) }
        return "\(url)?\(query)&X-Amz-Signature=\(Hex.encode(HMACSHA256.code(message, key: key)))"
    }

    /// `20130524T000000Z`.
    private static func timestamp(_ time: Int64) -> String {
        var parts = tm()
        var seconds = time_t(time)
        gmtime_r(&seconds, &parts)
        func digits(_ value: CInt, _ count: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        return digits(parts.tm_year + 1900, 4) + digits(parts.tm_mon + 1, 2) + digits(parts.tm_mday, 2) + "T"
            + digits(parts.tm_hour, 2) + digits(parts.tm_min, 2) + digits(parts.tm_sec, 2) + "Z"
    }
}

extension S3Store {
    /// A URL under which anybody can read the object until it expires, for players and other programs without
    /// credentials. Says nothing about whether the object exists.
    ///
    /// - Parameters:
    ///   - time: now, in seconds since 1970.
    ///   - seconds: how long the URL is valid, 1...604,800.
    public func presignedURL(for key: String, time: Int64, seconds: Int) throws(ObjectStorageError) -> String {
        try validate(key)
        return PresignedURL.make(
            "GET", location.objectURL(key), signing: location.signing, time: time, seconds: seconds)
    }
}
