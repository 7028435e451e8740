import COpenSSL

/// HMAC-SHA-256 (RFC 2104, RFC 4231), by OpenSSL.
public enum HMACSHA256 {
    /// The 32-byte authentication code of `message` under `key` (of any length, also empty).
    public static func code(_ message: some Sequence<UInt8>, key: some Sequence<UInt8>) -> [UInt8] {
        let key = Array(key)
        let message = Array(message)
        return [UInt8](unsafeUninitializedCapacity: SHA256.Digest.count) { output, count in
            // A null key pointer means "the previous key" to OpenSSL, so an empty key still points somewhere.
            var placeholder: UInt8 = 0
            let made = withUnsafeMutablePointer(to: &placeholder) { empty in
                key.withUnsafeBytes { key in
                    message.withUnsafeBufferPointer { message in
                        HMAC(
                            EVP_sha256(), key.baseAddress ?? UnsafeRawPointer(empty), CInt(key.count),
                            message.baseAddress, message.count, output.baseAddress, nil)
                    }
                }
            }
            guard made != nil else { preconditionFailure("OpenSSL refused HMAC: \(CryptoError.libraryReason()).") }
            count = SHA256.Digest.count
        }
    }

    /// The authentication code of a string's UTF-8.
    public static func code(_ message: String, key: some Sequence<UInt8>) -> [UInt8] {
        code(message.utf8, key: key)
    }

    /// Whether `code` authenticates `message`, compared in constant time.
    public static func verify(
        _ code: some Sequence<UInt8>, of message: some Sequence<UInt8>, key: some Sequence<UInt8>
    ) -> Bool {
        constantTimeEquals(code, self.code(message, key: key))
    }
}

/// Whether two byte strings are equal, in a time that depends on their lengths only. For everything secret: codes,
/// tokens, passwords' hashes.
public func constantTimeEquals(_ left: some Sequence<UInt8>, _ right: some Sequence<UInt8>) -> Bool {
    let left = Array(left)
    let right = Array(right)
    guard left.count == right.count else { return false }
    return left.withUnsafeBytes { left in
        right.withUnsafeBytes { right in
            guard let first = left.baseAddress, let second = right.baseAddress else { return true }
            return CRYPTO_memcmp(first, second, left.count) == 0
        }
    }
}
