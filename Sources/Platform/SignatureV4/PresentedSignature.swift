/// A signature as a request presents it: in its `Authorization` field, or in its query (a presigned request).
public struct PresentedSignature: Sendable, Hashable {
    /// What a signature is made for: `KEY/DAY/REGION/SERVICE/aws4_request`.
    public struct Credential: Sendable, Hashable {
        public let accessKeyID: String
        /// `YYYYMMDD`.
        public let day: String
        public let region: String
        public let service: String
        public let terminator: String

        var scope: String { "\(day)/\(region)/\(service)/\(terminator)" }
    }

    public let credential: Credential
    /// Lower-case names, as presented.
    public let signedHeaders: [String]
    /// As presented; compared only.
    public let signature: String
    public let time: SigningTime
    /// How long a presigned request is good, in seconds; nil where the signature stands in a field.
    public let expires: Int64?
    /// A session token came along.
    public let hasSessionToken: Bool

    /// The only algorithm of Signature Version 4.
    public static let algorithm = "AWS4-HMAC-SHA256"
    static let terminator = "aws4_request"
    /// A week, as AWS has it.
    static let longestExpiry: Int64 = 604_800
    private static let largestField = 16 << 10

    /// What a request presents; nil where it presents nothing. Throws ``SignatureError/Code/incompleteSignature`` for
    /// one that is malformed or lacks a part; every part that is absent is named.
    public static func read(from request: SignedRequest) throws(SignatureError) -> PresentedSignature? {
        let fields = request.headers.filter { $0.name == "authorization" }
        if let field = fields.first {
            // Two ways at once leave open which one counts.
            guard fields.count == 1, request.parameter("X-Amz-Signature") == nil else {
                throw SignatureError(
                    .incompleteSignature, "The request presents more than one signature: exactly one is taken.")
            }
            return try read(field: field.value, request)
        }
        guard request.query.contains(where: { $0.name == "X-Amz-Signature" || $0.name == "X-Amz-Algorithm" }) else {
            return nil
        }
        return try readQuery(request)
    }

    // MARK: Authorization

    private static func read(field: String, _ request: SignedRequest) throws(SignatureError) -> PresentedSignature? {
        guard field.utf8.count <= largestField else {
            throw SignatureError(
                .incompleteSignature, "The Authorization header has more than \(largestField) bytes.")
        }
        let scheme = field.prefix { $0 != " " }
        // Another scheme (Basic, Bearer) is no signature at all.
        guard scheme.hasPrefix("AWS4-") else { return nil }
        guard scheme == algorithm else {
            throw SignatureError(.incompleteSignature, "Unsupported AWS 'algorithm': '\(scheme)'.")
        }
        var parts: [String: String] = [:]
        for piece in field.dropFirst(scheme.count).split(separator: ",") {
            let piece = CanonicalText.collapsed(String(piece))
            if piece.isEmpty { continue }
            guard let sign = piece.firstIndex(of: "=") else {
                throw SignatureError(
                    .incompleteSignature,
                    "'\(piece)' not a valid key=value pair (missing equal-sign) in Authorization header: '\(field)'.")
            }
            let name = String(piece[..<sign])
            guard parts.updateValue(String(piece[piece.index(after: sign)...]), forKey: name) == nil else {
                throw SignatureError(
                    .incompleteSignature, "Authorization header has the '\(name)' parameter more than once.")
            }
        }
        let date = request.header("x-amz-date") ?? request.header("date")
        var complaints: [String] = []
        for name in ["Credential", "Signature", "SignedHeaders"] where parts[name]?.isEmpty != false {
            complaints.append("Authorization header requires '\(name)' parameter.")
        }
        if date?.isEmpty != false {
            complaints.append(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
        }
        guard let credential = parts["Credential"], let signature = parts["Signature"],
            let signedHeaders = parts["SignedHeaders"], let date, complaints.isEmpty
        else {
            // Only the part before the signature, which is nobody's business.
            throw SignatureError(.incompleteSignature, complaints.joined(separator: " "))
        }
        return PresentedSignature(
            credential: try Self.credential(credential), signedHeaders: try names(signedHeaders),
            signature: signature, time: try time(date), expires: nil,
            hasSessionToken: request.header("x-amz-security-token") != nil)
    }

    // MARK: Query

    private static func readQuery(_ request: SignedRequest) throws(SignatureError) -> PresentedSignature {
        var values: [String: String] = [:]
        var complaints: [String] = []
        for name in [
            "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date",
            "X-Amz-Expires",
        ] {
            let found = request.query.filter { $0.name == name }.map(\.value)
            if found.count == 1, let value = found.first, !value.isEmpty {
                values[name] = value
            } else {
                complaints.append("AWS query-string parameters must include '\(name)', exactly once.")
            }
        }
        guard let algorithm = values["X-Amz-Algorithm"], let credential = values["X-Amz-Credential"],
            let signature = values["X-Amz-Signature"], let signedHeaders = values["X-Amz-SignedHeaders"],
            let date = values["X-Amz-Date"], let expires = values["X-Amz-Expires"], complaints.isEmpty
        else { throw SignatureError(.incompleteSignature, complaints.joined(separator: " ")) }
        guard algorithm == Self.algorithm else {
            throw SignatureError(.incompleteSignature, "Unsupported AWS 'algorithm': '\(algorithm)'.")
        }
        guard expires.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let duration = Int64(expires), (1...longestExpiry).contains(duration)
        else {
            throw SignatureError(
                .incompleteSignature,
                "X-Amz-Expires must be a number of seconds from 1 to \(longestExpiry) (a week), not '\(expires)'.")
        }
        return PresentedSignature(
            credential: try Self.credential(credential), signedHeaders: try names(signedHeaders),
            signature: signature, time: try time(date), expires: duration,
            hasSessionToken: request.parameter("X-Amz-Security-Token") != nil
                || request.header("x-amz-security-token") != nil)
    }

    // MARK: Parts

    private static func credential(_ text: String) throws(SignatureError) -> Credential {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 5, !parts[0].isEmpty else {
            throw SignatureError(
                .incompleteSignature,
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
                    + "'\(text)'.")
        }
        return Credential(
            accessKeyID: parts[0], day: parts[1], region: parts[2], service: parts[3], terminator: parts[4])
    }

    private static func names(_ text: String) throws(SignatureError) -> [String] {
        let names = text.split(separator: ";", omittingEmptySubsequences: false).map(String.init)
        guard names == Array(Set(names)).sorted(), names.allSatisfy({ !$0.isEmpty && $0 == $0.lowercased() }) else {
            throw SignatureError(
                .incompleteSignature,
                "SignedHeaders must be lower-case names, each once, in alphabetic order, got '\(text)'.")
        }
        return names
    }

    private static func time(_ text: String) throws(SignatureError) -> SigningTime {
        guard let time = SigningTime(text) ?? SigningTime(httpDate: text) else {
            throw SignatureError(
                .incompleteSignature,
                "Date must be in ISO-8601 'basic format'. Got '\(text)'. See http://en.wikipedia.org/wiki/ISO_8601")
        }
        return time
    }
}
