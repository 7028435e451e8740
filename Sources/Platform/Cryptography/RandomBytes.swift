import COpenSSL

/// `count` bytes of OpenSSL's cryptographically secure generator, seeded by the kernel.
///
/// - Parameter count: 0 to 16,777,216 bytes; more is a mistake of the caller and traps.
public func randomBytes(_ count: Int) -> [UInt8] {
    precondition((0...16_777_216).contains(count), "randomBytes was asked for \(count) bytes.")
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        guard count == 0 || RAND_bytes(buffer.baseAddress, CInt(count)) == 1 else {
            preconditionFailure("OpenSSL has no randomness: \(CryptoError.libraryReason()).")
        }
        initialized = count
    }
}
