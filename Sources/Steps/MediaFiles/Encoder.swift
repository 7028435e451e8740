import CMedia
import CMediaShims

/// Encodes one stream. Owns the library's codec context; used by one thread at a time.
public final class Encoder {
    let context: UnsafeMutablePointer<AVCodecContext>
    private let packet: Packet
    public let timeBase: Rational
    private var isSVT = false
    private var hasEnded = false
    /// Frames taken in and packets given out.
    public private(set) var framesIn = 0
    public private(set) var packetsOut = 0
    /// Durations of the frames inside, by their timestamps: encoders give packets none.
    private var durations: [Int64: Int64] = [:]

    /// How a film's pictures are encoded.
    public struct Video: Sendable, Hashable {
        public var codec: String
        public var width: Int
        public var height: Int
        public var timeBase: Rational
        public var frameRate: Rational
        public var threads: Int
        public var pixelFormat: String
        /// Option names and values as the library spells them.
        public var options: [(name: String, value: String)]

        public init(
            codec: String, width: Int, height: Int, timeBase: Rational, frameRate: Rational, threads: Int,
            pixelFormat: String, options: [(name: String, value: String)]
        ) {
            self.codec = codec
            self.width = width
            self.height = height
            self.timeBase = timeBase
            self.frameRate = frameRate
            self.threads = threads
            self.pixelFormat = pixelFormat
            self.options = options
        }

        public static func == (left: Video, right: Video) -> Bool {
            left.key == right.key
        }

        public func hash(into hasher: inout Hasher) { hasher.combine(key) }

        private var key: [String] {
            [codec, "\(width)x\(height)", timeBase.description, frameRate.description, String(threads), pixelFormat]
                + options.map { "\($0.name)=\($0.value)" }
        }
    }

    /// Opens a video encoder.
    /// - Parameter like: a picture whose colours the encoder signals.
    public init(_ settings: Video, like picture: Frame) throws(MediaError) {
        let log = LibraryLog()
        packet = try Packet()
        let context = try Encoder.allocate(settings.codec)
        self.context = context
        timeBase = settings.timeBase
        context.pointee.width = Int32(settings.width)
        context.pointee.height = Int32(settings.height)
        context.pointee.time_base = settings.timeBase.library
        context.pointee.framerate = settings.frameRate.library
        context.pointee.sample_aspect_ratio = AVRational(num: 1, den: 1)
        context.pointee.pix_fmt = av_get_pix_fmt(settings.pixelFormat)
        context.pointee.thread_count = Int32(settings.threads)
        let colours = picture.pointer.pointee
        context.pointee.color_range = colours.color_range
        context.pointee.colorspace = colours.colorspace
        context.pointee.color_primaries = colours.color_primaries
        context.pointee.color_trc = colours.color_trc
        context.pointee.chroma_sample_location = colours.chroma_location
        // MP4 keeps parameter sets in its header; a picture file has no other place than the picture.
        if settings.codec != "mjpeg" { context.pointee.flags |= AV_CODEC_FLAG_GLOBAL_HEADER }
        var options = settings.options.map { ($0.name, $0.value) }
        if settings.codec == "libx264", let own = Encoder.instructions {
            let place = options.firstIndex { $0.0 == "x264-params" }
            if let place { options[place].1 += ":\(own)" } else { options.append(("x264-params", own)) }
        }
        try open(settings.codec, options, log)
    }

    /// What x264 is told of the processor; nil where it is right by itself.
    ///
    /// Its code for AVX-512 (164) reads memory that nobody has written in the search for what later pictures need of a block, and
    /// encodes the same pictures in other bytes each time. It is no faster than that for AVX2, which every processor with
    /// AVX-512 has.
    private static let instructions: String? =
        av_get_cpu_flags() & AV_CPU_FLAG_AVX512 == 0
        ? nil : "asm=MMX2,SSE2,SSE3,SSSE3,SSE4.1,SSE4.2,AVX,FMA3,BMI1,BMI2,LZCNT,AVX2"

