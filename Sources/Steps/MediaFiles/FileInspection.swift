/// What a file really holds, measured packet by packet over the whole of it. Headers are believed in nothing that the
/// packets can tell.
public struct FileInspection: Sendable {
    public let container: String
    /// What is asked of the file's packets.
    public let strictness: Decoder.Strictness
    /// The film; see ``Demuxer/mainVideo``.
    public let video: Video
    /// Sound streams that hold packets, the default one first.
    public let audio: [Audio]
    public let subtitles: [StreamInfo]
    /// Streams of the file that are no part of what is made of it: sound in unknown formats, further pictures, data.
    public let leftOut: [StreamInfo]
    /// From the first to the last moment of film and sound, in seconds.
    public let durationSeconds: Double
    /// Whether the container's index leads to any picture.
    public var isSeekable: Bool {
        strictness == .strict
            && ["mov", "matroska", "webm", "mxf"].contains { container.split(separator: ",").contains(Substring($0)) }
    }
    /// Of all packets, in bits a second.
    public let bitRate: Int

    public struct Video: Sendable {
        public let info: StreamInfo
        /// Pictures shown.
        public let frames: Int
        public let timing: FrameTiming
        /// The first and the last picture's presentation times in the stream's time base.
        public let first: Int64
        public let last: Int64
        public let startSeconds: Double
        public let durationSeconds: Double

        public init(
            info: StreamInfo, frames: Int, timing: FrameTiming, first: Int64, last: Int64, startSeconds: Double,
            durationSeconds: Double
        ) {
            self.info = info
            self.frames = frames
            self.timing = timing
            self.first = first
            self.last = last
            self.startSeconds = startSeconds
            self.durationSeconds = durationSeconds
        }

        /// Size as shown: upright, with square samples.
        public var displaySize: (width: Int, height: Int) {
            let aspect = info.sampleAspectRatio
            // The height stays and the width gives, as players do it.
            let width = max(1, Int((Double(info.width) * aspect.value).rounded()))
            return info.orientation.swapsSides ? (info.height, width) : (width, info.height)
        }
    }

    public struct Audio: Sendable {
        public let info: StreamInfo
        public let startSeconds: Double
        public let durationSeconds: Double
    }

    /// Reads the whole file once; at most its first picture is decoded.
    /// - Parameter continues: asked every few hundred packets, with the film's time reached in seconds; false ends the
    ///   reading with ``InspectionFailure/cancelled``.
    /// - Throws: ``MediaError`` of kind `invalid` or `unsupported` with what a person needs to know.
    public init(
        _ demuxer: Demuxer, continues: (_ mediaSeconds: Double) -> Bool
    ) throws(InspectionFailure) {
        let limits = demuxer.limits
        var measures = demuxer.streams.map { StreamMeasure($0) }
        do {
            guard let main = demuxer.mainVideo else { throw FileInspection.noVideo(demuxer) }
            try FileInspection.checkPicture(main, demuxer)
            measures[main.index].keepsTimestamps = true
            measures[main.index].mayRestart = demuxer.mayRestart
            let packet = try Packet()
            var total = 0
            while try demuxer.read(into: packet) {
                guard measures.indices.contains(packet.streamIndex) else {
                    // Streams may appear in the middle of a transport stream; those are no part of the film.
                    continue
                }
                try measures[packet.streamIndex].add(packet, limits)
                total += 1
                if total % 256 == 0, !continues(measures[main.index].endSeconds ?? 0) {
                    throw InspectionFailure.cancelled
                }
            }
            let video = try FileInspection.video(measures[main.index], demuxer)
            let audio = try FileInspection.audio(demuxer, measures)
            let starts = [video.startSeconds] + audio.map(\.startSeconds)
            let ends =
                [video.startSeconds + video.durationSeconds]
                + audio.map { $0.startSeconds + $0.durationSeconds }
            let duration = (ends.max() ?? 0) - (starts.min() ?? 0)
            try FileInspection.checkClaims(demuxer, measures, measured: duration)
            try FileInspection.checkDuration(duration, limits)
            container = demuxer.container
            strictness = demuxer.strictness
            self.video = video
            self.audio = audio
            subtitles = demuxer.streams.filter { $0.kind == .subtitle }
            let taken = Set([main.index] + audio.map(\.info.index) + subtitles.filter(\.isText).map(\.index))
            leftOut = demuxer.streams.filter {
                !taken.contains($0.index) && $0.kind != .attachedPicture && measures[$0.index].packets > 0
            }
            durationSeconds = duration
            let bits = Double(measures.reduce(0) { $0 + $1.bytes }) * 8
            // A file of packets that take no time has no rate that a number could tell.
            bitRate = duration > 0 ? Int(min(bits / duration, 1e15)) : 0
        } catch let error as MediaError {
            throw .media(error)
        } catch let error as InspectionFailure {
            throw error
        } catch {
            preconditionFailure("an inspection throws its own errors only")
        }
    }

