import CMedia
import CMediaShims

/// Writes encoded streams to a progressive MP4 whose index stands in front. Owns the library's format context; the file
/// is whole only after ``finish()``.
public final class Muxer {
    private let context: UnsafeMutablePointer<AVFormatContext>
    private var tracks: [(stream: UnsafeMutablePointer<AVStream>, timeBase: Rational)] = []
    public let path: String
    private var isFinished = false
    /// Presentation end of what was written of the first track, in its time base, and how many bytes of packets in all.
    public private(set) var end: Int64 = 0
    public private(set) var packetBytes = 0

    /// For what an encoder gives.
    /// - Parameter mastering: what is written down beside the colours.
    public convenience init(
        path: String, encoder: Encoder, language: String?, mastering: MasteringMetadata = .none
    ) throws(MediaError) {
        try self.init(path: path)
        try add(timeBase: encoder.timeBase, language: language, mastering: mastering) { stream in
            stream.pointee.avg_frame_rate = encoder.context.pointee.framerate
            stream.pointee.sample_aspect_ratio = encoder.context.pointee.sample_aspect_ratio
            return avcodec_parameters_from_context(stream.pointee.codecpar, encoder.context)
        }
        try begin()
    }

    /// For packets of files' streams, as they are: a track for each.
    public convenience init(path: String, copying sources: [(reader: PacketReader, stream: Int)]) throws(MediaError) {
        try self.init(path: path)
        for (reader, index) in sources {
            let source = reader.handle(index)
            let info = reader.streams[index]
            try add(timeBase: info.timeBase, language: info.language, mastering: info.mastering) { stream in
                stream.pointee.avg_frame_rate = source.pointee.avg_frame_rate
                stream.pointee.sample_aspect_ratio = source.pointee.sample_aspect_ratio
                let code = avcodec_parameters_copy(stream.pointee.codecpar, source.pointee.codecpar)
                // The muxer chooses the tag of its own container.
                stream.pointee.codecpar.pointee.codec_tag = 0
                return code
            }
        }
        try begin()
    }

    private init(path: String) throws(MediaError) {
        let log = LibraryLog()
        var allocated: UnsafeMutablePointer<AVFormatContext>?
        let code = avformat_alloc_output_context2(&allocated, nil, "mp4", path)
        guard code >= 0, let context = allocated else {
            throw .library(code, "no MP4 can be written", otherwise: .refused, log: log)
        }
        self.context = context
        self.path = path
        // The same input gives the same bytes: no times, no library versions.
        context.pointee.flags |= AVFMT_FLAG_BITEXACT
    }

    private func add(
        timeBase: Rational, language: String?, mastering: MasteringMetadata,
        describe: (UnsafeMutablePointer<AVStream>) -> Int32
    ) throws(MediaError) {
        let log = LibraryLog()
        guard let stream = avformat_new_stream(context, nil) else {
            throw MediaError(.noMemory, "no memory for a stream")
        }
        let copied = describe(stream)
        guard copied >= 0 else { throw .library(copied, "no MP4 can be written", otherwise: .refused, log: log) }
        // Parameter sets stand in the header alone; players of one maker take HEVC under no other name.
        if stream.pointee.codecpar.pointee.codec_id == AV_CODEC_ID_HEVC {
            stream.pointee.codecpar.pointee.codec_tag = Muxer.hvc1
        }
        try mastering.attach(to: stream)
        stream.pointee.time_base = timeBase.library
        if let language { av_dict_set(&stream.pointee.metadata, "language", language, 0) }
        tracks.append((stream, timeBase))
    }

    private func begin() throws(MediaError) {
        let log = LibraryLog()
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

    /// The sample entry's name, as the library counts its letters.
    private static let hvc1 = "hvc1".utf8.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }

    deinit {
        if !isFinished { avio_closep(&context.pointee.pb) }
        avformat_free_context(context)
    }

    /// Writes a packet of a track, its times in the track's time base; its contents move away.
    public func write(_ packet: Packet, track: Int = 0) throws(MediaError) {
        let log = LibraryLog()
        packetBytes += packet.size
        if track == 0, let timestamp = packet.timestamp { end = max(end, timestamp + packet.duration) }
        let (stream, timeBase) = tracks[track]
        av_packet_rescale_ts(packet.pointer, timeBase.library, stream.pointee.time_base)
        packet.pointer.pointee.stream_index = Int32(track)
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
