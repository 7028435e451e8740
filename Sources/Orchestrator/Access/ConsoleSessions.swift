import Cryptography
import Encodings

/// The console's cookie: which key signed in and until when, under a code that only this engine's master key makes.
/// Nothing is kept of a session, so that every engine on the database takes it; a key that is disabled has none.
struct ConsoleSessions: Sendable {
    static let cookieName = "showrunner_session"
    /// 12 hours.
    static let validity: Int64 = 43_200
    private static let format = "1"

    private let key: [UInt8]

    init(ring: KeyRing) { key = ring.derivedKey(for: "console sessions") }

    /// The value of a new session's cookie.
    ///
    /// - Parameters:
    ///   - secret: the key's own, so that the same id with another secret is another's.
    ///   - now: seconds since 1970.
    func issue(accessKeyID: String, secret: String, now: Int64) -> String {
        let claim = "\(Self.format).\(accessKeyID).\(now + Self.validity)"
        return "\(claim).\(Hex.encode(code(claim, secret)))"
    }

    /// What a value claims: nil where it is no session's. Whether it is true, only ``verify(_:secret:now:)`` says.
    static func accessKeyID(in value: String) -> String? {
        let parts = value.split(separator: ".", omittingEmptySubsequences: false)
        guard value.utf8.count <= 512, parts.count == 4, parts[0] == format, !parts[1].isEmpty else { return nil }
        return String(parts[1])
    }

    /// Whether a value was issued for this key and has not run out.
    func verify(_ value: String, secret: String, now: Int64) -> Bool {
        let parts = value.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, let end = Int64(parts[2]), let presented = Hex.decode(parts[3]) else { return false }
        let claim = parts[0..<3].joined(separator: ".")
        return constantTimeEquals(presented, code(claim, secret)) && now < end
    }

    private func code(_ claim: String, _ secret: String) -> [UInt8] {
        HMACSHA256.code(claim, key: HMACSHA256.code(secret, key: key))
    }

    /// The field that sets the cookie. Scripts don't see it, other sites' requests don't carry it.
    static func setting(_ value: String, isSecure: Bool) -> String {
        "\(cookieName)=\(value); Path=/; HttpOnly; SameSite=Strict; Max-Age=\(validity)" + (isSecure ? "; Secure" : "")
    }

    /// The field that removes it.
    static func clearing(isSecure: Bool) -> String {
        "\(cookieName)=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0" + (isSecure ? "; Secure" : "")
    }

    /// The value in a `Cookie` field (RFC 6265, section 4.2); nil without one.
    static func value(in field: String?) -> String? {
        for pair in (field ?? "").split(separator: ";") {
            let pair = pair.drop { $0 == " " }
            if pair.hasPrefix(cookieName + "=") { return String(pair.dropFirst(cookieName.count + 1)) }
        }
        return nil
    }
}
