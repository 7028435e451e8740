import Cryptography
import Encodings

/// The `Upload-Checksum` header of a part: which digest its bytes must have.
///
/// Source: https://tus.io/protocols/resumable-upload, Checksum.
struct UploadChecksum: Sendable, Equatable {
    static let algorithms: [(name: String, digest: MessageDigest)] = [
        ("sha1", .sha1), ("sha256", .sha256), ("md5", .md5),
    ]

    let digest: MessageDigest
    let expected: [UInt8]

    init(header: String) throws(UploadError) {
        let parts = header.split(separator: " ")
        guard parts.count == 2 else {
            throw UploadError(.malformed, "Upload-Checksum must be an algorithm and a digest in Base64.")
        }
        let bytes: [UInt8]
        do { bytes = try Base64.decode(parts[1]) } catch {
            throw UploadError(.malformed, "The digest of Upload-Checksum is not Base64: \(error).")
        }
        guard let known = Self.algorithms.first(where: { $0.name == parts[0] }) else {
            throw UploadError(
                .malformed,
                "The algorithm '\(parts[0].prefix(40))' of Upload-Checksum is none of "
                    + Self.algorithms.map(\.name).joined(separator: ", ") + ".")
        }
        digest = known.digest
        expected = bytes
    }
}
