import Glibc
import JSON
import MediaFiles
import StepContracts

/// Chooses a ladder for one film by trial. Pictures from a few places are encoded as the fixed ladder would encode them,
/// and again with ways of spending bits that may suit this film better; each rung gets the quality at which it is as
/// similar to the source as the fixed ladder's, at fewer bits. Rungs that add nothing are left out.
struct LadderSearch {
    /// What was found.
    struct Choice {
        let ladder: Ladder
        /// What the step `ladder` gives: the rungs as transcode takes them, each with its scores and the reason for it.
        let document: JSON
    }

    /// One rung's trial.
    struct Score: Sendable, Hashable {
        let bytes: Int
        /// Mean structural similarity of luma, and in decibels; peak signal-to-noise ratio.
        let ssim: Double
        let psnr: Double
        var decibels: Double { -10 * log10(max(1 - ssim, 1e-6)) }

        var document: JSON {
            [
                "bytes": .integer(bytes), "ssim": .double((ssim * 100_000).rounded() / 100_000),
                "psnr": .double((psnr * 100).rounded() / 100),
            ]
        }
    }

    private let film: Film
    private let preset: String
    private let trialPath: String
    private let fixed: Ladder
    private let rungs: [Ladder.Rung]
    private let samples: PictureSamples
    private var meter: ProgressMeter
    private var trials = 0

    /// Fewer bits than this share of the bits without it must be left for a tool to be taken.
    static let worthwhile = 0.985
    /// A rung with more than this share of the bits of the one above adds nothing for those who can't afford the latter.
    static let nearlyTheSameBits = 0.75
    /// A picture scaled down and up again that is as similar as this had no more detail to show.
    static let noDetail = 0.995
    /// With so many times the bits of its peak rate a rung's quality is not what decides. A sample has more keyframes than
    /// the film, hence more bits.
    static let peakBinds = 1.5
    /// Where the second quality of the trial lies, from which follows what a quality is worth in bits.
    private static let step = 3.0
    private static let furthest = 6.0
    /// So much better, in steps of the constant rate factor, a rung is made at least than the samples ask for: a film is not
    /// its samples, and what is promised is no less than the fixed ladder's similarity.
    private static let margin = 1.0
    /// So much of what the samples promise to save is spent on quality, where that is more: the more they promise, the less
    /// certain it is.
    private static let putBack = 0.4
    /// More than this share of a film is not tried, however much time there is.
    private static let mostTried = 0.02
    /// What decoding and comparing a trial's pictures takes, beside encoding them.
    private static let comparison = 1.0 / 3

    /// - Parameters:
    ///   - fixed: the ladder whose rungs of H.264 are tried.
    ///   - share: of the encode's processor time that the search may take.
    static func run(
        _ film: Film, path: String, fixed: Ladder, preset: String, share: Double, threads: Int, directory: String,
        _ surroundings: StepSurroundings
    ) throws(StepFailure) -> Choice {
        if film.scan == .telecined {
            return Choice(fixed, reason: "telecined pictures come apart in their succession only")
        }
        let rungs = fixed.rungs.filter { $0.codec == .h264 }
        let most = max(PictureSamples.least, Int(Double(film.video.frames) * mostTried))
        let pictures = min(most, affordable(share, of: film.video.frames, rungs))
        guard pictures >= PictureSamples.least else {
            return Choice(fixed, reason: "the film is too short to try anything")
        }
        var meter = ProgressMeter("search", totalSeconds: film.durationSeconds, surroundings)
        do throws(MediaError) {
            guard
                let samples = try PictureSamples(
                    film, path: path, forms: rungs.map(\.form), pictures: pictures, threads: threads,
                    continues: { meter.continues(mediaSeconds: 0) })
            else { throw .stopped }
            guard samples.frames >= PictureSamples.least / 2 else {
                return Choice(fixed, reason: "too few pictures of the film could be tried")
            }
            var search = LadderSearch(
                film: film, preset: preset, trialPath: "\(directory)/.trial.mp4", fixed: fixed, rungs: rungs,
                samples: samples, meter: meter)
            return try search.choose()
        } catch {
            throw error == .stopped ? .stopped : StepFailure(error)
        }
    }

