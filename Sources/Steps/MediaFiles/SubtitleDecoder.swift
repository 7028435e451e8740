import CMedia
import CMediaShims

/// Decodes a stream of text subtitles. Owns the library's codec context; used by one thread at a time.
public final class SubtitleDecoder {
    public let stream: StreamInfo
    private let context: UnsafeMutablePointer<AVCodecContext>
    private let milliseconds = Rational(1, 1000)

    /// A text and when it is shown, in milliseconds of the file's time.
    public struct Event: Sendable, Hashable {
        public let start: Int64
        public let end: Int64
        /// The text field of an ASS dialogue line, with its override codes.
        public let text: String
    }

    /// - Throws: ``MediaError`` of kind `unsupported` when no decoder knows the codec, or it shows pictures.
    public init(_ demuxer: Demuxer, stream: StreamInfo) throws(MediaError) {
        let log = LibraryLog()
        guard stream.isText, let handle = demuxer.context.pointee.streams[stream.index],
            let parameters = handle.pointee.codecpar, let codec = avcodec_find_decoder(parameters.pointee.codec_id)
        else {
            throw MediaError(.unsupported, "no decoder for subtitles of '\(stream.codec)'", stream: stream.index)
        }
        guard let context = avcodec_alloc_context3(codec) else {
            throw MediaError(.noMemory, "no memory for a decoder")
        }
        self.context = context
        self.stream = stream
        var code = avcodec_parameters_to_context(context, parameters)
        context.pointee.pkt_timebase = handle.pointee.time_base
        if code >= 0 { code = avcodec_open2(context, codec, nil) }
        guard code >= 0 else {
            throw .library(
                code, "the decoder for '\(stream.codec)' does not accept the stream", otherwise: .invalid, log: log,
                stream: stream.index)
        }
    }

    deinit {
        var owned: UnsafeMutablePointer<AVCodecContext>? = context
        avcodec_free_context(&owned)
    }

    /// The events of a packet; none for one that does not decode, so that a single line costs no film.
    public func decode(_ packet: Packet) -> [Event] {
        guard packet.size > 0, let time = packet.timestamp else { return [] }
        var subtitle = AVSubtitle()
        var isComplete: Int32 = 0
        guard avcodec_decode_subtitle2(context, &subtitle, &isComplete, packet.pointer) >= 0, isComplete != 0 else {
            return []
        }
        defer { avsubtitle_free(&subtitle) }
        let start = stream.timeBase.rescale(time, to: milliseconds) + Int64(subtitle.start_display_time)
        let shown =
            packet.duration > 0
            ? stream.timeBase.rescale(time + packet.duration, to: milliseconds)
            : start + Int64(subtitle.end_display_time) - Int64(subtitle.start_display_time)
        // Neither tells how long, where a decoder leaves all bits set: as long as a reader needs.
        let end = shown > start && shown - start < 3_600_000 ? shown : start + 4000
        return (0..<Int(subtitle.num_rects)).compactMap { index in
            guard let line = subtitle.rects[index]?.pointee.ass.map({ String(cString: $0) }) else { return nil }
            // ReadOrder, Layer, Style, Name, three margins, Effect, and the text with all its commas.
            let fields = line.split(separator: ",", maxSplits: 8, omittingEmptySubsequences: false)
            return fields.count == 9 ? Event(start: start, end: end, text: String(fields[8])) : nil
        }
    }
}
