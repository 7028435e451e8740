import Glibc
import JSON
import MediaFiles

/// How loud a track is as people hear it (EBU R 128, ITU-R BS.1770).
struct Loudness: Sendable, Hashable {
    /// Integrated, in LUFS; nil for silence and for tracks too short to tell.
    let integrated: Double?
    /// In dBTP, nil for silence.
    let truePeak: Double?
    /// In LU.
    let range: Double
    /// Where nothing is heard, in seconds from the track's beginning.
    let silence: [PictureSampling.Stretch]

    var document: JSON {
        func tenth(_ value: Double) -> JSON { .double((value * 10).rounded() / 10) }
        return .members(
            ("integrated", integrated.map(tenth) ?? .null), ("truePeak", truePeak.map(tenth) ?? .null),
            ("range", tenth(range)))
    }
}

/// What loudness tracks are brought to.
struct LoudnessTarget: Sendable, Hashable {
    /// In LUFS.
    var integrated = -23.0
    /// At most, in dBTP.
    var truePeak = -1.0

    /// More amplification than this, in decibels, would show a recording's noise alone.
    static let mostGain = 40.0

    /// What brings a track there; at first sight, where a limiter changes the loudness again.
    func level(for loudness: Loudness) -> AudioLevel {
        guard let integrated = loudness.integrated, let peak = loudness.truePeak else { return .unchanged }
        let gain = min(max(self.integrated - integrated, -LoudnessTarget.mostGain), LoudnessTarget.mostGain)
        // A decibel is the encoder's, whose rounding raises peaks: what comes nearer than that is limited, too.
        let limit = truePeak - 1
        return AudioLevel(gain: gain, limit: peak + gain > limit ? limit : nil)
    }
}

/// By how much a track is amplified, and the peak it is held under.
struct AudioLevel: Sendable, Hashable {
    /// In decibels.
    let gain: Double
    /// In dBTP; nil where no peak comes near.
    let limit: Double?

    static let unchanged = AudioLevel(gain: 0, limit: nil)

    /// Filters to put behind others, with a comma in front; empty when nothing is to change.
    var filterText: String {
        guard self != .unchanged else { return "" }
        let volume = ",volume=\(AudioLevel.decimal(gain))dB:precision=float"
        guard let limit else { return volume }
        // Peaks between samples show at four times the rate.
        return volume + ",aresample=192000,alimiter=level=false:latency=true:attack=5:release=60:limit="
            + AudioLevel.decimal(pow(10, limit / 20))
    }

    func raised(by more: Double) -> AudioLevel { AudioLevel(gain: gain + more, limit: limit) }

    private static func decimal(_ value: Double) -> String { String((value * 10_000).rounded() / 10_000) }
}

/// Listens to sound streams once, in the forms they will be encoded in.
enum LoudnessMeasurement {
    /// One stream in one form, at one level.
    struct Wish: Hashable {
        let info: StreamInfo
        let form: AudioForm
        var level: AudioLevel = .unchanged
    }

    /// - Parameter continues: asked for every few packets with the film's time in seconds; false ends it with nil.
    static func run(
        _ wishes: [Wish], path: String, strictness: Decoder.Strictness, continues: (_ mediaSeconds: Double) -> Bool
    ) throws(MediaError) -> [Wish: Loudness]? {
        guard !wishes.isEmpty else { return [:] }
        let demuxer = try Demuxer(path: path)
        demuxer.select(streams: Set(wishes.map(\.info.index)))
        var decoders: [Int: Decoder] = [:]
        var meters: [Int: [LoudnessMeter]] = [:]
        for wish in wishes {
            if decoders[wish.info.index] == nil {
                decoders[wish.info.index] = try Decoder(demuxer, stream: wish.info, threads: 1, strictness: strictness)
            }
            meters[wish.info.index, default: []].append(LoudnessMeter(wish))
        }
        let packet = try Packet()
        var count = 0
        while try demuxer.read(into: packet) {
            let own = meters[packet.streamIndex] ?? []
            try decoders[packet.streamIndex]?.decode(packet) { (block: Frame) throws(MediaError) in
                for meter in own { try meter.add(block) }
            }
            count += 1
            if count % 64 == 0, let decoder = decoders[packet.streamIndex], let time = packet.timestamp,
                !continues(Double(time) * decoder.stream.timeBase.value)
            {
                return nil
            }
        }
        var results: [Wish: Loudness] = [:]
        for (index, decoder) in decoders {
            let own = meters[index] ?? []
            try decoder.decode(nil) { (block: Frame) throws(MediaError) in for meter in own { try meter.add(block) } }
            for meter in own { results[meter.wish] = try meter.finish() }
        }
        return results
    }

