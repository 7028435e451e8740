#if canImport(Glibc)
import Glibc
#endif

/// Decodes a little of a file at its beginning, middle and end: a file that cannot be decoded there need not be queued
/// for hours of encoding. Short films are decoded whole.
public struct DecodeProbe: Sendable, Hashable {
    /// Pictures decoded, and of those made up in part or lost with their packets, which only transport streams may have.
    public private(set) var pictures = 0
    public private(set) var damaged = 0
    /// Processor time spent, in seconds.
    public private(set) var processorSeconds = 0.0

    /// Frames decoded of each stream at the beginning and in the middle.
    static let framesWanted = 24
    /// A place is given up after this many packets.
    static let packetsAtMost = 4000

    /// A film of so many pictures is decoded whole.
    static let short = 250

    /// - Throws: ``MediaError`` of kind `invalid` that says where decoding failed, `unsupported` where decoding takes
    ///   too long.
    public init(_ inspection: FileInspection, path: String, limits: MediaLimits) throws(MediaError) {
        let began = DecodeProbe.processorSeconds()
        try run(inspection, path: path, limits: limits, from: began)
        processorSeconds = DecodeProbe.processorSeconds() - began
        let video = inspection.video
        let whole = processorSeconds / Double(max(1, pictures)) * Double(video.frames)
        // What is quick is no danger, however short the film.
        guard whole <= max(60, limits.decodeRatio * video.durationSeconds) else {
            throw MediaError(
                .unsupported,
                "decoding would take \(Int(whole)) seconds of processor time for \(Timecode.text(seconds: video.durationSeconds)) "
                    + "of film; at most \(Int(limits.decodeRatio)) a second are spent", stream: video.info.index)
        }
    }

    private mutating func run(
        _ inspection: FileInspection, path: String, limits: MediaLimits, from began: Double
    ) throws(MediaError) {
        let budget = limits.probeProcessorSeconds
        let deadline = began + budget
        let streams = [inspection.video.info] + inspection.audio.map(\.info)
        let all = Set(streams.map(\.index))
        let video = inspection.video
        guard video.frames > DecodeProbe.short else {
            return try place(path, limits, streams, at: nil, frames: .max, required: all, deadline)
        }
        // A third of the time for each place; what one leaves is the next one's.
        try place(
            path, limits, streams, at: nil, frames: DecodeProbe.framesWanted, required: all, began + budget / 3)
        let middle = video.first + (video.last - video.first) / 2
        try place(
            path, limits, streams, at: middle, frames: DecodeProbe.framesWanted, required: [video.info.index],
            began + budget * 2 / 3)
        // From the last keyframe to the very end: where a file is cut off.
        try place(path, limits, streams, at: video.last, frames: .max, required: [video.info.index], deadline)
    }

    /// Decodes at one place; nil is the beginning, where every packet must decode. After a seek the packets up to each
    /// stream's first good frame may fail: they refer to what was jumped over.
    private mutating func place(
        _ path: String, _ limits: MediaLimits, _ streams: [StreamInfo], at time: Int64?, frames: Int,
        required: Set<Int>,
        _ deadline: Double
    ) throws(MediaError) {
        // Opening a file takes a picture's time.
        guard DecodeProbe.processorSeconds() < deadline else { return }
        let demuxer = try Demuxer(path: path, limits: limits)
        demuxer.select(streams: Set(streams.map(\.index)))
        if let time, let video = streams.first, try !demuxer.seek(stream: video.index, to: time) { return }
        let strictness = demuxer.strictness
        var probes: [Int: StreamProbe] = [:]
        for info in streams {
            probes[info.index] = StreamProbe(
                decoder: try Decoder(demuxer, stream: info, threads: 1, strictness: strictness),
                isStrict: time == nil && strictness == .strict,
                awaitsKeyframe: time != nil && info.kind == .video)
        }
        let packet = try Packet()
        var count = 0
        var isAtEnd = false
        while count < DecodeProbe.packetsAtMost, DecodeProbe.processorSeconds() < deadline,
            probes.values.contains(where: { $0.decoder.frames < frames })
        {
            guard try demuxer.read(into: packet) else {
                isAtEnd = true
                break
            }
            count += 1
            try probes[packet.streamIndex]?.decode(packet)
        }
        for info in streams {
            guard let probe = probes[info.index] else { continue }
            if isAtEnd { try probe.decode(nil) }
            if info.kind == .video {
                pictures += probe.decoder.frames
                damaged += probe.decoder.damagedFrames + probe.decoder.undecodedPackets
            }
            guard probe.decoder.frames == 0, probe.decoder.packets > 0 else { continue }
            // One packet of sound may refer to what was jumped over, several in a row are broken.
            if let error = probe.tolerated, required.contains(info.index) || probe.decoder.packets >= 8 { throw error }
            guard required.contains(info.index) else { continue }
            guard isAtEnd || count >= DecodeProbe.packetsAtMost else { continue }
            let what = info.kind == .audio ? "audio" : "video"
            throw MediaError(
                .invalid, "nothing of the \(what) can be decoded", stream: info.index,
                seconds: time.map { Double($0) * info.timeBase.value })
        }
    }
}

extension DecodeProbe {
    /// Processor time of this thread so far, on which all of it is decoded.
    fileprivate static func processorSeconds() -> Double {
        var time = timespec()
        guard clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0 else {
            preconditionFailure("the thread's processor clock can always be read")
        }
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// One stream's decoder at one place.
private final class StreamProbe {
    let decoder: Decoder
    let isStrict: Bool
    private var awaitsKeyframe: Bool
    private(set) var tolerated: MediaError?

    init(decoder: Decoder, isStrict: Bool, awaitsKeyframe: Bool) {
        self.decoder = decoder
        self.isStrict = isStrict
        self.awaitsKeyframe = awaitsKeyframe
    }

    func decode(_ packet: Packet?) throws(MediaError) {
        if let packet, awaitsKeyframe {
            guard packet.isKeyframe else { return }
            awaitsKeyframe = false
        }
        do throws(MediaError) {
            try decoder.decode(packet) { (_: Frame) throws(MediaError) in }
        } catch {
            if isStrict || decoder.frames > 0 { throw error }
            tolerated = error
        }
    }
}
