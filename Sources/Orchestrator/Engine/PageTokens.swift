import Cryptography
import Encodings
import JSON

/// Marks of pages that leave the engine: what was told is told again only by whom it was told to, unchanged. A token
/// names the operation and the arguments it belongs to, and is signed with a key that outlives the engine's process.
public struct PageTokens: Sendable {
    private let key: [UInt8]

    init(key: String) { self.key = Array(key.utf8) }

    static func makeKey(_ randomBytes: RandomBytes) -> String { Hex.encode(randomBytes(32)) }

    /// - Parameters:
    ///   - mark: where the next page begins.
    ///   - call: the operation and those of its arguments that choose the list.
    public func token(_ mark: String, for call: String) -> String {
        let text = JSON.array([.string(mark)]).text
        return Hex.encode(Array(text.utf8)) + "." + signature(of: text, call)
    }

    /// The mark in a token. Throws `.invalidToken` for everything that ``token(_:for:)`` did not give for this call.
    public func mark(in token: String, for call: String) throws(EngineError) -> String {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let text = Self.text(String(parts[0])),
            constantTimeEquals(signature(of: text, call).utf8, parts[1].utf8)
        else {
            throw EngineError(code: .invalidToken, message: "Invalid Token: 'Invalid token'")
        }
        do {
            guard let mark = try JSON(parsing: text)[0]?.stringValue else {
                preconditionFailure("a signed mark is text in an array of one")
            }
            return mark
        } catch { preconditionFailure("a signed mark is JSON: \(error)") }
    }

    private func signature(of text: String, _ call: String) -> String {
        Hex.encode(HMACSHA256.code(call + "\n" + text, key: key))
    }

    private static func text(_ hex: String) -> String? {
        guard let bytes = Hex.decode(hex) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
