import CMedia
import CMediaShims

/// What the library says of the streams of a small MP4 that lies in memory.
public struct MovieStreams: Sendable {
    public let streams: [StreamInfo]
    /// Each codec's configuration record as the sample entry carries it: the content of `avcC` or `hvcC`, the
    /// AudioSpecificConfig of `esds`. Empty where there is none.
    public let configurations: [[UInt8]]

    /// - Parameters:
    ///   - movie: all its bytes.
    ///   - path: the file that it is taken from, for what is said of failures.
    /// - Throws: ``MediaError`` of kind `invalid` when the library cannot read it, `unsupported` beyond the limits.
    public init(movie: [UInt8], path: String, limits: MediaLimits = .standard) throws(MediaError) {
        let log = LibraryLog()
        let input = try MemoryInput(movie)
        // The library reads through it until the context is closed.
        defer { withExtendedLifetime(input) {} }
        var opened = avformat_alloc_context()
        guard let fresh = opened else { throw MediaError(.noMemory, "no memory to open \(path)") }
        fresh.pointee.pb = input.context
        fresh.pointee.max_streams = Int32(limits.streams + 1)
        fresh.pointee.protocol_whitelist = av_strdup("")
        fresh.pointee.format_whitelist = av_strdup("mov,mp4")
        var options = Options([("advanced_editlist", "0"), ("ignore_chapters", "1")])
        let code = avformat_open_input(&opened, nil, nil, &options.pointer)
        guard code >= 0, let context = opened else {
            throw OpenFailure.explain(code, path: path, limits: limits, log: log)
        }
        defer { avformat_close_input(&opened) }
        // Coded sizes and aspect ratios that only the parameter sets tell.
        let analysed = avformat_find_stream_info(context, nil)
        options.requireEmpty(after: "avformat_open_input")
        guard analysed >= 0 else {
            throw .library(analysed, "the file's streams cannot be read", otherwise: .invalid, log: log)
        }
        let handles = (0..<Int(context.pointee.nb_streams)).compactMap { context.pointee.streams[$0] }
        streams = handles.map { StreamInfo($0) }
        configurations = handles.map { handle in
            guard let parameters = handle.pointee.codecpar?.pointee, let bytes = parameters.extradata else { return [] }
            return Array(UnsafeBufferPointer(start: bytes, count: Int(max(0, parameters.extradata_size))))
        }
    }
}

/// Bytes in memory as the library's input. Owns the library's context and its buffer.
private final class MemoryInput {
    private let bytes: [UInt8]
    private var place = 0
    private(set) var context: UnsafeMutablePointer<AVIOContext>?

    private static let bufferSize = 32 << 10

    init(_ bytes: [UInt8]) throws(MediaError) {
        self.bytes = bytes
        guard let buffer = av_malloc(MemoryInput.bufferSize) else { throw MediaError(.noMemory, "no memory to read") }
        // The library calls back while its context lives, which this owns.
        context = avio_alloc_context(
            buffer.assumingMemoryBound(to: UInt8.self), Int32(MemoryInput.bufferSize), 0,
            Unmanaged.passUnretained(self).toOpaque(),
            { owner, target, count in
                guard let owner, let target else { return media_error_end() }
                return Unmanaged<MemoryInput>.fromOpaque(owner).takeUnretainedValue().read(into: target, Int(count))
            }, nil,
            { owner, offset, origin in
                guard let owner else { return -1 }
                return Unmanaged<MemoryInput>.fromOpaque(owner).takeUnretainedValue().seek(offset, origin)
            })
        guard context != nil else {
            av_free(buffer)
            throw MediaError(.noMemory, "no memory to read")
        }
    }

    deinit {
        // The library may have put another buffer in place of the first.
        if let context { av_freep(&context.pointee.buffer) }
        avio_context_free(&context)
    }

    private func read(into target: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int32 {
        let held = min(count, bytes.count - place)
        guard held > 0 else { return media_error_end() }
        bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            target.update(from: base + place, count: held)
        }
        place += held
        return Int32(held)
    }

    private func seek(_ offset: Int64, _ origin: Int32) -> Int64 {
        if origin & AVSEEK_SIZE != 0 { return Int64(bytes.count) }
        let from =
            switch origin & ~AVSEEK_FORCE {
            case SEEK_SET: 0
            case SEEK_CUR: place
            default: bytes.count
            }
        guard let wanted = Int(exactly: offset), (-from...bytes.count - from).contains(wanted) else { return -1 }
        place = from + wanted
        return Int64(place)
    }
}