    /// Opens an audio encoder for planar float samples.
    /// - Parameter channels: 1, 2, or 6 for 5.1.
    public init(audio codec: String, sampleRate: Int, channels: Int, bitRate: Int) throws(MediaError) {
        precondition([1, 2, 6].contains(channels), "audio is encoded as mono, stereo or 5.1")
        let log = LibraryLog()
        packet = try Packet()
        let context = try Encoder.allocate(codec)
        self.context = context
        timeBase = Rational(1, sampleRate)
        context.pointee.sample_rate = Int32(sampleRate)
        context.pointee.sample_fmt = AV_SAMPLE_FMT_FLTP
        av_channel_layout_default(&context.pointee.ch_layout, Int32(channels))
        context.pointee.bit_rate = Int64(bitRate)
        context.pointee.time_base = AVRational(num: 1, den: Int32(sampleRate))
        context.pointee.thread_count = 1
        context.pointee.flags |= AV_CODEC_FLAG_GLOBAL_HEADER
        try open(codec, [], log)
    }

    deinit {
        if isSVT, !hasEnded {
            // SVT-AV1 (1.4) waits for ever to be told the end before it is freed, and without a picture even if it is told:
            // then its memory goes with the process, which steps have to themselves.
            guard framesIn > 0, avcodec_send_frame(context, nil) >= 0 else { return }
            while avcodec_receive_packet(context, packet.pointer) >= 0 { packet.clear() }
        }
        var owned: UnsafeMutablePointer<AVCodecContext>? = context
        avcodec_free_context(&owned)
    }

    /// Samples in each block an audio encoder takes.
    public var blockSize: Int { Int(context.pointee.frame_size) }

    /// Samples the encoder puts before the first (AAC's priming); they are signalled as an edit.
    public var initialPadding: Int { Int(context.pointee.initial_padding) }

    /// Encodes a frame, or with nil what is left inside, and hands each packet out; the packet is valid until the
    /// closure returns.
    public func encode(_ frame: Frame?, _ body: (Packet) throws(MediaError) -> Void) throws(MediaError) {
        let log = LibraryLog()
        if let frame {
            framesIn += 1
            if let timestamp = frame.timestamp, frame.duration > 0 { durations[timestamp] = frame.duration }
        } else {
            hasEnded = true
        }
        let accepted = avcodec_send_frame(context, frame?.pointer)
        guard accepted >= 0 else { throw .library(accepted, "the encoder failed", otherwise: .refused, log: log) }
        while true {
            let received = avcodec_receive_packet(context, packet.pointer)
            if received == media_error_again() || received == media_error_end() { return }
            guard received >= 0 else {
                throw .library(received, "the encoder failed", otherwise: .refused, log: log)
            }
            packetsOut += 1
            if let timestamp = packet.timestamp, let duration = durations.removeValue(forKey: timestamp),
                packet.pointer.pointee.duration == 0
            {
                packet.pointer.pointee.duration = duration
            }
            try body(packet)
            packet.clear()
        }
    }

    private static func allocate(_ name: String) throws(MediaError) -> UnsafeMutablePointer<AVCodecContext> {
        guard let codec = avcodec_find_encoder_by_name(name) else {
            throw MediaError(.refused, "this build of libavcodec has no encoder '\(name)'")
        }
        guard let context = avcodec_alloc_context3(codec) else {
            throw MediaError(.noMemory, "no memory for an encoder")
        }
        return context
    }

    private func open(_ name: String, _ values: [(String, String)], _ log: LibraryLog) throws(MediaError) {
        var options = Options(values)
        let opened = avcodec_open2(context, nil, &options.pointer)
        // SVT-AV1 gives its threads and the caller's the highest realtime priority where it may (as root): nothing else on the
        // machine would get a processor any more, and processes that are started then would have it, too.
        if name == "libsvtav1" { ThreadPriority.makeOrdinary() }
        guard opened >= 0 else {
            throw .library(opened, "the encoder '\(name)' cannot be opened", otherwise: .refused, log: log)
        }
        options.requireEmpty(after: "encoder \(name)")
        isSVT = name == "libsvtav1"
    }
}
