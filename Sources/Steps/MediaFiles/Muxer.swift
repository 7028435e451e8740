import CMedia
import CMediaShims

/// Writes one encoded stream to a progressive MP4 whose index stands in front. Owns the library's format context; the
/// file is whole only after ``finish()``.
public final class Muxer {
    private let context: UnsafeMutablePointer<AVFormatContext>
    private let stream: UnsafeMutablePointer<AVStream>
    private let encoderTimeBase: Rational
    public let path: String
    private var isFinished = false
    /// Presentation end of what was written, in the encoder's time base, and how many bytes of packets.
    public private(set) var end: Int64 = 0
    public private(set) var packetBytes = 0

    /// For what an encoder gives.
    public convenience init(path: String, encoder: Encoder, language: String?) throws(MediaError) {
        try self.init(path: path, timeBase: encoder.timeBase, language: language) { stream in
            stream.pointee.avg_frame_rate = encoder.context.pointee.framerate
            stream.pointee.sample_aspect_ratio = encoder.context.pointee.sample_aspect_ratio
            return avcodec_parameters_from_context(stream.pointee.codecpar, encoder.context)
        }
    }

    /// For packets of a file's stream, as they are.
    public convenience init(path: String, copying stream: Int, of reader: PacketReader) throws(MediaError) {
        let source = reader.handle(stream)
        try self.init(path: path, timeBase: reader.streams[stream].timeBase, language: nil) { stream in
            stream.pointee.avg_frame_rate = source.pointee.avg_frame_rate
            stream.pointee.sample_aspect_ratio = source.pointee.sample_aspect_ratio
            let code = avcodec_parameters_copy(stream.pointee.codecpar, source.pointee.codecpar)
            // The muxer chooses the tag of its own container.
            stream.pointee.codecpar.pointee.codec_tag = 0
            return code
        }
    }

    private init(
        path: String, timeBase: Rational, language: String?,
        describe: (UnsafeMutablePointer<AVStream>) -> Int32
    ) throws(MediaError) {
        let log = LibraryLog()
        var allocated: UnsafeMutablePointer<AVFormatContext>?
        let code = avformat_alloc_output_context2(&allocated, nil, "mp4", path)
        guard code >= 0, let context = allocated else {
            throw .library(code, "no MP4 can be written", otherwise: .refused, log: log)
        }
        self.context = context
        self.path = path
        encoderTimeBase = timeBase
        // The same input gives the same bytes: no times, no library versions.
        context.pointee.flags |= AVFMT_FLAG_BITEXACT
        guard let stream = avformat_new_stream(context, nil) else {
            avformat_free_context(context)
            throw MediaError(.noMemory, "no memory for a stream")
        }
        self.stream = stream
        let copied = describe(stream)
        guard copied >= 0 else { throw .library(copied, "no MP4 can be written", otherwise: .refused, log: log) }
        stream.pointee.time_base = timeBase.library
        if let language { av_dict_set(&stream.pointee.metadata, "language", language, 0) }

        let opened = avio_open(&context.pointee.pb, "file:" + path, AVIO_FLAG_WRITE)
        guard opened >= 0 else {
            throw .library(opened, "\(path) cannot be written", otherwise: .inputOutput, log: log)
        }
        var options = Options([("movflags", "+faststart")])
        let written = avformat_write_header(context, &options.pointer)
        guard written >= 0 else {
            throw .library(written, "the MP4 header cannot be written", otherwise: .inputOutput, log: log)
        }
        options.requireEmpty(after: "MP4 muxer")
    }

    deinit {
        if !isFinished { avio_closep(&context.pointee.pb) }
        avformat_free_context(context)
    }

    /// Writes a packet of the encoder's; its contents move away.
    public func write(_ packet: Packet) throws(MediaError) {
        let log = LibraryLog()
        packetBytes += packet.size
        if let timestamp = packet.timestamp { end = max(end, timestamp + packet.duration) }
        av_packet_rescale_ts(packet.pointer, encoderTimeBase.library, stream.pointee.time_base)
        packet.pointer.pointee.stream_index = 0
        let code = av_interleaved_write_frame(context, packet.pointer)
        guard code >= 0 else { throw failure(code, log) }
    }

    /// Writes the index, moves it to the front and closes the file.
    public func finish() throws(MediaError) {
        let log = LibraryLog()
        let code = av_write_trailer(context)
        guard code >= 0 else { throw failure(code, log) }
        isFinished = true
        let closed = avio_closep(&context.pointee.pb)
        guard closed >= 0 else { throw failure(closed, log) }
    }

    private func failure(_ code: Int32, _ log: LibraryLog) -> MediaError {
        .library(code, "\(path) cannot be written", otherwise: .inputOutput, log: log)
    }
}
