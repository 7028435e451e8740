import CMedia
import CMediaShims

/// Decodes one stream of an opened file. Owns the library's codec context; used by one thread at a time.
///
/// What happens to a packet that does not decode, and to a picture that the decoder had to make up in part, its
/// ``Strictness`` says.
public final class Decoder {
    public let stream: StreamInfo
    private let context: UnsafeMutablePointer<AVCodecContext>
    private let frame: Frame
    /// Where recently sent packets lay: decoders answer late, the more threads the later.
    private var sent: [(byte: Int64?, seconds: Double?)] = []
    private let delay: Int
    /// May change between packets: what a seek cuts off may be damaged, what comes after it may not.
    public var strictness: Strictness

    public enum Strictness: Sendable, Hashable {
        /// Both are errors.
        case strict
        /// Pictures made up in part are taken.
        case concealing
        /// Such pictures are taken and packets that do not decode left out: what was lost on the air stays lost.
        case tolerant
    }

    /// Pictures made up in part, and packets that did not decode.
    public private(set) var damagedFrames = 0
    public private(set) var undecodedPackets = 0
    /// Frames handed out so far.
    public private(set) var frames = 0
    public private(set) var packets = 0

    /// Opens a decoder for a stream.
    /// - Parameter threads: threads it may use; with 1 its errors name the very packet.
    /// - Throws: ``MediaError`` of kind `unsupported` when no decoder knows the codec.
    public init(
        _ demuxer: Demuxer, stream: StreamInfo, threads: Int, strictness: Strictness = .strict
    ) throws(MediaError) {
        let log = LibraryLog()
        frame = try Frame()
        guard let handle = demuxer.context.pointee.streams[stream.index],
            let parameters = handle.pointee.codecpar
        else { throw MediaError(.refused, "the file has no stream \(stream.index)") }
        guard let codec = avcodec_find_decoder(parameters.pointee.codec_id) else {
            throw MediaError(
                .unsupported, "no decoder for the codec '\(stream.codec)'", stream: stream.index)
        }
        guard let context = avcodec_alloc_context3(codec) else {
            throw MediaError(.noMemory, "no memory for a decoder")
        }
        self.stream = stream
        self.context = context
        delay = max(1, threads)
        self.strictness = strictness
        let copied = avcodec_parameters_to_context(context, parameters)
        guard copied >= 0 else {
            throw .library(
                copied, "the stream's parameters are broken", otherwise: .invalid, log: log, stream: stream.index)
        }
        context.pointee.pkt_timebase = handle.pointee.time_base
        context.pointee.thread_count = Int32(clamping: max(1, threads))
        context.pointee.max_pixels = Int64(demuxer.limits.picturePixels)
        let opened = avcodec_open2(context, codec, nil)
        guard opened >= 0 else {
            throw .library(
                opened, "the decoder for '\(stream.codec)' does not accept the stream", otherwise: .invalid, log: log,
                stream: stream.index)
        }
    }

    deinit {
        var owned: UnsafeMutablePointer<AVCodecContext>? = context
        avcodec_free_context(&owned)
    }

    /// Decodes a packet, or with nil what is left at the end, and hands each frame out; the frame is valid until the
    /// closure returns, and the closure may move its contents away.
    public func decode(_ packet: Packet?, _ body: (Frame) throws(MediaError) -> Void) throws(MediaError) {
        if let packet {
            // Some containers carry packets without bytes; to the decoder one would mean the end.
            guard packet.size > 0 else { return }
            packets += 1
            sent.append((packet.byte, packet.timestamp.map { Double($0) * stream.timeBase.value }))
            if sent.count > delay { sent.removeFirst(sent.count - delay) }
        }
        let log = LibraryLog()
        let accepted = avcodec_send_packet(context, packet?.pointer)
        if accepted < 0, accepted != media_error_end() {
            try forgive(accepted, log)
            return
        }
        while true {
            let received = avcodec_receive_frame(context, frame.pointer)
            if received == media_error_again() || received == media_error_end() { return }
            if received < 0 {
                try forgive(received, log)
                return
            }
            if frame.isDamaged, stream.kind == .video {
                if strictness == .strict { throw damage(log) }
                damagedFrames += 1
            }
            frames += 1
            try body(frame)
            frame.clear()
        }
    }

    /// Forgets what was sent, after a seek.
    public func flush() {
        avcodec_flush_buffers(context)
        sent.removeAll()
    }

    /// Whether pictures nothing depends on are left out until further notice: the way to a later time is shorter.
    public func setSkipsUnreferenced(_ skips: Bool) {
        context.pointee.skip_frame = skips ? AVDISCARD_NONREF : AVDISCARD_DEFAULT
    }

    /// Decodes keyframes alone from now on.
    public func setSkipsAllButKeyframes() { context.pointee.skip_frame = AVDISCARD_NONKEY }

    private func forgive(_ code: Int32, _ log: LibraryLog) throws(MediaError) {
        guard strictness == .tolerant, code == media_error_invalid_data() else { throw failure(code, log) }
        undecodedPackets += 1
    }

    private var what: String { stream.kind == .audio ? "audio" : "video" }

    private func failure(_ code: Int32, _ log: LibraryLog) -> MediaError {
        .library(
            code, "the \(what) cannot be decoded", otherwise: .invalid, log: log, stream: stream.index,
            seconds: sent.first?.seconds, byte: sent.first?.byte)
    }

    private func damage(_ log: LibraryLog) -> MediaError {
        let none = media_no_timestamp()
        let position = frame.pointer.pointee.pkt_pos
        let said = log.words
        return MediaError(
            .invalid, "a picture of the video is damaged", stream: stream.index,
            seconds: frame.timestamp.map { Double($0) * stream.timeBase.value } ?? sent.first?.seconds,
            byte: position != none && position >= 0 ? position : sent.first?.byte,
            libraryWords: said.isEmpty ? "the decoder had to conceal errors" : said)
    }
}