    /// How many of a film's pictures may be tried, so that all trials together take no more than a share of its encode: each
    /// rung is encoded twice, and one in the middle once for each tool and once to see what a quality is worth.
    static func affordable(_ share: Double, of pictures: Int, _ rungs: [Ladder.Rung]) -> Int {
        let pixels = rungs.map { Double($0.width * $0.height) }
        guard let middle = pixels.dropFirst(pixels.count / 2).first else { return 0 }
        let encodes = 2 + Double(EncoderTool.all.count + 1) * middle / pixels.reduce(0, +)
        return Int(Double(pictures) * share / (encodes * (1 + comparison)))
    }

    private init(
        film: Film, preset: String, trialPath: String, fixed: Ladder, rungs: [Ladder.Rung], samples: PictureSamples,
        meter: ProgressMeter
    ) {
        self.film = film
        self.preset = preset
        self.trialPath = trialPath
        self.fixed = fixed
        self.rungs = rungs
        self.samples = samples
        self.meter = meter
    }

    private mutating func choose() throws(MediaError) -> Choice {
        var top = 0
        while top + 1 < rungs.count, try similarity(of: top + 1, to: top) >= LadderSearch.noDetail { top += 1 }
        var before: [Score] = []
        for index in rungs.indices.dropFirst(top) { before.append(try trial(index, rungs[index])) }
        // The tools are tried on one rung in the middle: a third of the top one's pixels and less.
        let middle = (top + rungs.count) / 2
        let tools = try chooseTools(middle, before[middle - top])
        var kept: [(rung: Ladder.Rung, bytes: Int, document: JSON)] = []
        var dropped: [JSON] = rungs[..<top].map { rung -> JSON in
            [
                "name": .string(rung.name),
                "reason": .string("the film has no detail that the rung below does not show"),
            ]
        }
        for index in rungs.indices.dropFirst(top) {
            let result = try refine(index, tools, before[index - top])
            if let above = kept.last,
                capped(result.bytes, rungs[index]) > capped(above.bytes, above.rung) * LadderSearch.nearlyTheSameBits
            {
                let share = Int((capped(result.bytes, rungs[index]) / capped(above.bytes, above.rung) * 100).rounded())
                dropped.append([
                    "name": .string(rungs[index].name),
                    "reason": .string("it needs \(share) % of the bits of \(above.rung.name) and shows less"),
                ])
                continue
            }
            kept.append(result)
        }
        let lost = Set(rungs.map(\.form)).subtracting(kept.map(\.rung.form))
        let widest = top > 0 ? rungs[top].width : Int.max
        let others = fixed.rungs.filter { rung in
            rung.codec != .h264 && rung.width <= widest
                && !lost.contains { $0.width == rung.width && $0.height == rung.height }
        }
        let documents = kept.map(\.document) + others.map { $0.document(reason: "as in the fixed ladder") }
        return Choice(
            ladder: Ladder(rungs: kept.map(\.rung) + others),
            document: .members(
                ("kind", "per-title"), ("rungs", .array(documents)), ("dropped", .array(dropped)),
                (
                    "tools",
                    .array(
                        tools.tried.map { tool -> JSON in
                            [
                                "name": .string(tool.name), "bits": .double((tool.bits * 1000).rounded() / 1000),
                                "taken": .bool(tool.bits < LadderSearch.worthwhile),
                            ]
                        })
                ),
                ("samples", ["places": .integer(samples.places.count), "frames": .integer(samples.frames)])))
    }

    /// The ways that suit the film, and what a step of quality is worth on it.
    private struct Tools {
        var parameters: [String: String] = [:]
        /// The quality at which the rung is as similar as before, with them.
        var quality: Double
        /// Decibels of similarity lost by one step of the constant rate factor, and bits, as a natural logarithm.
        let decibels: Double
        let bits: Double
        /// The share of the bits that each needs for the same similarity.
        var tried: [(name: String, bits: Double)] = []
    }

