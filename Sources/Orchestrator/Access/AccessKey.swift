public import AccessControl
import Cryptography

/// An access key as it is shown: without its secret.
public struct AccessKey: Sendable, Equatable {
    /// `AKIA` and 16 letters and digits, as AWS has it.
    public var id: String
    /// Nil for a role that this release doesn't know: such a key does not work, and can be disabled.
    public var role: Role? { Role(rawValue: roleName) }
    /// As the database has it.
    public var roleName: String
    public var description: String?
    /// Microseconds since 1970.
    public var createdAt: Int64
    /// Microseconds since 1970; nil while the key works.
    public var disabledAt: Int64?
    /// `YYYY-MM-DD` in UTC; nil before the first use.
    public var lastUsedDay: String?

    public var isEnabled: Bool { disabledAt == nil }

    /// The longest description, in UTF-8 bytes.
    public static let descriptionLength = 256

    static func newID() -> String {
        // RFC 4648, base 32: what people read to each other holds no 0, 1 and 8.
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)
        return "AKIA" + String(decoding: randomBytes(16).map { alphabet[Int($0 & 31)] }, as: UTF8.self)
    }

    /// 240 random bits in 40 characters, as AWS has it.
    static func newSecret() -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        return String(decoding: randomBytes(40).map { alphabet[Int($0 & 63)] }, as: UTF8.self)
    }
}

/// A key that was just made, with the secret that is told this once.
public struct NewAccessKey: Sendable, CustomStringConvertible {
    public let key: AccessKey
    public let secret: String

    /// Never the secret: descriptions end up in logs.
    public var description: String { "NewAccessKey(\(key.id))" }
}
