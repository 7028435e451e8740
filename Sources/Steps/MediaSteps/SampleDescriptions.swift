import MediaFiles
import Packaging
import StepContracts

#if canImport(Glibc)
import Glibc
#endif

/// Finds the sample descriptions of an MP4 file: what libavformat does not hand on, such as the boxes of colours and
/// the records of AC-3 and VP9.
struct SampleDescriptions {
    /// By track, in the file's order, which is that of the library's streams; nil where a track has none.
    private(set) var tracks: [SampleDescription?] = []
    private let descriptor: Int32
    private let path: String

    /// Boxes looked at on the way, and bytes a description may have.
    private static let boxLimit = 10_000
    private static let sizeLimit: Int64 = 4 << 20
    private var boxes = 0

    init(path: String) throws {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure() }
        try walk(from: 0, to: Int64(status.st_size), inside: ["moov", "trak", "mdia", "minf", "stbl", "stsd"][...])
    }

    private mutating func walk(from start: Int64, to end: Int64, inside names: ArraySlice<String>) throws {
        var place = start
        while place + 8 <= end {
            boxes += 1
            guard boxes <= Self.boxLimit else {
                throw MediaError(.unsupported, "the file has more than \(Self.boxLimit) boxes", byte: place)
            }
            let head = try read(16, at: place)
            var size = number(head.prefix(4))
            var headSize: Int64 = 8
            if size == 1 {
                size = number(head.dropFirst(8))
                headSize = 16
            } else if size == 0 {
                size = end - place
            }
            // The library has read the file already: what it let pass ends the search here, too.
            guard size >= headSize, size <= end - place else { return }
            if String(decoding: head.dropFirst(4).prefix(4), as: UTF8.self) == names.first {
                if names.first == "trak" { tracks.append(nil) }
                if names.count > 1 {
                    try walk(from: place + headSize, to: place + size, inside: names.dropFirst())
                } else if size <= Self.sizeLimit, !tracks.isEmpty {
                    tracks[tracks.count - 1] = try SampleDescription(box: try read(Int(size), at: place))
                }
            }
            place += size
        }
    }

    /// Bytes at a place, zeros beyond the file's end.
    private func read(_ count: Int, at place: Int64) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(place)) }
        guard got >= 0 else { throw failure() }
        return bytes
    }

    private func number(_ bytes: some Collection<UInt8>) -> Int64 {
        Int64(clamping: bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }

    private func failure() -> MediaError {
        MediaError(.inputOutput, "\(path) cannot be read", libraryWords: String(cString: strerror(errno)))
    }
}