    private mutating func chooseTools(_ index: Int, _ before: Score) throws(MediaError) -> Tools {
        let quality = rungs[index].quality
        let coarse = try trial(index, rungs[index].at(quality + LadderSearch.step, [:]))
        let decibels = max(0.1, (before.decibels - coarse.decibels) / LadderSearch.step)
        let bits = max(0.01, (log(Double(before.bytes)) - log(Double(coarse.bytes))) / LadderSearch.step)
        var tools = Tools(quality: quality, decibels: decibels, bits: bits)
        var best = before
        for tool in EncoderTool.all {
            let parameters = tools.parameters.merging(tool.parameters) { $1 }
            let score = try trial(index, rungs[index].at(quality, parameters))
            let steps = (score.decibels - best.decibels) / decibels
            let share = Double(score.bytes) / Double(best.bytes) * exp(-bits * steps)
            tools.tried.append((tool.name, share))
            if share < LadderSearch.worthwhile {
                tools.parameters = parameters
                best = score
            }
        }
        tools.quality = quality + bounded((best.decibels - before.decibels) / decibels)
        return tools
    }

    /// The rung with the tools at the quality that makes it as similar as before; as before where that saves nothing.
    private mutating func refine(
        _ index: Int, _ tools: Tools, _ before: Score
    ) throws(MediaError) -> (rung: Ladder.Rung, bytes: Int, document: JSON) {
        let rung = rungs[index]
        let likeness = "similarity \(text(before.ssim, 4))"
        func asBefore(_ reason: String) -> (rung: Ladder.Rung, bytes: Int, document: JSON) {
            (rung, before.bytes, rung.document(reason: reason, before: before))
        }
        guard !tools.parameters.isEmpty else { return asBefore("nothing that was tried saves bits; \(likeness)") }
        guard Double(before.bytes) < capped(before.bytes, rung) * LadderSearch.peakBinds else {
            return asBefore("the peak rate binds whatever the quality; \(likeness) without it")
        }
        let tried = rung.at(tools.quality, tools.parameters)
        let score = try trial(index, tried)
        let steps = bounded((score.decibels - before.decibels) / tools.decibels)
        let promised = log(Double(before.bytes) / Double(score.bytes)) + tools.bits * steps
        let margin = max(LadderSearch.margin, promised * LadderSearch.putBack / tools.bits)
        let quality = ((tried.quality + steps - margin) * 10).rounded(.down) / 10
        let bytes = Double(score.bytes) * exp(tools.bits * (tried.quality - quality))
        guard bytes < Double(before.bytes) * LadderSearch.worthwhile,
            score.decibels + tools.decibels * (tried.quality - quality) > before.decibels
        else { return asBefore("what was tried saves no bits on it; \(likeness)") }
        let chosen = rung.at(quality, tools.parameters)
        let saved = Int(((1 - bytes / Double(before.bytes)) * 100).rounded())
        return (
            chosen, Int(bytes),
            chosen.document(
                reason: "about \(saved) % fewer bits than the fixed ladder; \(likeness)",
                before: before, score: score, at: tried.quality)
        )
    }

    /// What a rung's peak rate leaves of the bits that the samples took without it.
    private func capped(_ bytes: Int, _ rung: Ladder.Rung) -> Double {
        let seconds = Double(samples.frames) / film.video.timing.regularRate.value
        return min(Double(bytes), Double(rung.peakBitRate) / 8 * seconds)
    }

    private func bounded(_ steps: Double) -> Double {
        min(max(steps, -LadderSearch.furthest), LadderSearch.furthest)
    }

    private func text(_ value: Double, _ places: Int) -> String {
        let scale = pow(10, Double(places))
        return String((value * scale).rounded() / scale)
    }

    /// How similar a rung's pictures are to the larger ones of another before anything is encoded.
    private func similarity(of small: Int, to large: Int) throws(MediaError) -> Double {
        guard let first = samples.places.first, let reference = first[large].first, let other = first[small].first
        else { return 0 }
        let meter = try QualityMeter(like: reference, comparing: other)
        for place in samples.places {
            for (picture, smaller) in zip(place[large], place[small]).enumerated().filter({ $0.offset % 6 == 0 })
                .map(\.element)
            {
                try meter.add(picture, smaller)
            }
        }
        return meter.ssim
    }

