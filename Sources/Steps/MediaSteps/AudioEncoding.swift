import MediaFiles

/// Decodes one sound stream and encodes it as AAC-LC, mono or stereo. The track begins at the film's first picture:
/// sound from before it is cut, missing sound before it and in gaps is silence.
final class AudioEncoding {
    let info: StreamInfo
    let name: String
    let sampleRate: Int
    let channels: Int
    let bitRate: Int
    private let decoder: Decoder
    /// The first picture's time in seconds of the source, as ticks of a time base.
    private let origin: (ticks: Int64, timeBase: Rational)
    private let path: String

    /// Makes blocks of the source's form into the track's form; made anew when the source changes its form.
    private var conversion: (input: FilterGraph.Input, graph: FilterGraph)?
    private var nextInput: Int64?
    private var track: Track?

    /// What lasts as long as the track: the filter that keeps samples at their times, the encoder, the file.
    private final class Track {
        let alignment: FilterGraph
        let encoder: Encoder
        let muxer: Muxer

        init(_ audio: AudioEncoding, like block: Frame) throws(MediaError) {
            encoder = try Encoder(
                audio: "aac", sampleRate: audio.sampleRate, channels: audio.channels, bitRate: audio.bitRate)
            muxer = try Muxer(path: audio.path, encoder: encoder, language: audio.info.language)
            alignment = try FilterGraph(
                FilterGraph.Input(samples: block), "[source]aresample=async=1:first_pts=0,\(audio.form)[sink0]",
                sinks: 1, kind: .audio, threads: 1)
            alignment.setBlockSize(encoder.blockSize)
        }

        func add(_ block: Frame?) throws(MediaError) {
            try alignment.filter(block) { (_: Int, samples: Frame) throws(MediaError) in try encode(samples) }
        }

        func encode(_ samples: Frame?) throws(MediaError) {
            try encoder.encode(samples) { (packet: Packet) throws(MediaError) in try muxer.write(packet) }
        }
    }

    struct Result {
        let name: String
        let info: StreamInfo
        let sampleRate: Int
        let channels: Int
        let bitRate: Int
        let packetBytes: Int
        let durationSeconds: Double
    }

    init(
        _ demuxer: Demuxer, _ info: StreamInfo, name: String, origin: (ticks: Int64, timeBase: Rational),
        directory: String
    ) throws(MediaError) {
        self.info = info
        self.name = name
        // The 44.1 kHz family stays what it is; everything else becomes the 48 kHz of film.
        sampleRate = info.sampleRate > 0 && info.sampleRate % 11025 == 0 ? 44100 : 48000
        channels = info.channels == 1 ? 1 : 2
        bitRate = channels == 1 ? 96_000 : 128_000
        self.origin = origin
        path = "\(directory)/\(name).mp4"
        decoder = try Decoder(demuxer, stream: info, threads: 1)
    }

    /// Takes a packet of the stream, or with nil the end.
    func add(_ packet: Packet?) throws(MediaError) {
        try decoder.decode(packet) { (block: Frame) throws(MediaError) in try add(decoded: block) }
    }

    /// Ends the track's file; nil when the stream held no sample after the film's beginning.
    func finish() throws(MediaError) -> Result? {
        try add(nil)
        try endConversion()
        guard let track else { return nil }
        try track.add(nil)
        try track.encode(nil)
        try track.muxer.finish()
        return Result(
            name: name, info: info, sampleRate: sampleRate, channels: channels, bitRate: bitRate,
            packetBytes: track.muxer.packetBytes, durationSeconds: Double(track.muxer.end) / Double(sampleRate))
    }

    /// Media time that is encoded, in seconds.
    var seconds: Double { Double(track?.muxer.end ?? 0) / Double(sampleRate) }

    private var form: String {
        "aformat=sample_fmts=fltp:sample_rates=\(sampleRate):channel_layouts=\(channels == 1 ? "mono" : "stereo")"
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
        let input = FilterGraph.Input(samples: block)
        if conversion?.input != input {
            try endConversion()
            let graph = try FilterGraph(
                input, "[source]aresample=\(sampleRate),\(form)[sink0]", sinks: 1, kind: .audio, threads: 1)
            conversion = (input, graph)
        }
        try convert(block)
    }

    private func convert(_ block: Frame?) throws(MediaError) {
        guard let conversion else { return }
        try conversion.graph.filter(block) { (_: Int, samples: Frame) throws(MediaError) in
            if track == nil { track = try Track(self, like: samples) }
            try track?.add(samples)
        }
    }

    private func endConversion() throws(MediaError) {
        try convert(nil)
        conversion = nil
    }
}
