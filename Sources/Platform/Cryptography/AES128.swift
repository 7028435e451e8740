import COpenSSL

/// AES with 128-bit keys (FIPS 197) in the two modes that Common Encryption (ISO/IEC 23001-7) uses. Neither
/// authenticates: for media samples, not for secrets at rest.
public enum AES128 {
    /// The length of keys, counters, initialization vectors and blocks in bytes.
    public static let blockBytes = 16

    /// CTR mode (`cenc`): the same call encrypts and decrypts. `counter` is the whole 16-byte counter block of the
    /// first byte. Throws ``CryptoError/Code/length`` for a key or counter that is not 16 bytes.
    public static func counterMode(
        _ bytes: [UInt8], key: [UInt8], counter: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        try run(EVP_aes_128_ctr(), bytes, key: key, vector: counter, encrypting: true)
    }

    /// CBC mode without padding (`cbcs`). `bytes` is a whole number of 16-byte blocks. Throws
    /// ``CryptoError/Code/length`` otherwise, and for a key or vector that is not 16 bytes.
    public static func encryptBlockChain(
        _ bytes: [UInt8], key: [UInt8], vector: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        try requireBlocks(bytes)
        return try run(EVP_aes_128_cbc(), bytes, key: key, vector: vector, encrypting: true)
    }

    /// The inverse of ``encryptBlockChain(_:key:vector:)``, with the same limits.
    public static func decryptBlockChain(
        _ bytes: [UInt8], key: [UInt8], vector: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        try requireBlocks(bytes)
        return try run(EVP_aes_128_cbc(), bytes, key: key, vector: vector, encrypting: false)
    }

    private static func requireBlocks(_ bytes: [UInt8]) throws(CryptoError) {
        guard bytes.count.isMultiple(of: blockBytes) else {
            throw CryptoError(
                code: .length,
                message: "AES-128-CBC without padding takes whole 16-byte blocks, not \(bytes.count) bytes.")
        }
    }

    private static func run(
        _ cipher: OpaquePointer?, _ bytes: [UInt8], key: [UInt8], vector: [UInt8], encrypting: Bool
    ) throws(CryptoError) -> [UInt8] {
        guard key.count == blockBytes, vector.count == blockBytes else {
            throw CryptoError(
                code: .length,
                message: "AES-128 takes a key and a vector of 16 bytes, not \(key.count) and \(vector.count).")
        }
        guard bytes.count <= Int(CInt.max) - blockBytes else {
            throw CryptoError(code: .length, message: "\(bytes.count) bytes are too many for one AES call.")
        }
        guard let context = EVP_CIPHER_CTX_new() else {
            preconditionFailure("OpenSSL could not allocate a cipher context.")
        }
        defer { EVP_CIPHER_CTX_free(context) }
        guard EVP_CipherInit_ex(context, cipher, nil, key, vector, encrypting ? 1 : 0) == 1,
            EVP_CIPHER_CTX_set_padding(context, 0) == 1
        else { preconditionFailure("OpenSSL refused AES-128: \(CryptoError.libraryReason()).") }
        return [UInt8](unsafeUninitializedCapacity: bytes.count) { output, count in
            var written: CInt = 0
            guard
                bytes.isEmpty
                    || EVP_CipherUpdate(context, output.baseAddress, &written, bytes, CInt(bytes.count)) == 1,
                Int(written) == bytes.count
            else { preconditionFailure("OpenSSL failed in AES-128: \(CryptoError.libraryReason()).") }
            count = bytes.count
        }
    }
}
