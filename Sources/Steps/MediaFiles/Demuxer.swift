import CMedia
import CMediaShims
import Glibc

/// An opened media file, read packet by packet. Owns the library's format context; used by one thread at a time.
///
/// Only the named file is read: no other protocol, no container that refers to further files.
public final class Demuxer {
    let context: UnsafeMutablePointer<AVFormatContext>
    public let path: String
    public let limits: MediaLimits
    /// The library's name of the container, such as `mov,mp4,m4a,3gp,3g2,mj2`.
    public let container: String
    public let streams: [StreamInfo]
    /// Duration by the container's own account, in seconds; nil when it makes none (an estimate from the bit rate is
    /// none).
    public let claimedSeconds: Double?
    /// Whether durations are what headers say; of broadcasts they are what the library finds in their last packets.
    let hasDurationInHeader: Bool
    public let bitRate: Int
    /// What the library complained about while it learned the streams, empty when nothing.
    let openingWords: String
    private var selection: Set<Int>?
    /// Of a broadcast, what was read ahead, and how reading on ended; nil while it has not.
    private var queue: BroadcastQueue?
    private var ending: Result<Void, MediaError>?

    /// Times that packets may have: of clocks that count from 1970, or from any day that films tell of.
    private static let (mostTicks, mostSeconds) = (Int64(1) << 56, 1e10)

    /// Opens a file and learns its streams.
    /// - Throws: ``MediaError`` of kind `invalid` when it is no media file, `unsupported` beyond the limits,
    ///   `inputOutput` when it cannot be read.
    public init(path: String, limits: MediaLimits = .standard) throws(MediaError) {
        let log = LibraryLog()
        var status = stat()
        // Whatever else is wrong with it is told when it is opened.
        if stat(path, &status) == 0, status.st_size > limits.fileBytes {
            throw MediaError(
                .unsupported, "the file has \(status.st_size) bytes; at most \(limits.fileBytes) are taken")
        }
        var opened = avformat_alloc_context()
        guard let fresh = opened else { throw MediaError(.noMemory, "no memory to open \(path)") }
        fresh.pointee.probesize = Int64(limits.probeBytes)
        fresh.pointee.max_analyze_duration = Int64(limits.analyseSeconds) * 1_000_000
        // One more than allowed, so that a file at the limit opens and one beyond it is told by its count.
        fresh.pointee.max_streams = Int32(limits.streams + 1)
        fresh.pointee.protocol_whitelist = av_strdup("file")
        fresh.pointee.format_whitelist = av_strdup(MediaLimits.containers)

        // "file:" keeps a name with a colon in it from being read as an address.
        let code = avformat_open_input(&opened, "file:" + path, nil, nil)
        guard code >= 0, let context = opened else {
            throw OpenFailure.explain(code, path: path, limits: limits, log: log)
        }
        self.context = context
        self.path = path
        self.limits = limits
        container = String(cString: context.pointee.iformat.pointee.name)

        let known = Int(context.pointee.nb_streams)
        let analysed = Demuxer.learnStreams(context, known: known, limits: limits)
        openingWords = log.words
        let total = Int(context.pointee.nb_streams)
        streams = (0..<total).compactMap { index in context.pointee.streams[index].map { StreamInfo($0) } }
        let claimed = context.pointee.duration
        let isEstimate = context.pointee.duration_estimation_method == AVFMT_DURATION_FROM_BITRATE
        claimedSeconds =
            claimed != media_no_timestamp() && claimed > 0 && !isEstimate ? Double(claimed) / 1_000_000 : nil
        hasDurationInHeader =
            !isEstimate && context.pointee.duration_estimation_method != AVFMT_DURATION_FROM_PTS
        bitRate = Int(max(0, context.pointee.bit_rate))
        if mayRestart { queue = BroadcastQueue(streams, limits: limits) }

        if total > limits.streams {
            throw MediaError(.unsupported, "the file has more than \(limits.streams) streams")
        }
        if analysed < 0 {
            throw OpenFailure.explain(analysed, path: path, limits: limits, log: log)
        }
    }