    private static func noVideo(_ demuxer: Demuxer) -> MediaError {
        if demuxer.streams.contains(where: { $0.kind == .attachedPicture }) {
            return MediaError(.unsupported, "the file has no video stream: its only picture is cover art")
        }
        if demuxer.streams.contains(where: { $0.kind == .audio }) {
            return MediaError(.unsupported, "the file has no video stream: it holds audio only")
        }
        return MediaError(.unsupported, "the file has no video stream")
    }

    private static func checkPicture(_ info: StreamInfo, _ demuxer: Demuxer) throws(MediaError) {
        let limits = demuxer.limits
        guard info.width > 0, info.height > 0 else {
            // A decoder that was told the limit refuses and leaves no size behind; so does one beyond its own.
            if demuxer.openingWords.contains("Picture size ") {
                throw MediaError(
                    .unsupported, "the pictures are too large; at most \(limits.picturePixels) pixels are taken",
                    stream: info.index, libraryWords: demuxer.openingWords)
            }
            throw MediaError(
                .invalid, "the video has no picture size, so that no picture of it can be shown", stream: info.index)
        }
        guard info.width <= limits.pictureSide, info.height <= limits.pictureSide,
            info.width * info.height <= limits.picturePixels
        else {
            throw MediaError(
                .unsupported,
                "the pictures measure \(info.width)x\(info.height); at most \(limits.pictureSide) pixels a side and "
                    + "\(limits.picturePixels) in all are taken",
                stream: info.index)
        }
    }

    private static func checkDuration(_ seconds: Double, _ limits: MediaLimits) throws(MediaError) {
        guard seconds <= limits.durationSeconds else {
            throw MediaError(
                .unsupported,
                "the film is \(Timecode.text(seconds: seconds)) long; at most "
                    + "\(Timecode.text(seconds: limits.durationSeconds)) are taken")
        }
    }

    /// The sound streams that hold packets. The first of them, the file's default, must be one that can be decoded;
    /// further ones in formats of one maker's players are left out.
    private static func audio(_ demuxer: Demuxer, _ measures: [StreamMeasure]) throws(MediaError) -> [Audio] {
        var audio: [Audio] = []
        var isFirst = true
        for info in demuxer.audioStreams {
            let measure = measures[info.index]
            guard let start = measure.startSeconds, let end = measure.endSeconds else { continue }
            defer { isFirst = false }
            guard info.isDecodable else {
                if !isFirst { continue }
                throw MediaError(
                    .unsupported, "the sound is in a format that is not known here ('\(info.codec)')",
                    stream: info.index)
            }
            guard info.channels <= demuxer.limits.audioChannels else {
                throw MediaError(
                    .unsupported,
                    "the sound has \(info.channels) channels; at most \(demuxer.limits.audioChannels) are taken",
                    stream: info.index)
            }
            audio.append(Audio(info: info, startSeconds: start, durationSeconds: end - start))
        }
        return audio
    }

    private static func video(_ measure: StreamMeasure, _ demuxer: Demuxer) throws(MediaError) -> Video {
        let info = measure.info
        let limits = demuxer.limits
        guard measure.packets > 0 else {
            throw MediaError(.invalid, "the video stream holds no picture", stream: info.index)
        }
        var times = measure.timestamps.sorted()
        if let earliest = times.first, let keyframe = measure.firstKeyframe, earliest < keyframe,
            let shown = try FirstPicture(of: info, path: demuxer.path).timestamp
        {
            // Pictures in front of the first keyframe refer to what was cut away; the decoder tells which of them show.
            times.removeAll { $0 < shown }
        }
        let first = times.first ?? 0
        let last = times.last ?? 0
        try checkDuration(Double(last - first) * info.timeBase.value, limits)
        let timing = FrameTiming(
            timestamps: times, timeBase: info.timeBase,
            claims: [info.averageFrameRate, info.lowestFrameRate].compactMap(\.self),
            lastDuration: measure.lastDuration)
        guard timing.rate.value <= limits.framesPerSecond else {
            throw MediaError(
                .unsupported,
                "the video has \(timing.rate) frames a second; at most \(Int(limits.framesPerSecond)) are taken",
                stream: info.index)
        }
        guard timing.rate.value * Double(info.width * info.height) <= limits.pixelsPerSecond else {
            throw MediaError(
                .unsupported,
                "the video has \(info.width)x\(info.height) pixels \(timing.rate) times a second; at most "
                    + "\(Int(limits.pixelsPerSecond)) pixels a second are taken", stream: info.index)
        }
        let interval = 1 / timing.rate.value
        let lastSeconds = measure.lastDuration > 0 ? Double(measure.lastDuration) * info.timeBase.value : interval
        // A constant film lasts frames times interval, whatever the container rounded its last duration to.
        let isRounded = timing.isConstant && times.count > 1 && abs(lastSeconds - interval) < interval / 2
        let duration =
            isRounded
            ? Double(times.count) * interval : Double(last - first) * info.timeBase.value + lastSeconds
        return Video(
            info: info, frames: times.count, timing: timing, first: first, last: last,
            startSeconds: Double(first) * info.timeBase.value, durationSeconds: duration)
    }

