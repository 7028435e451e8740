import COpenSSL

/// AES with 256-bit keys in Galois/Counter Mode (NIST SP 800-38D), by OpenSSL: encrypts and authenticates.
public enum AES256GCM {
    /// The length of keys in bytes.
    public static let keyBytes = 32
    /// The length of nonces in bytes. A nonce is used once under a key: a second message with it betrays both.
    public static let nonceBytes = 12
    /// The length of the tag, which follows the ciphertext, in bytes.
    public static let tagBytes = 16
    /// The longest message that one call takes, in bytes: what is sealed here are secrets, never films.
    public static let messageBytes = 16 << 20

    /// The ciphertext of `plain`, as long as it is, followed by the tag. `context` is authenticated and not encrypted.
    ///
    /// Throws ``CryptoError/Code/length`` for a key, nonce or message of a length that is not taken.
    public static func seal(
        _ plain: [UInt8], key: [UInt8], nonce: [UInt8], context: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        try requireLengths(plain.count, key, nonce)
        let cipher = start(key: key, nonce: nonce, encrypting: true)
        defer { EVP_CIPHER_CTX_free(cipher) }
        authenticate(context, cipher)
        return [UInt8](unsafeUninitializedCapacity: plain.count + tagBytes) { output, count in
            var written: CInt = 0
            guard
                plain.isEmpty
                    || EVP_CipherUpdate(cipher, output.baseAddress, &written, plain, CInt(plain.count)) == 1,
                Int(written) == plain.count,
                EVP_CipherFinal_ex(cipher, output.baseAddress, &written) == 1,
                EVP_CIPHER_CTX_ctrl(
                    cipher, EVP_CTRL_AEAD_GET_TAG, CInt(tagBytes), output.baseAddress?.advanced(by: plain.count)) == 1
            else { preconditionFailure("OpenSSL failed in AES-256-GCM: \(CryptoError.libraryReason()).") }
            count = plain.count + tagBytes
        }
    }

    /// The inverse of ``seal(_:key:nonce:context:)``.
    ///
    /// Throws ``CryptoError/Code/authentication`` when key, nonce, context or any byte is not what it was, and
    /// ``CryptoError/Code/length`` as sealing does.
    public static func open(
        _ sealed: [UInt8], key: [UInt8], nonce: [UInt8], context: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        guard sealed.count >= tagBytes else {
            throw CryptoError(
                code: .length, message: "\(sealed.count) bytes are too few for an AES-256-GCM tag of \(tagBytes).")
        }
        let length = sealed.count - tagBytes
        try requireLengths(length, key, nonce)
        let cipher = start(key: key, nonce: nonce, encrypting: false)
        defer { EVP_CIPHER_CTX_free(cipher) }
        authenticate(context, cipher)
        var tag = Array(sealed.suffix(tagBytes))
        guard EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, CInt(tagBytes), &tag) == 1 else {
            preconditionFailure("OpenSSL refused an AES-256-GCM tag: \(CryptoError.libraryReason()).")
        }
        var isAuthentic = false
        let plain = [UInt8](unsafeUninitializedCapacity: length) { output, count in
            var written: CInt = 0
            guard
                length == 0 || EVP_CipherUpdate(cipher, output.baseAddress, &written, sealed, CInt(length)) == 1,
                Int(written) == length
            else { preconditionFailure("OpenSSL failed in AES-256-GCM: \(CryptoError.libraryReason()).") }
            isAuthentic = EVP_CipherFinal_ex(cipher, output.baseAddress, &written) == 1
            // Nothing leaves that is not authentic.
            count = isAuthentic ? length : 0
        }
        guard isAuthentic else {
            // The failure stands in this thread's queue of errors, where the next reader would take it for its own.
            ERR_clear_error()
            throw CryptoError(
                code: .authentication, message: "The sealed bytes, their key or their context are not the original.")
        }
        return plain
    }

    private static func requireLengths(_ message: Int, _ key: [UInt8], _ nonce: [UInt8]) throws(CryptoError) {
        guard key.count == keyBytes, nonce.count == nonceBytes else {
            throw CryptoError(
                code: .length,
                message:
                    "AES-256-GCM takes a key of \(keyBytes) bytes and a nonce of \(nonceBytes), not \(key.count) and \(nonce.count)."
            )
        }
        guard message <= messageBytes else {
            throw CryptoError(
                code: .length, message: "\(message) bytes are too many to seal: \(messageBytes) are the most.")
        }
    }

    private static func start(key: [UInt8], nonce: [UInt8], encrypting: Bool) -> OpaquePointer {
        guard let context = EVP_CIPHER_CTX_new() else {
            preconditionFailure("OpenSSL could not allocate a cipher context.")
        }
        // The standard nonce of 12 bytes is OpenSSL's default.
        guard EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce, encrypting ? 1 : 0) == 1 else {
            preconditionFailure("OpenSSL refused AES-256-GCM: \(CryptoError.libraryReason()).")
        }
        return context
    }

    private static func authenticate(_ context: [UInt8], _ cipher: OpaquePointer) {
        precondition(context.count <= messageBytes, "A sealing context has \(context.count) bytes.")
        var written: CInt = 0
        guard context.isEmpty || EVP_CipherUpdate(cipher, nil, &written, context, CInt(context.count)) == 1 else {
            preconditionFailure("OpenSSL failed in AES-256-GCM: \(CryptoError.libraryReason()).")
        }
    }
}