    deinit {
        var owned: UnsafeMutablePointer<AVFormatContext>? = context
        avformat_close_input(&owned)
    }

    /// Looks into the streams with decoders that refuse pictures beyond the limit before they allocate them.
    private static func learnStreams(
        _ context: UnsafeMutablePointer<AVFormatContext>, known: Int, limits: MediaLimits
    ) -> Int32 {
        var options: [OpaquePointer?] = Array(repeating: nil, count: max(known, 1))
        for index in 0..<known {
            av_dict_set(&options[index], "max_pixels", String(limits.picturePixels), 0)
            av_dict_set(&options[index], "threads", "1", 0)
        }
        defer { for index in options.indices { av_dict_free(&options[index]) } }
        return options.withUnsafeMutableBufferPointer { avformat_find_stream_info(context, $0.baseAddress) }
    }

    /// What is asked of the file's packets: of what was received over the air, some may be lost.
    public var strictness: Decoder.Strictness { container == "mpegts" ? .tolerant : .strict }

    /// Whether times may begin anew in the middle, as in broadcasts: what is a mistake in other containers is none in these.
    var mayRestart: Bool { context.pointee.iformat.pointee.flags & AVFMT_TS_DISCONT != 0 }

    /// The film: the picture stream with the most pixels, the first of equals; cover art is none.
    public var mainVideo: StreamInfo? {
        streams.filter { $0.kind == .video }.max { $0.width * $0.height < $1.width * $1.height }
            .flatMap { best in
                streams.first { $0.kind == .video && $0.width * $0.height == best.width * best.height }
            }
    }

    /// Sound streams, the file's default one first.
    public var audioStreams: [StreamInfo] {
        let audio = streams.filter { $0.kind == .audio }
        return audio.filter(\.isDefault) + audio.filter { !$0.isDefault }
    }

    /// Leaves the packets of all other streams out of ``read(into:)``.
    public func select(streams indices: Set<Int>) {
        // Packets read while the streams were learned are handed out whatever the library is told now.
        selection = indices
        queue?.keep(streams: indices)
        for index in 0..<Int(context.pointee.nb_streams) {
            context.pointee.streams[index]?.pointee.discard =
                indices.contains(index) ? AVDISCARD_DEFAULT : AVDISCARD_ALL
        }
    }

    /// The next packet of the selected streams in file order; false at the end of the file.
    /// - Throws: ``MediaError`` of kind `invalid` where the file's structure breaks off or is damaged.
    public func read(into packet: Packet) throws(MediaError) -> Bool {
        repeat {
            guard try queue == nil ? readAny(into: packet) : readAhead(into: packet) else { return false }
        } while !isSelected(packet)
        return true
    }

    private func isSelected(_ packet: Packet) -> Bool { selection?.contains(packet.streamIndex) ?? true }

    /// The next packet whose times are known by those behind it.
    private func readAhead(into packet: Packet) throws(MediaError) -> Bool {
        packet.clear()
        while queue?.next(into: packet) == false {
            if let ending {
                try ending.get()
                return false
            }
            do throws(MediaError) {
                let fresh = try Packet()
                if try readAny(into: fresh) {
                    if isSelected(fresh) { queue?.add(fresh) }
                } else {
                    ending = .success(())
                }
            } catch {
                // What lies in front of a damaged place comes before its error.
                ending = .failure(error)
            }
            if ending != nil { queue?.letGoAll() }
        }
        return true
    }

