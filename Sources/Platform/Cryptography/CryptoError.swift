import COpenSSL
import Glibc

/// What the Crypto room can fail with. Misuse of OpenSSL by this room traps instead.
public struct CryptoError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of failure.
    public enum Code: Sendable, Hashable {
        /// Sealed bytes do not open: they, their key or their context are not what they were.
        case authentication
        /// A file could not be opened, read or written.
        case file
        /// A master key is malformed, missing or not well kept.
        case key
        /// A key, initialization vector or message has a length the algorithm does not take.
        case length
    }

    public let code: Code
    /// One sentence with the values in it; never a key.
    public let message: String

    public init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    init(file path: String, action: String, errno code: CInt) {
        self.init(code: .file, message: "The file \(path) cannot be \(action): \(String(cString: strerror(code))).")
    }

    public var description: String { message }

    /// OpenSSL's own words for the last failure on this thread.
    static func libraryReason() -> String {
        let code = ERR_get_error()
        guard code != 0 else { return "no reason given" }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let base = buffer.baseAddress else { return "no reason given" }
            ERR_error_string_n(code, base, buffer.count)
            return String(cString: base)
        }
    }
}
