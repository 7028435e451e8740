import COpenSSL
import Encodings
import Glibc

/// SHA-256 (FIPS 180-4), incrementally, by OpenSSL.
///
/// One value hashes one message and has one owner:
///
///     var hasher = SHA256()
///     hasher.update(bytes)
///     let digest = hasher.finalize()
///
/// `@unchecked Sendable`: the context has exactly one owner, who may be any thread.
public struct SHA256: ~Copyable, @unchecked Sendable {
    private let context: OpaquePointer

    /// Starts an empty message.
    public init() {
        guard let context = EVP_MD_CTX_new() else {
            preconditionFailure("OpenSSL could not allocate a digest context.")
        }
        guard EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            preconditionFailure("OpenSSL offers no SHA-256: \(CryptoError.libraryReason()).")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Appends bytes to the message.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1 else {
            preconditionFailure("OpenSSL refused SHA-256 input: \(CryptoError.libraryReason()).")
        }
    }

    /// Appends bytes to the message.
    public mutating func update(_ bytes: some Sequence<UInt8>) {
        if bytes.withContiguousStorageIfAvailable({ update(UnsafeRawBufferPointer($0)) }) == nil {
            Array(bytes).withUnsafeBytes { update($0) }
        }
    }

    /// Ends the message and answers its digest.
    public consuming func finalize() -> Digest {
        let bytes = [UInt8](unsafeUninitializedCapacity: Digest.count) { buffer, count in
            guard EVP_DigestFinal_ex(context, buffer.baseAddress, nil) == 1 else {
                preconditionFailure("OpenSSL could not finish SHA-256: \(CryptoError.libraryReason()).")
            }
            count = Digest.count
        }
        return Digest(checked: bytes)
    }
}

extension SHA256 {
    /// The 32 bytes of a SHA-256 hash. Digests are public values: comparing them leaks timing.
    public struct Digest: Sendable, Hashable, CustomStringConvertible {
        /// The length of every digest in bytes.
        public static let count = 32

        /// The digest's 32 bytes.
        public let bytes: [UInt8]

        fileprivate init(checked bytes: [UInt8]) { self.bytes = bytes }

        /// A digest from 64 hexadecimal digits of either case; nil for anything else.
        public init?(hex: some StringProtocol) {
            guard let bytes = Hex.decode(hex), bytes.count == Self.count else { return nil }
            self.bytes = bytes
        }

        /// 64 lower-case hexadecimal digits.
        public var hex: String { Hex.encode(bytes) }

        public var description: String { hex }
    }

    /// The digest of one message in memory.
    public static func hash(_ bytes: some Sequence<UInt8>) -> Digest {
        var hasher = SHA256()
        hasher.update(bytes)
        return hasher.finalize()
    }

    /// The digest of a string's UTF-8.
    public static func hash(_ text: String) -> Digest { hash(text.utf8) }

    /// The digest and length of a file's content, read once from the start in pieces of 1 MiB.
    ///
    /// Blocks on the disk: call it from a thread of your own, not from the cooperative pool. Throws
    /// ``CryptoError/Code/file`` with the system's reason when the file cannot be read.
    public static func file(_ path: String) throws(CryptoError) -> (digest: Digest, bytes: Int64) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw CryptoError(file: path, action: "opened", errno: errno) }
        defer { close(descriptor) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        var hasher = SHA256()
        var total: Int64 = 0
        while true {
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw CryptoError(file: path, action: "read", errno: errno) }
            if count == 0 { break }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            total += Int64(count)
        }
        return (hasher.finalize(), total)
    }
}
