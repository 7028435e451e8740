import COpenSSL

/// One-shot digests by name, for callers that are told which algorithm to use. MD5 and SHA-1 are offered for
/// compatibility and protect nothing.
public enum MessageDigest: String, Sendable, CaseIterable {
    case md5 = "MD5"
    case sha1 = "SHA-1"
    case sha256 = "SHA-256"
    case sha384 = "SHA-384"
    case sha512 = "SHA-512"

    /// The digest of bytes in lower-case hexadecimal digits.
    public func hex(of bytes: [UInt8]) -> String {
        let algorithm =
            switch self {
            case .md5: EVP_md5()
            case .sha1: EVP_sha1()
            case .sha256: EVP_sha256()
            case .sha384: EVP_sha384()
            case .sha512: EVP_sha512()
            }
        let digest = [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { buffer, count in
            var length: UInt32 = 0
            guard EVP_Digest(bytes, bytes.count, buffer.baseAddress, &length, algorithm, nil) == 1 else {
                preconditionFailure("OpenSSL offers no \(rawValue): \(CryptoError.libraryReason()).")
            }
            count = Int(length)
        }
        return Hex.encode(digest)
    }
}
