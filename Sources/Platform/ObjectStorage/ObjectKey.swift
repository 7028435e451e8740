/// The rules for keys, the same for every store so that objects can move between them.
public enum ObjectKey {
    /// The longest key in bytes (S3's limit, which there counts the store's prefix too).
    public static let maxBytes = 1024
    /// The longest part between slashes in bytes (the limit of file names).
    public static let maxSegmentBytes = 255
    /// The first part of names that stores keep for themselves.
    static let reserved = ".store"

    /// Why a text is no key, as the end of a sentence that begins with "The key ..."; nil for a key.
    ///
    /// A key has 1...1024 bytes of `A-Z a-z 0-9 . _ / -`, its parts between slashes have 1...255 bytes and are neither
    /// `.` nor `..`, and the first part is not `.store`.
    public static func problem(in key: String) -> String? {
        if key.isEmpty { return "is empty" }
        if key.utf8.count > maxBytes { return "has \(key.utf8.count) bytes, more than \(maxBytes)" }
        if let problem = characterProblem(in: key) { return problem }
        let segments = key.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for segment in segments {
            if segment.isEmpty { return "begins or ends with a slash or has two in a row" }
            if segment.elementsEqual(".".utf8) || segment.elementsEqual("..".utf8) { return "has a part '.' or '..'" }
            if segment.count > maxSegmentBytes { return "has a part of more than \(maxSegmentBytes) bytes" }
        }
        if segments[0].elementsEqual(reserved.utf8) { return "begins with '\(reserved)', which the store keeps" }
        return nil
    }

    static func characterProblem(in text: String) -> String? {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "/"),
                UInt8(ascii: "-"):
                continue
            default: return "has characters other than A-Z a-z 0-9 . _ / -"
            }
        }
        return nil
    }

    static func validate(_ key: String) throws(ObjectStorageError) {
        if let problem = problem(in: key) {
            throw ObjectStorageError(.invalidKey, "The key '\(key.prefix(200))' \(problem).")
        }
    }

    static func validate(prefix: String) throws(ObjectStorageError) {
        if prefix.utf8.count > maxBytes || characterProblem(in: prefix) != nil {
            throw ObjectStorageError(.invalidKey, "'\(prefix.prefix(200))' cannot be the beginning of a key.")
        }
    }

    static func validate(contentType: String) throws(ObjectStorageError) {
        guard (1...255).contains(contentType.utf8.count), contentType.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        else {
            throw ObjectStorageError(
                .invalidContentType,
                "A content type is 1 to 255 printable ASCII characters, not '\(contentType.prefix(200))'.")
        }
    }
}

/// Media types by the ending of a key, for objects without a recorded one and for writers without a better idea.
public enum ContentType {
    /// `application/octet-stream` when the ending is unknown.
    public static func forKey(_ key: String) -> String {
        let name = key.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: ".") else { return "application/octet-stream" }
        return byEnding[name[name.index(after: dot)...].lowercased()] ?? "application/octet-stream"
    }

    private static let byEnding = [
        "m3u8": "application/vnd.apple.mpegurl", "mpd": "application/dash+xml", "mp4": "video/mp4",
        "m4s": "video/iso.segment", "m4a": "audio/mp4", "vtt": "text/vtt", "jpg": "image/jpeg", "jpeg": "image/jpeg",
        "png": "image/png", "webp": "image/webp", "json": "application/json", "xml": "application/xml",
        "txt": "text/plain; charset=utf-8", "html": "text/html; charset=utf-8", "mkv": "video/x-matroska",
        "webm": "video/webm", "mov": "video/quicktime", "ts": "video/mp2t", "csv": "text/csv", "gz": "application/gzip",
    ]
}
