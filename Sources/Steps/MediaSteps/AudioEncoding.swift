import MediaFiles

/// Decodes one sound stream and hands its blocks to the tracks it is encoded as.
final class AudioEncoding {
    let info: StreamInfo
    let tracks: [AudioTrack]
    private let decoder: Decoder
    /// The first picture's time in seconds of the source, as ticks of a time base.
    private let origin: (ticks: Int64, timeBase: Rational)
    private var nextInput: Int64?

    init(
        _ demuxer: Demuxer, _ info: StreamInfo, tracks: [AudioTrack], origin: (ticks: Int64, timeBase: Rational),
        strictness: Decoder.Strictness
    ) throws(MediaError) {
        self.info = info
        self.tracks = tracks
        self.origin = origin
        decoder = try Decoder(demuxer, stream: info, threads: 1, strictness: strictness)
    }

    /// Takes a packet of the stream, or with nil the end.
    func add(_ packet: Packet?) throws(MediaError) {
        try decoder.decode(packet) { (block: Frame) throws(MediaError) in try add(decoded: block) }
    }

    /// Ends the tracks' files.
    func finish() throws(MediaError) -> [AudioTrack.Result] {
        try add(nil)
        var results: [AudioTrack.Result] = []
        for track in tracks { if let result = try track.finish() { results.append(result) } }
        return results
    }

    private func add(decoded block: Frame) throws(MediaError) {
        guard block.samples > 0, block.sampleRate > 0 else { return }
        let rate = Rational(1, block.sampleRate)
        let time =
            block.timestamp.map {
                info.timeBase.rescale($0, to: rate) - origin.timeBase.rescale(origin.ticks, to: rate)
            }
        let start = time ?? nextInput ?? 0
        nextInput = start + Int64(block.samples)
        block.timestamp = start
        for track in tracks.dropLast() { try track.add(try block.shared()) }
        try tracks.last?.add(block)
    }
}