    /// Encodes the samples as a rung, each place by itself, and compares what a decoder gives with what went in. No peak
    /// rate binds: it would hide what a quality is worth.
    private mutating func trial(_ index: Int, _ rung: Ladder.Rung) throws(MediaError) -> Score {
        let rung = rung.unbound
        defer { unlink(trialPath) }
        trials += 1
        // One for each rung before and after, and those of the tools.
        let all = Double(2 * rungs.count + EncoderTool.all.count + 1)
        guard meter.continues(mediaSeconds: film.durationSeconds * min(1, Double(trials) / all)) else { throw .stopped }
        let rate = film.video.timing.regularRate
        var bytes = 0
        var quality: QualityMeter?
        for place in samples.places {
            let pictures = place[index]
            guard let first = pictures.first else { continue }
            let settings = Encoder.Video(
                codec: rung.codec.encoder, width: rung.width, height: rung.height, timeBase: rate.inverse,
                frameRate: rate, threads: 1, pixelFormat: rung.form.samples.pixelFormat,
                options: rung.codec.options(
                    rung, preset: preset, keyframeInterval: Ladder.keyframeInterval(frameRate: rate), threads: 1,
                    mastering: .none))
            let encoder = try Encoder(settings, like: first)
            let muxer = try Muxer(path: trialPath, encoder: encoder, language: nil)
            let write = { (packet: Packet) throws(MediaError) in try muxer.write(packet) }
            for (number, picture) in pictures.enumerated() {
                let own = try picture.shared()
                own.timestamp = Int64(number)
                own.duration = 1
                own.setKeyframe(number == 0)
                try encoder.encode(own, write)
            }
            try encoder.encode(nil, write)
            try muxer.finish()
            bytes += muxer.packetBytes
            if quality == nil { quality = try QualityMeter(like: first, comparing: first) }
            guard let quality else { continue }
            try compare(pictures, quality)
        }
        return Score(bytes: max(1, bytes), ssim: quality?.ssim ?? 0, psnr: quality?.psnr ?? 0)
    }

    private func compare(_ pictures: [Frame], _ quality: QualityMeter) throws(MediaError) {
        let demuxer = try Demuxer(path: trialPath)
        guard let stream = demuxer.mainVideo else { throw MediaError(.refused, "a trial holds no picture") }
        let decoder = try Decoder(demuxer, stream: stream, threads: 1)
        let packet = try Packet()
        var number = 0
        let look = { (frame: Frame) throws(MediaError) in
            guard number < pictures.count else { return }
            try quality.add(pictures[number], frame)
            number += 1
        }
        while try demuxer.read(into: packet) { try decoder.decode(packet, look) }
        try decoder.decode(nil, look)
        guard number == pictures.count else {
            throw MediaError(.refused, "a trial of \(pictures.count) pictures gave \(number)")
        }
    }
}

extension LadderSearch.Choice {
    /// The fixed ladder, and why.
    fileprivate init(_ fixed: Ladder, reason: String) {
        self.init(
            ladder: fixed,
            document: .members(
                ("kind", "fixed"), ("reason", .string(reason)),
                ("rungs", .array(fixed.rungs.map { $0.document(reason: "as in the fixed ladder") })),
                ("dropped", [])))
    }
}

extension Ladder.Rung {
    /// The same rung with a peak rate that no picture comes near.
    fileprivate var unbound: Ladder.Rung {
        Ladder.Rung(
            name: name, codec: codec, width: width, height: height, isHighDynamicRange: isHighDynamicRange,
            peakBitRate: 400_000_000, quality: quality, tools: tools)
    }

    /// The same rung encoded in another way.
    fileprivate func at(_ quality: Double, _ tools: [String: String]) -> Ladder.Rung {
        var rung = self
        rung.quality = min(max(quality, codec.qualities.lowerBound), codec.qualities.upperBound)
        rung.tools = tools
        return rung
    }

    /// - Parameters:
    ///   - before: what the fixed ladder's rung scored on the samples.
    ///   - score: what this one scored, encoded at a quality near its own.
    fileprivate func document(
        reason: String, before: LadderSearch.Score? = nil, score: LadderSearch.Score? = nil, at quality: Double? = nil
    ) -> JSON {
        var document = self.document
        document["reason"] = .string(reason)
        if let before { document["fixed"] = before.document }
        if let score, let quality {
            var trial = score.document
            trial["quality"] = .double((quality * 100).rounded() / 100)
            document["trial"] = trial
        }
        return document
    }
}
