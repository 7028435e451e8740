import Cryptography
import Encodings
import JSON

/// Lets one profile of one account have licences of one title for some minutes: `PAYLOAD.SIGNATURE`, both in base 64 for
/// addresses, an HMAC-SHA-256 over the payload, which names its key.
///
/// The key follows from a master key and the day, so that every process over one master key accepts the others' tokens,
/// and a day's key signs nothing on the next.
struct PlaybackToken: Equatable {
    /// How long a token holds, in seconds.
    static let lifetime: Int64 = 300

    let account: String
    let profile: String
    let title: String
    /// Seconds since 1970; the token holds before.
    let expires: Int64

    /// How far the clock of the process that signed may be ahead, in seconds.
    static let clockError: Int64 = 30

    private static let day: Int64 = 86_400
    private static let longest = 1024

    func text(_ ring: KeyRing) -> String {
        let number = expires / Self.day
        let payload: JSON = [
            "account": .string(account), "profile": .string(profile), "title": .string(title),
            "exp": .integer(expires), "kid": .string("\(Hex.encode(ring.newestID))-\(number)"),
        ]
        let signed = Base64URL.encode(payload.utf8)
        let key = ring.derivedKey(for: Self.purpose(number))
        return "\(signed).\(Base64URL.encode(HMACSHA256.code(signed, key: key)))"
    }

    init(account: String, profile: String, title: String, expires: Int64) {
        self.account = account
        self.profile = profile
        self.title = title
        self.expires = expires
    }

    /// Nil for what is none of ours, was changed, or has run out.
    ///
    /// - Parameter now: seconds since 1970.
    init?(text: String, _ ring: KeyRing, now: Int64) {
        guard text.utf8.count <= Self.longest else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let signature = Base64URL.decode(parts[1]), let bytes = Base64URL.decode(parts[0]),
            let payload = Self.object(bytes), let kid = payload["kid"]?.stringValue
        else { return nil }
        let names = kid.split(separator: "-", omittingEmptySubsequences: false)
        guard names.count == 2, let masterKeyID = Hex.decode(names[0]), let number = Int64(names[1]),
            let key = ring.derivedKey(for: Self.purpose(number), masterKeyID: masterKeyID),
            HMACSHA256.verify(signature, of: parts[0].utf8, key: key)
        else { return nil }
        guard let account = payload["account"]?.stringValue, let profile = payload["profile"]?.stringValue,
            let title = payload["title"]?.stringValue, let expires = payload["exp"]?.integerValue.map({ Int64($0) }),
            expires / Self.day == number, expires > now, expires <= now + Self.lifetime + Self.clockError
        else { return nil }
        self.init(account: account, profile: profile, title: title, expires: expires)
    }

    private static func purpose(_ day: Int64) -> String { "playback token of day \(day)" }

    private static func object(_ bytes: [UInt8]) -> JSON? {
        do { return try JSON(parsing: bytes) } catch { return nil }
    }
}