    /// The levels at which tracks have the wished loudness: measured, and where a limiter works measured again.
    /// - Parameter continues: as in ``run(_:path:strictness:continues:)``, and whether it is the second time through.
    static func levels(
        _ wishes: [Wish], target: LoudnessTarget, path: String, strictness: Decoder.Strictness,
        continues: (_ mediaSeconds: Double, _ isAgain: Bool) -> Bool
    ) throws(MediaError) -> [Wish: (level: AudioLevel, source: Loudness)]? {
        guard
            let source = try run(
                wishes, path: path, strictness: strictness, continues: { seconds in continues(seconds, false) })
        else { return nil }
        var levels: [Wish: (level: AudioLevel, source: Loudness)] = [:]
        for (wish, loudness) in source { levels[wish] = (target.level(for: loudness), loudness) }
        let limited = levels.filter { $0.value.level.limit != nil }.map { wish, value in
            (wish: wish, limited: Wish(info: wish.info, form: wish.form, level: value.level))
        }
        guard
            let again = try run(
                limited.map(\.limited), path: path, strictness: strictness,
                continues: { seconds in continues(seconds, true) })
        else { return nil }
        for (wish, measured) in limited {
            guard let loudness = again[measured]?.integrated, let old = levels[wish] else { continue }
            levels[wish] = (measured.level.raised(by: min(max(target.integrated - loudness, 0), 12)), old.source)
        }
        return levels
    }
}

/// Measures one stream in one form.
private final class LoudnessMeter {
    let wish: LoudnessMeasurement.Wish
    private var graph: (input: FilterGraph.Input, graph: FilterGraph)?
    private var conversion: (input: FilterGraph.Input, graph: FilterGraph)?
    private var samples: Int64 = 0
    private var integrated: Double?
    private var peak = 0.0
    private var range = 0.0
    private var silence: [PictureSampling.Stretch] = []
    private var silenceStart: Double?

    /// What is quieter than this, in dBFS, is not heard; shorter silences are pauses.
    private static let silencedetect = "silencedetect=noise=-60dB:duration=2:mono=0"

    init(_ wish: LoudnessMeasurement.Wish) { self.wish = wish }

    func add(_ block: Frame) throws(MediaError) {
        guard block.samples > 0, block.sampleRate > 0 else { return }
        let input = FilterGraph.Input(samples: block)
        if conversion?.input != input {
            try convert(nil)
            conversion = (
                input,
                try FilterGraph(input, "[source]\(wish.form.filterText)[sink0]", sinks: 1, kind: .audio, threads: 1)
            )
        }
        try convert(try block.shared())
    }

    func finish() throws(MediaError) -> Loudness {
        try convert(nil)
        try measure(nil)
        if let start = silenceStart {
            silence.append(.init(start: start, end: Double(samples) / Double(wish.form.sampleRate)))
        }
        let isHeard = integrated.map { $0 > -70 } ?? false
        return Loudness(
            integrated: isHeard ? integrated : nil, truePeak: peak > 0 ? 20 * log10(peak) : nil, range: range,
            silence: silence)
    }

    private func convert(_ block: Frame?) throws(MediaError) {
        try conversion?.graph.filter(block) { (_: Int, samples: Frame) throws(MediaError) in try measure(samples) }
    }

    private func measure(_ block: Frame?) throws(MediaError) {
        if let block {
            block.timestamp = samples
            samples += Int64(block.samples)
            if graph == nil {
                let input = FilterGraph.Input(samples: block)
                let level = wish.level.filterText.dropFirst()
                let text =
                    (level.isEmpty ? "" : "\(level),") + LoudnessMeter.silencedetect
                    + ",ebur128=peak=true:metadata=true:framelog=verbose"
                graph = (
                    input, try FilterGraph(input, "[source]\(text)[sink0]", sinks: 1, kind: .audio, threads: 1)
                )
            }
        }
        try graph?.graph.filter(block) { (_: Int, frame: Frame) throws(MediaError) in
            if let value = frame.note("lavfi.r128.I").flatMap(Double.init), value.isFinite { integrated = value }
            if let value = frame.note("lavfi.r128.LRA").flatMap(Double.init), value.isFinite { range = value }
            if let start = frame.note("lavfi.silence_start").flatMap(Double.init) { silenceStart = max(0, start) }
            if let end = frame.note("lavfi.silence_end").flatMap(Double.init), let start = silenceStart {
                silence.append(.init(start: start, end: end))
                silenceStart = nil
            }
            for channel in 0..<wish.form.channels {
                if let value = frame.note("lavfi.r128.true_peaks_ch\(channel)").flatMap(Double.init), value.isFinite {
                    peak = max(peak, value)
                }
            }
        }
    }
}