    /// A header may be off by a little; one that is off by hours would make every later plan wrong.
    private static func checkClaims(
        _ demuxer: Demuxer, _ measures: [StreamMeasure], measured: Double
    ) throws(MediaError) {
        guard demuxer.hasDurationInHeader else { return }
        func isWild(_ claimed: Double, _ measured: Double) -> Bool { claimed > measured * 1.1 + 3 }
        func sentence(_ whose: String, _ claimed: Double, _ measured: Double) -> String {
            "\(whose) claims a duration of \(Timecode.text(seconds: claimed)), but its packets hold "
                + "\(Timecode.text(seconds: measured)): the file is cut off or its header is wrong"
        }
        // Chapters and subtitles may reach a little further than the film; streams of data count as well.
        let end = max(measured, measures.compactMap(\.endSeconds).max() ?? 0)
        if let claimed = demuxer.claimedSeconds, isWild(claimed, end) {
            throw MediaError(.invalid, sentence("the file's header", claimed, end))
        }
        for measure in measures where measure.info.kind == .video || measure.info.kind == .audio {
            guard let claimed = measure.info.claimedSeconds, let start = measure.startSeconds,
                let end = measure.endSeconds, isWild(claimed, max(end, end - start))
            else { continue }
            throw MediaError(
                .invalid, sentence("the stream's header", claimed, end - start), stream: measure.info.index)
        }
    }
}

/// Why an inspection ended.
public enum InspectionFailure: Error, Sendable {
    case media(MediaError)
    case cancelled
}

/// What one stream's packets add up to.
private struct StreamMeasure {
    let info: StreamInfo
    var keepsTimestamps = false
    /// See ``Demuxer/mayRestart``.
    var mayRestart = false
    private(set) var packets = 0
    private(set) var bytes = 0
    private(set) var timestamps: [Int64] = []
    /// Time of the first keyframe in the order of the file.
    private(set) var firstKeyframe: Int64?
    private(set) var first: Int64?
    private(set) var end: Int64?
    private(set) var last: Int64?
    /// Duration of the packet shown last, in the stream's time base.
    private(set) var lastDuration: Int64 = 0
    /// When the packet before is decoded, in seconds.
    private var latest: Double?

    init(_ info: StreamInfo) { self.info = info }

    mutating func add(_ packet: Packet, _ limits: MediaLimits) throws(MediaError) {
        bytes += packet.size
        guard packet.size > 0, !packet.isDiscarded else { return }
        packets += 1
        let most = keepsTimestamps ? limits.pictures : limits.packetsPerStream
        guard packets <= most else {
            throw MediaError(.unsupported, "the stream has more than \(most) packets", stream: info.index)
        }
        if mayRestart { try checkClock(packet) }
        // Without any timestamp the picture follows the one before.
        let time = packet.timestamp ?? min((last ?? 0) + max(1, lastDuration), Int64(1) << 57)
        if keepsTimestamps { timestamps.append(time) }
        if packet.isKeyframe, firstKeyframe == nil { firstKeyframe = time }
        first = min(first ?? time, time)
        end = max(end ?? time, time + packet.duration)
        if last.map({ time >= $0 }) ?? true {
            last = time
            lastDuration = packet.duration
        }
    }

    /// Two recordings put one behind the other would be shown at the same time: one of them were lost.
    private mutating func checkClock(_ packet: Packet) throws(MediaError) {
        guard let time = packet.decodingTimestamp else { return }
        let seconds = Double(time) * info.timeBase.value
        defer { latest = seconds }
        guard let latest, latest - seconds > BroadcastClock.leapSeconds else { return }
        throw MediaError(
            .unsupported,
            "the film's clock goes back to \(Timecode.text(seconds: seconds)), as where recordings were put one "
                + "behind the other: join them by a program for that",
            stream: info.index, seconds: latest, byte: packet.byte)
    }

    var startSeconds: Double? { first.map { Double($0) * info.timeBase.value } }
    var endSeconds: Double? { end.map { Double($0) * info.timeBase.value } }
}
