import Journal
public import JSON
import SignatureV4

extension AccessKey {
    /// For the wire and for `--json`: AWS's names where AWS has one.
    public var json: JSON {
        .members(
            ("accessKeyId", .string(id)), ("role", .string(roleName)),
            ("description", description.map { .string($0) }), ("status", .string(isEnabled ? "Active" : "Inactive")),
            ("createDate", .string(createdAt.timestamp)), ("disabledDate", disabledAt.map { .string($0.timestamp) }),
            ("lastUsedDate", lastUsedDay.map { .string($0) }))
    }
}

extension NewAccessKey {
    /// The key's document, with the secret.
    public var json: JSON {
        var document = key.json
        document["secretAccessKey"] = .string(secret)
        return document
    }
}

extension AuditRow {
    var json: JSON {
        .members(
            ("id", .string(id)), ("at", .string(at.timestamp)), ("accessKeyId", .string(accessKeyID)),
            ("role", .string(role)), ("action", .string(action)), ("resource", resource.map { .string($0) }),
            ("source", source.map { .string($0) }), ("requestId", .string(requestID)),
            ("reason", reason.map { .string($0) }), ("outcome", outcome.map { .string($0) }))
    }
}

extension Int64 {
    /// The day of a moment in microseconds since 1970: `YYYY-MM-DD`.
    var dayText: String { String(timestamp.prefix(10)) }

    /// Microseconds since 1970 in RFC 3339, with milliseconds, in UTC.
    fileprivate var timestamp: String {
        precondition(self >= 0, "Nothing here is older than 1970.")
        let (seconds, rest) = quotientAndRemainder(dividingBy: 1_000_000)
        let basic = Array(SigningTime(seconds: seconds).description)
        let milliseconds = String(rest / 1000)
        func part(_ range: Range<Int>) -> String { String(basic[range]) }
        return "\(part(0..<4))-\(part(4..<6))-\(part(6..<8))T\(part(9..<11)):\(part(11..<13)):\(part(13..<15))."
            + String(repeating: "0", count: 3 - milliseconds.count) + milliseconds + "Z"
    }
}