    private func readAny(into packet: Packet) throws(MediaError) -> Bool {
        packet.clear()
        let log = LibraryLog()
        let code = av_read_frame(context, packet.pointer)
        if code == media_error_end() {
            // A failed read looks like the end of the file; the cause is kept aside.
            let failure = context.pointee.pb?.pointee.error ?? 0
            if failure < 0, failure != media_error_end() {
                throw .library(failure, "the file cannot be read on", otherwise: .inputOutput, log: log, byte: position)
            }
            // Matroska's reader complains and then ends as if all were well.
            if log.words.contains("ended prematurely") {
                throw MediaError(
                    .invalid, "the file is cut off: it ends in the middle of an element", byte: position,
                    libraryWords: log.words)
            }
            return false
        }
        if code < 0 {
            throw .library(
                code, "the file is damaged or cut off: its container promises more than there is",
                otherwise: .invalid, log: log, byte: position)
        }
        // Times that no clock ever shows would overflow every later sum.
        let times = [packet.timestamp, packet.decodingTimestamp, packet.duration].compactMap(\.self)
        // A stream may come up in the middle.
        let stream = context.pointee.streams[packet.streamIndex]
        let tick = stream.flatMap { Rational(known: $0.pointee.time_base)?.value } ?? 0
        if times.contains(where: { abs($0) > Demuxer.mostTicks || abs(Double($0)) * tick > Demuxer.mostSeconds }) {
            throw MediaError(
                .invalid, "a packet has an impossible time", stream: packet.streamIndex, byte: packet.byte ?? position)
        }
        // In transport streams the mark means that a counter jumped, as where two were joined: the decoders tell.
        if packet.isCorrupt, container != "mpegts" {
            let info = streams.indices.contains(packet.streamIndex) ? streams[packet.streamIndex] : nil
            throw .library(
                media_error_invalid_data(), "the file is damaged or cut off in the middle of a packet",
                otherwise: .invalid, log: log, stream: packet.streamIndex,
                seconds: info.flatMap { info in packet.timestamp.map { Double($0) * info.timeBase.value } },
                byte: packet.byte ?? position)
        }
        return true
    }

    /// Goes to a place from which the stream's last keyframe at or before a time (in its time base) is still to come.
    /// Packets in front of that keyframe cannot be decoded. Containers without an index only find about the right
    /// place, hence the larger and larger steps back.
    /// - Returns: false when the container cannot be sought in.
    public func seek(stream: Int, to timestamp: Int64) throws(MediaError) -> Bool {
        guard streams.indices.contains(stream) else { return false }
        let packet = try Packet()
        for back in [0.0, 2, 10, 60] {
            let target = timestamp - Int64(back / streams[stream].timeBase.value)
            guard jump(stream, to: target) else { continue }
            guard try hasKeyframe(stream, upTo: timestamp, packet) else { continue }
            return jump(stream, to: target)
        }
        let start = context.pointee.streams[stream]?.pointee.start_time ?? 0
        return jump(stream, to: start == media_no_timestamp() ? 0 : start)
    }

    private func jump(_ stream: Int, to timestamp: Int64) -> Bool {
        guard av_seek_frame(context, Int32(stream), timestamp, AVSEEK_FLAG_BACKWARD) >= 0 else { return false }
        queue?.clear()
        ending = nil
        return true
    }

    /// Whether a keyframe comes from here on before any later picture.
    private func hasKeyframe(_ stream: Int, upTo timestamp: Int64, _ packet: Packet) throws(MediaError) -> Bool {
        while try read(into: packet) {
            guard packet.streamIndex == stream else { continue }
            if packet.isKeyframe { return packet.timestamp.map { $0 <= timestamp } ?? true }
            if let time = packet.timestamp, time > timestamp { return false }
        }
        return false
    }

    /// The timestamp of the last keyframe at or before a time, by the container's index as far as it is known.
    public func indexedKeyframe(stream: Int, before timestamp: Int64) -> Int64? {
        guard let handle = context.pointee.streams[stream],
            let entry = avformat_index_get_entry_from_timestamp(handle, timestamp, AVSEEK_FLAG_BACKWARD)
        else { return nil }
        return entry.pointee.timestamp
    }

    private var position: Int64? {
        guard let input = context.pointee.pb else { return nil }
        let position = avio_seek(input, 0, SEEK_CUR)
        return position >= 0 ? position : nil
    }
}
