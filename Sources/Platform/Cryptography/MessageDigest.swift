import COpenSSL
import Encodings

/// Digests by name, for callers that are told which algorithm to use. MD5 and SHA-1 are offered for compatibility and
/// protect nothing.
public enum MessageDigest: String, Sendable, CaseIterable {
    case md5 = "MD5"
    case sha1 = "SHA-1"
    case sha256 = "SHA-256"
    case sha384 = "SHA-384"
    case sha512 = "SHA-512"

    fileprivate var algorithm: OpaquePointer? {
        switch self {
        case .md5: EVP_md5()
        case .sha1: EVP_sha1()
        case .sha256: EVP_sha256()
        case .sha384: EVP_sha384()
        case .sha512: EVP_sha512()
        }
    }

    /// The digest of bytes in lower-case hexadecimal digits.
    public func hex(of bytes: [UInt8]) -> String {
        var digest = RunningDigest(self)
        digest.update(bytes)
        return Hex.encode(digest.finalize())
    }
}

/// A digest of a message that comes in pieces; it has one owner.
///
/// `@unchecked Sendable`: the context has exactly one owner, who may be any thread.
public struct RunningDigest: ~Copyable, @unchecked Sendable {
    private let context: OpaquePointer

    /// Starts an empty message.
    public init(_ digest: MessageDigest) {
        guard let context = EVP_MD_CTX_new() else {
            preconditionFailure("OpenSSL could not allocate a digest context.")
        }
        guard EVP_DigestInit_ex(context, digest.algorithm, nil) == 1 else {
            preconditionFailure("OpenSSL offers no \(digest.rawValue): \(CryptoError.libraryReason()).")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Appends bytes to the message.
    public mutating func update(_ bytes: [UInt8]) {
        guard EVP_DigestUpdate(context, bytes, bytes.count) == 1 else {
            preconditionFailure("OpenSSL refused a digest's input: \(CryptoError.libraryReason()).")
        }
    }

    /// Ends the message and answers its digest.
    public consuming func finalize() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { buffer, count in
            var length: UInt32 = 0
            guard EVP_DigestFinal_ex(context, buffer.baseAddress, &length) == 1 else {
                preconditionFailure("OpenSSL could not finish a digest: \(CryptoError.libraryReason()).")
            }
            count = Int(length)
        }
    }
}
