import Cryptography
import Encodings

/// What of an HTTP request Signature Version 4 covers, as it came over the wire.
public struct SignedRequest: Sendable {
    /// `GET`, `POST`, ...
    public let method: String
    /// The path as received, percent-encoded.
    public let path: String
    /// Names and values of the query in their order, percent-decoded; a name without `=` has an empty value.
    public let query: [(name: String, value: String)]
    /// All fields with lower-case names, in the order of their arrival.
    public let headers: [(name: String, value: String)]
    /// The SHA-256 of the content in lower-case hexadecimal digits, or `UNSIGNED-PAYLOAD` where the receiver does not
    /// hold the client to it. Set where the content is at hand later than the rest.
    public var contentHash: String

    /// What stands for a content that the signature does not cover.
    public static let unsignedPayload = "UNSIGNED-PAYLOAD"
    /// The SHA-256 of nothing.
    public static let emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    /// The hash of a content that is at hand.
    public static func hash(of content: some Sequence<UInt8>) -> String { SHA256.hash(content).hex }

    /// - Parameters:
    ///   - target: path and query of the request line, as received.
    ///   - headers: fields by name, in any case; `Host` among them.
    public init(
        method: String, target: String, headers: some Sequence<(name: String, value: String)>, contentHash: String
    ) {
        self.method = method
        let mark = target.firstIndex(of: "?")
        path = String(target[..<(mark ?? target.endIndex)])
        query =
            mark.map { mark in
                target[target.index(after: mark)...].split(separator: "&").map { pair in
                    let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                    return (CanonicalText.decoded(parts[0]), parts.count > 1 ? CanonicalText.decoded(parts[1]) : "")
                }
            } ?? []
        self.headers = headers.map { ($0.name.lowercased(), $0.value) }
        self.contentHash = contentHash
    }

    /// The first field of a name, which is lower-case.
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    /// The first value of a name in the query.
    func parameter(_ name: String) -> String? { query.first { $0.name == name }?.value }

    /// The canonical request for a signature over these fields, as
    /// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html describes it: for
    /// every service but S3, so the path is normalised and encoded once more. `X-Amz-Signature` is left out of the
    /// query: it can't cover itself.
    func canonicalText(signedHeaders: [String]) -> String {
        let parameters = query.filter { $0.name != "X-Amz-Signature" }
            .map { (name: PercentEncoding.encode($0.name), value: PercentEncoding.encode($0.value)) }
            .sorted { ($0.name, $0.value) < ($1.name, $1.value) }
            .map { "\($0.name)=\($0.value)" }.joined(separator: "&")
        let fields = signedHeaders.map { name in
            let values = headers.filter { $0.name == name }.map { CanonicalText.collapsed($0.value) }
            return "\(name):\(values.joined(separator: ","))\n"
        }.joined()
        return [
            method, CanonicalText.path(path), parameters, fields, signedHeaders.joined(separator: ";"), contentHash,
        ].joined(separator: "\n")
    }
}

/// The small rules that make a request's text canonical.
enum CanonicalText {
    /// Percent-decoded; an incomplete escape stays as it is, and what is no UTF-8 becomes the replacement character, so
    /// that such a request matches no signature rather than another's.
    static func decoded(_ text: Substring) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2, let high = digit(rest[rest.startIndex]),
                let low = digit(rest[rest.startIndex + 1])
            {
                bytes.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// A path without dot segments and empty ones (RFC 3986, section 5.2.4), its segments encoded once more.
    static func path(_ path: String) -> String {
        var kept: [Substring] = []
        for segment in path.split(separator: "/") where segment != "." {
            if segment == ".." { _ = kept.popLast() } else { kept.append(segment) }
        }
        let isFolder = path.hasSuffix("/") && !kept.isEmpty
        return "/" + kept.map { PercentEncoding.encode($0) }.joined(separator: "/") + (isFolder ? "/" : "")
    }

    /// Without white space around it, and one space for each stretch inside.
    static func collapsed(_ value: String) -> String {
        value.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
    }
}
