import CMediaShims

/// What the libraries say from a point on. Their log goes to memory, never to standard error; its last words become
/// part of a cause. The capture is process-wide: files of different owners opened at the same time in one process can
/// mix their words, which is one more reason to open each untrusted file in a process of its own.
struct LibraryLog {
    private let mark: UInt64

    /// Starts listening here.
    init() {
        media_log_capture()
        mark = media_log_mark()
    }

    /// The last few distinct error messages since then, empty when there were none.
    var words: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 800) { buffer in
            guard let base = buffer.baseAddress else { return "" }
            let length = media_log_words(mark, base, buffer.count)
            return String(decoding: UnsafeRawBufferPointer(start: base, count: length), as: UTF8.self)
        }
    }

    /// The libraries' text for an error number.
    static func text(ofError code: Int32) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 160) { buffer in
            guard let base = buffer.baseAddress else { return "" }
            media_error_text(code, base, buffer.count)
            return String(cString: base)
        }
    }
}
