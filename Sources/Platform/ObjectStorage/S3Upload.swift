import Cryptography
import HTTP

/// One object on its way up: what it is and the checksums of its parts.
struct S3Upload: Sendable {
    /// One part of a multipart upload; numbers begin with 1.
    struct Part: Sendable {
        let number: Int
        let offset: Int64
        let length: Int64
        let sha256: SHA256.Digest
    }

    let content: ObjectContent
    let reference: ObjectReference
    let contentType: String
    let parts: [Part]

    /// Reads the content once to learn its length and checksums.
    init(_ content: ObjectContent, key: String, contentType: String) async throws(ObjectStorageError) {
        let digests = try await FileThreads.shared.run { cancellation throws(ObjectStorageError) in
            switch content {
            case .bytes(let bytes):
                return try FileDigests(
                    bytes: bytes, partBytes: Self.partBytes(of: Int64(bytes.count)), cancellation: cancellation)
            case .file(let path):
                let length = try LocalFile(reading: path).length()
                guard length <= S3Store.maxObjectBytes else {
                    throw ObjectStorageError(
                        .tooLarge,
                        "\(path) has \(length) bytes, more than the \(S3Store.maxObjectBytes) of an S3 object.")
                }
                return try FileDigests(path: path, partBytes: Self.partBytes(of: length), cancellation: cancellation)
            }
        }
        self.content = content
        self.contentType = contentType
        reference = ObjectReference(key: key, bytes: digests.bytes, sha256: digests.whole.hex)
        let size = digests.partBytes
        parts = digests.parts.enumerated().map { index, digest in
            let offset = Int64(index) * size
            return Part(
                number: index + 1, offset: offset, length: min(size, digests.bytes - offset), sha256: digest)
        }
    }

    /// At least 16 MiB, more where 10,000 parts would not do, in whole MiB.
    static func partBytes(of length: Int64) -> Int64 {
        let mebibyte: Int64 = 1 << 20
        let needed = (length + S3Store.maxParts - 1) / S3Store.maxParts
        return max(S3Store.partBytes, (needed + mebibyte - 1) / mebibyte * mebibyte)
    }

    /// What is recorded with the object.
    var headers: HTTPHeaders { ["Content-Type": contentType, "x-amz-meta-sha256": reference.sha256] }

    func body(of part: Part) -> HTTPRequest.Body {
        switch content {
        case .bytes(let bytes): .bytes(Array(bytes[Int(part.offset)..<Int(part.offset + part.length)]))
        case .file(let path): .file(path: path, offset: part.offset, length: part.length)
        }
    }
}
