import Cryptography
import Encodings
import Glibc
import HTTP
import Synchronization

/// Reads what S3 answers.
enum S3Answers {
    /// A page of ListObjectsV2. Names that are no keys are left out; `next` counts them.
    static func page(_ response: HTTPResponse, base: String, store: String) throws(ObjectStorageError) -> ObjectPage {
        guard let root = XMLElement.parse(response.body), root.name == "ListBucketResult" else {
            throw ObjectStorageError(.unavailable, "The listing of \(store) is no ListBucketResult document.")
        }
        let isEncoded = root["EncodingType"] == "url"
        var objects: [ObjectPage.Entry] = []
        var last: String?
        for element in root.children where element.name == "Contents" {
            guard let text = element["Key"], let bytes = element["Size"].flatMap({ Int64($0) }) else {
                throw ObjectStorageError(.unavailable, "The listing of \(store) has an entry without Key or Size.")
            }
            let name = isEncoded ? PercentEncoding.decode(text.replacing("+", with: "%20")) ?? text : text
            guard name.hasPrefix(base) else { continue }
            let key = String(name.dropFirst(base.count))
            last = key
            guard ObjectKey.problem(in: key) == nil else { continue }
            objects.append(
                ObjectPage.Entry(
                    key: key, bytes: bytes,
                    modifiedAt: element["LastModified"].flatMap { time($0) }, entityTag: element["ETag"]))
        }
        return ObjectPage(objects: objects, next: root["IsTruncated"] == "true" ? last : nil)
    }

    /// First byte and whole length of `bytes 0-9/100`.
    static func contentRange(_ header: String?) -> (first: Int64, total: Int64)? {
        guard let header, header.hasPrefix("bytes ") else { return nil }
        let parts = header.dropFirst(6).split(separator: "/")
        guard parts.count == 2, let total = Int64(parts[1]), let first = parts[0].split(separator: "-").first,
            let first = Int64(first)
        else { return nil }
        return (first, total)
    }

    /// Seconds since 1970 of `2026-11-22T21:30:34.000Z`, as listings write times.
    static func time(_ text: String) -> Int64? {
        let fields = text.split { "-T:.Z".contains($0) }.compactMap { CInt($0) }
        guard fields.count >= 6, text.hasSuffix("Z") else { return nil }
        var parts = tm()
        parts.tm_year = fields[0] - 1900
        parts.tm_mon = fields[1] - 1
        parts.tm_mday = fields[2]
        parts.tm_hour = fields[3]
        parts.tm_min = fields[4]
        parts.tm_sec = fields[5]
        return Int64(timegm(&parts))
    }
}

/// Length and checksum of what arrives, kept by the transfer's thread and read after its end.
final class ReceivedBytes: Sendable {
    private struct State: ~Copyable {
        var hasher = SHA256()
        var bytes: Int64 = 0
    }

    private let state = Mutex(State())

    func append(_ piece: UnsafeRawBufferPointer) {
        state.withLock { state in
            state.hasher.update(piece)
            state.bytes += Int64(piece.count)
        }
    }

    /// Once, at the end.
    func finish() -> (bytes: Int64, digest: SHA256.Digest) {
        state.withLock { state in
            var hasher = SHA256()
            swap(&hasher, &state.hasher)
            return (state.bytes, hasher.finalize())
        }
    }
}
