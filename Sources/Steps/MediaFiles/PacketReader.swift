import CMedia
import CMediaShims

/// Reads the coded packets of one track of an MP4 file of our own making as they lie there, for copying without decoding.
/// Owns the library's format context, which holds the tables of all samples; used by one thread at a time.
///
/// Unlike ``Demuxer`` it reads the sample tables untouched by edit lists, but for the offset of the first edit: what
/// an encoder put before the presentation's start comes with negative timestamps instead of being cut away.
public final class PacketReader {
    private let context: UnsafeMutablePointer<AVFormatContext>
    private var selected: Int?
    public let path: String
    public let streams: [StreamInfo]

    /// Opens an MP4 (ISO base media) file.
    /// - Throws: ``MediaError`` of kind `invalid` when it is none or damaged, `unsupported` beyond the limits,
    ///   `inputOutput` when it cannot be read.
    public init(path: String, limits: MediaLimits = .standard) throws(MediaError) {
        let log = LibraryLog()
        var opened = avformat_alloc_context()
        guard let fresh = opened else { throw MediaError(.noMemory, "no memory to open \(path)") }
        fresh.pointee.max_streams = Int32(limits.streams + 1)
        fresh.pointee.protocol_whitelist = av_strdup("file")
        fresh.pointee.format_whitelist = av_strdup("mov,mp4")
        var options = Options([("advanced_editlist", "0"), ("ignore_chapters", "1")])
        let code = avformat_open_input(&opened, "file:" + path, nil, &options.pointer)
        guard code >= 0, let context = opened else {
            throw OpenFailure.explain(code, path: path, limits: limits, log: log)
        }
        self.context = context
        self.path = path
        // Coded sizes and aspect ratios that only the parameter sets tell.
        let analysed = avformat_find_stream_info(context, nil)
        let count = Int(context.pointee.nb_streams)
        streams = (0..<count).compactMap { index in context.pointee.streams[index].map { StreamInfo($0) } }
        options.requireEmpty(after: "avformat_open_input")
        if count > limits.streams {
            throw MediaError(.unsupported, "the file has more than \(limits.streams) streams")
        }
        if analysed < 0 {
            throw .library(analysed, "the file's streams cannot be read", otherwise: .invalid, log: log)
        }
    }

    deinit {
        var owned: UnsafeMutablePointer<AVFormatContext>? = context
        avformat_close_input(&owned)
    }

    /// The codec's configuration record as the sample entry carries it: the content of `avcC` or `hvcC`, the
    /// AudioSpecificConfig of `esds`. Empty when there is none.
    public func configuration(ofStream index: Int) -> [UInt8] {
        guard let parameters = stream(index)?.pointee.codecpar.pointee, let bytes = parameters.extradata else {
            return []
        }
        return Array(UnsafeBufferPointer(start: bytes, count: Int(max(0, parameters.extradata_size))))
    }

    /// Makes ``read(into:)`` give this stream's packets only, from where the file stands.
    public func select(stream index: Int) {
        precondition(streams.indices.contains(index), "the file has no stream \(index)")
        selected = index
        for other in streams.indices {
            stream(other)?.pointee.discard = other == index ? AVDISCARD_DEFAULT : AVDISCARD_ALL
        }
    }

    /// The selected stream's next packet in decoding order; false at the end.
    /// - Throws: ``MediaError`` of kind `invalid` where the file ends early or is damaged, `unsupported` where the
    ///   codec's configuration changes in the middle.
    public func read(into packet: Packet) throws(MediaError) -> Bool {
        guard let selected else { preconditionFailure("a stream is selected before packets are read") }
        while true {
            packet.clear()
            let log = LibraryLog()
            let code = av_read_frame(context, packet.pointer)
            if code == media_error_end() {
                let failure = context.pointee.pb?.pointee.error ?? 0
                if failure < 0, failure != media_error_end() {
                    throw .library(failure, "\(path) cannot be read on", otherwise: .inputOutput, log: log)
                }
                return false
            }
            if code < 0 {
                throw .library(
                    code, "the file is damaged or cut off: its tables promise more than there is",
                    otherwise: .invalid, log: log, stream: selected)
            }
            guard packet.streamIndex == selected else { continue }
            if packet.isCorrupt {
                throw MediaError(
                    .invalid, "the file is damaged or cut off in the middle of a packet", stream: selected,
                    byte: packet.byte)
            }
            var size = 0
            if av_packet_get_side_data(packet.pointer, AV_PKT_DATA_NEW_EXTRADATA, &size) != nil {
                throw MediaError(
                    .unsupported, "the codec's configuration changes in the middle of the file", stream: selected,
                    byte: packet.byte)
            }
            return true
        }
    }

    /// The library's own description of a stream, for copying it.
    func handle(_ index: Int) -> UnsafeMutablePointer<AVStream> {
        guard let handle = stream(index) else { preconditionFailure("the file has no stream \(index)") }
        return handle
    }

    private func stream(_ index: Int) -> UnsafeMutablePointer<AVStream>? {
        precondition(streams.indices.contains(index), "the file has no stream \(index)")
        return context.pointee.streams[index]
    }
}

extension Packet {
    /// Moves both timestamps on, in the stream's time base.
    public func shift(by ticks: Int64) {
        let none = media_no_timestamp()
        if pointer.pointee.pts != none { pointer.pointee.pts += ticks }
        if pointer.pointee.dts != none { pointer.pointee.dts += ticks }
    }
}
