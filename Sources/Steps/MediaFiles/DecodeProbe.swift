/// Decodes a little of a file at its beginning, middle and end: a file that cannot be decoded there need not be queued
/// for hours of encoding.
public enum DecodeProbe {
    /// Frames decoded of each stream at the beginning and in the middle.
    static let framesWanted = 24
    /// A place is given up after this many packets.
    static let packetsAtMost = 4000

    /// - Throws: ``MediaError`` of kind `invalid` that says where decoding failed.
    public static func run(_ inspection: FileInspection, path: String, limits: MediaLimits) throws(MediaError) {
        let streams = [inspection.video.info] + inspection.audio.map(\.info)
        try place(path, limits, streams, at: nil, frames: framesWanted, required: Set(streams.map(\.index)))
        let video = inspection.video
        guard video.frames > framesWanted else { return }
        let middle = video.first + (video.last - video.first) / 2
        try place(path, limits, streams, at: middle, frames: framesWanted, required: [video.info.index])
        // From the last keyframe to the very end: where a file is cut off.
        try place(path, limits, streams, at: video.last, frames: .max, required: [video.info.index])
    }

    /// Decodes at one place; nil is the beginning, where every packet must decode. After a seek the packets up to each
    /// stream's first good frame may fail: they refer to what was jumped over.
    private static func place(
        _ path: String, _ limits: MediaLimits, _ streams: [StreamInfo], at time: Int64?, frames: Int, required: Set<Int>
    ) throws(MediaError) {
        let demuxer = try Demuxer(path: path, limits: limits)
        demuxer.select(streams: Set(streams.map(\.index)))
        if let time, let video = streams.first, try !demuxer.seek(stream: video.index, to: time) { return }
        var probes: [Int: StreamProbe] = [:]
        for info in streams {
            probes[info.index] = StreamProbe(
                decoder: try Decoder(demuxer, stream: info, threads: 1), isStrict: time == nil,
                awaitsKeyframe: time != nil && info.kind == .video)
        }
        let packet = try Packet()
        var count = 0
        var isAtEnd = false
        while count < packetsAtMost, probes.values.contains(where: { $0.decoder.frames < frames }) {
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
            guard probe.decoder.frames == 0, probe.decoder.packets > 0 else { continue }
            // One packet of sound may refer to what was jumped over, several in a row are broken.
            if let error = probe.tolerated, required.contains(info.index) || probe.decoder.packets >= 8 { throw error }
            guard required.contains(info.index) else { continue }
            guard isAtEnd || count >= packetsAtMost else { continue }
            let what = info.kind == .audio ? "audio" : "video"
            throw MediaError(
                .invalid, "nothing of the \(what) can be decoded", stream: info.index,
                seconds: time.map { Double($0) * info.timeBase.value })
        }
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
