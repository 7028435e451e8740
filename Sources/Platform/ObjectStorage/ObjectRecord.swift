import Cryptography

/// What the directory store keeps beside an object, as three lines of text:
///
///     sha256 9f86d0...
///     bytes 4
///     content-type text/plain
struct ObjectRecord: Equatable {
    static let maxBytes = 1024

    let sha256: String
    let bytes: Int64
    let contentType: String

    init(_ reference: ObjectReference, contentType: String) {
        sha256 = reference.sha256
        bytes = reference.bytes
        self.contentType = contentType
    }

    /// Nil for anything but a complete record.
    init?(decoding encoded: some Collection<UInt8>) {
        let text = String(decoding: encoded, as: UTF8.self)
        guard text.hasSuffix("\n") else { return nil }
        let lines = text.dropLast().split(separator: "\n", omittingEmptySubsequences: false)
        func value(_ line: Int, _ name: String) -> String? {
            lines[line].hasPrefix(name + " ") ? String(lines[line].dropFirst(name.count + 1)) : nil
        }
        guard lines.count == 3, let sha256 = value(0, "sha256"), SHA256.Digest(hex: sha256) != nil,
            let bytes = value(1, "bytes").flatMap({ Int64($0) }), let contentType = value(2, "content-type")
        else { return nil }
        self.sha256 = sha256
        self.bytes = bytes
        self.contentType = contentType
    }

    func encoded() -> [UInt8] {
        Array("sha256 \(sha256)\nbytes \(bytes)\ncontent-type \(contentType)\n".utf8)
    }
}

/// Checksums as callers give them.
enum Checksum {
    static func parse(_ text: String) throws(ObjectStorageError) -> SHA256.Digest {
        guard let digest = SHA256.Digest(hex: text) else {
            throw ObjectStorageError(
                .checksumMismatch, "'\(text.prefix(100))' is no SHA-256: it has to be 64 hexadecimal digits.")
        }
        return digest
    }

    static func verify(_ reference: ObjectReference, _ expected: String?) throws(ObjectStorageError) {
        guard let expected, expected != reference.sha256 else { return }
        throw ObjectStorageError(
            .checksumMismatch,
            "The content of \(reference.key) (\(reference.bytes) bytes) has SHA-256 \(reference.sha256), not \(expected) as expected."
        )
    }
}

/// Byte ranges as callers give them.
enum ObjectRange {
    /// The bytes meant by `range` in an object; all of them for nil.
    static func resolve(_ range: Range<Int64>?, of info: ObjectInfo) throws(ObjectStorageError) -> Range<Int64> {
        guard let range else { return 0..<info.bytes }
        guard !range.isEmpty, range.lowerBound >= 0, range.lowerBound < info.bytes else {
            throw ObjectStorageError(
                .invalidRange,
                "\(info.key) has \(info.bytes) bytes; \(range.lowerBound)..<\(range.upperBound) is no range of it.")
        }
        return range.clamped(to: 0..<info.bytes)
    }
}
