import CMediaShims

#if canImport(Glibc)
import Glibc
#endif

/// Finds out why a file did not open, so that whoever uploaded it understands.
enum OpenFailure {
    static func explain(_ code: Int32, path: String, limits: MediaLimits, log: LibraryLog) -> MediaError {
        let words = log.words
        let size: Int64
        let head: [UInt8]
        switch read(path) {
        case .failure(let error): return error
        case .success(let found): (size, head) = found
        }
        if size == 0 { return MediaError(.invalid, "the file is empty (0 bytes)") }
        if words.contains("max_streams") {
            return MediaError(.unsupported, "the file has more than \(limits.streams) streams")
        }
        if head.allSatisfy({ $0 == 0 }) {
            return MediaError(.invalid, "the file is no film: it begins with nothing but zero bytes")
        }
        if isText(head) {
            return MediaError(.invalid, "the file is no film: it holds text")
        }
        if words.contains("moov atom not found"), isBoxes(head) {
            return .library(
                code,
                "the file is incomplete: its index (moov) is missing, as after an interrupted upload or recording",
                otherwise: .invalid, log: log)
        }
        if words.contains("not on whitelist") {
            return MediaError(
                .unsupported, "the file is in no container that is accepted here", libraryWords: words)
        }
        return .library(code, "the file is no media file, or its beginning is damaged", otherwise: .invalid, log: log)
    }

    /// Whether the file begins with a box of ISO/IEC 14496-12 or QuickTime: names alone make the library believe it.
    private static func isBoxes(_ head: [UInt8]) -> Bool {
        let type = String(decoding: head.dropFirst(4).prefix(4), as: UTF8.self)
        return ["ftyp", "styp", "mdat", "free", "skip", "wide", "moof", "sidx", "uuid", "pnot"].contains(type)
    }

    private enum Beginning {
        case success((Int64, [UInt8]))
        case failure(MediaError)
    }

    private static func read(_ path: String) -> Beginning {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return .failure(unreadable(path)) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return .failure(unreadable(path)) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            return .failure(MediaError(.inputOutput, "\(path) is no regular file"))
        }
        var head = [UInt8](repeating: 0, count: 1024)
        let count = head.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
        guard count >= 0 else { return .failure(unreadable(path)) }
        return .success((Int64(status.st_size), Array(head.prefix(count))))
    }

    private static func unreadable(_ path: String) -> MediaError {
        MediaError(.inputOutput, "\(path) cannot be read", libraryWords: String(cString: strerror(errno)))
    }

    /// Printable ASCII, tabs, line ends and UTF-8 sequences only.
    private static func isText(_ head: [UInt8]) -> Bool {
        head.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
            // The last character may be cut in two.
            && (0...3).contains { String(validating: head.dropLast($0), as: UTF8.self) != nil }
    }
}
