import MediaFiles

/// The form in which a sound stream is encoded.
struct AudioForm: Sendable, Hashable {
    let sampleRate: Int
    let channels: Int

    /// The forms of a stream: one everybody can play, mono or stereo, and 5.1 where it has that many channels.
    static func all(of info: StreamInfo) -> [AudioForm] {
        // The 44.1 kHz family stays what it is; everything else becomes the 48 kHz of film.
        let rate = info.sampleRate > 0 && info.sampleRate % 11025 == 0 ? 44100 : 48000
        let plain = AudioForm(sampleRate: rate, channels: info.channels == 1 ? 1 : 2)
        return info.channels >= 6 ? [plain, AudioForm(sampleRate: rate, channels: 6)] : [plain]
    }

    var bitRate: Int { [1: 96_000, 2: 128_000][channels] ?? 384_000 }

    /// What tracks of this form are called behind their language, empty for the plain ones.
    var suffix: String { channels == 6 ? "-5.1" : "" }

    /// The filters that make samples into it, in the library's filter language.
    var filterText: String {
        let layout = [1: "mono", 2: "stereo"][channels] ?? "5.1"
        return "aresample=\(sampleRate),"
            + "aformat=sample_fmts=fltp:sample_rates=\(sampleRate):channel_layouts=\(layout)"
    }
}

/// One encoded track of a sound stream: takes decoded blocks, writes AAC-LC. It begins at the film's first picture:
/// sound from before that is cut, missing sound and gaps are silence.
final class AudioTrack {
    let info: StreamInfo
    let name: String
    let form: AudioForm
    let level: AudioLevel
    private let path: String

    /// Makes blocks of the source's form into the track's; made anew when the source changes its form.
    private var conversion: (input: FilterGraph.Input, graph: FilterGraph)?
    private var output: Output?

    /// Keeps samples at their times. Where their clock and the film's drift apart by more than ten milliseconds they are
    /// stretched, over seconds, so that nobody hears it; by more than a tenth of a second is a gap, or too much of it.
    ///
    /// The resampler is there from the beginning (`res`): the library would begin its count of time anew with one put in later.
    private static let clock =
        "aresample=async=1000:min_comp=0.01:comp_duration=4:min_hard_comp=0.1:first_pts=0:flags=res"

    /// What lasts as long as the track: the filter that keeps samples at their times, the encoder, the file.
    private final class Output {
        let alignment: FilterGraph
        let encoder: Encoder
        let muxer: Muxer
        private let stream: Int

        init(_ track: AudioTrack, like block: Frame) throws(MediaError) {
            let form = track.form
            stream = track.info.index
            encoder = try Encoder(
                audio: "aac", sampleRate: form.sampleRate, channels: form.channels, bitRate: form.bitRate)
            muxer = try Muxer(path: track.path, encoder: encoder, language: track.info.language)
            alignment = try FilterGraph(
                FilterGraph.Input(samples: block),
                "[source]\(AudioTrack.clock)\(track.level.filterText),\(form.filterText)[sink0]", sinks: 1,
                kind: .audio,
                threads: 1)
            alignment.setBlockSize(encoder.blockSize)
        }

        func add(_ block: Frame?) throws(MediaError) {
            try alignment.filter(block) { (_: Int, samples: Frame) throws(MediaError) in try encode(samples) }
        }

        func encode(_ samples: Frame?) throws(MediaError) {
            do throws(MediaError) {
                try encoder.encode(samples) { (packet: Packet) throws(MediaError) in try muxer.write(packet) }
            } catch {
                // Of samples the encoder of AAC has nothing else to say.
                guard error.libraryWords?.contains("NaN") == true else { throw error }
                throw MediaError(
                    .invalid, "the sound has samples that are too large or no numbers", stream: stream)
            }
        }
    }

    struct Result {
        let name: String
        let info: StreamInfo
        let form: AudioForm
        let level: AudioLevel
        let packetBytes: Int
        let durationSeconds: Double
    }

    init(_ info: StreamInfo, name: String, form: AudioForm, level: AudioLevel, directory: String) {
        self.info = info
        self.name = name
        self.form = form
        self.level = level
        path = "\(directory)/\(name).mp4"
    }

    /// Takes a decoded block, its timestamp in samples from the film's first picture.
    func add(_ block: Frame) throws(MediaError) {
        let input = FilterGraph.Input(samples: block)
        if conversion?.input != input {
            try endConversion()
            let graph = try FilterGraph(
                input, "[source]\(form.filterText)[sink0]", sinks: 1, kind: .audio, threads: 1)
            conversion = (input, graph)
        }
        try convert(block)
    }

    /// Ends the track's file; nil when the stream held no sample after the film's beginning.
    func finish() throws(MediaError) -> Result? {
        try endConversion()
        guard let output else { return nil }
        try output.add(nil)
        try output.encode(nil)
        try output.muxer.finish()
        return Result(
            name: name, info: info, form: form, level: level, packetBytes: output.muxer.packetBytes,
            durationSeconds: Double(output.muxer.end) / Double(form.sampleRate))
    }

    /// Media time that is encoded, in seconds.
    var seconds: Double { Double(output?.muxer.end ?? 0) / Double(form.sampleRate) }

    private func convert(_ block: Frame?) throws(MediaError) {
        guard let conversion else { return }
        try conversion.graph.filter(block) { (_: Int, samples: Frame) throws(MediaError) in
            if output == nil { output = try Output(self, like: samples) }
            try output?.add(samples)
        }
    }

    private func endConversion() throws(MediaError) {
        try convert(nil)
        conversion = nil
    }
}
