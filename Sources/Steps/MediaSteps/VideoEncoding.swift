import MediaFiles
import Synchronization

/// Encodes decoded pictures in every rung of a ladder. Pictures are made whole, put at the places of a constant rate
/// (see ``FramePacing``), and go through one filter graph that scales each of them once for each rung.
final class VideoEncoding {
    private let info: StreamInfo
    private let timing: FrameTiming
    private let scan: Scan
    private let ladder: Ladder
    private let preset: String
    private let threads: Int
    private let directory: String
    /// Of the rungs: pictures are counted.
    let frameRate: Rational
    let keyframeInterval: Int
    private var timeBase: Rational { frameRate.inverse }

    /// Takes the fields of telecined pictures apart.
    private var pulldown: (input: FilterGraph.Input, graph: FilterGraph)?
    private var pacing: FramePacing
    /// The places that are encoded, nil for all; and how many beside them go through the filters.
    private let part: Range<Int64>?
    private let margin: Int64
    /// The picture whose places are not all known yet.
    private var held: Frame?

    private let mastering: MasteringMetadata
    private let forms: [(form: PictureForm, rungs: [Int])]
    private var graph: FilterGraph?
    private var graphInput: FilterGraph.Input?
    private var outputs: [Output?]
    /// Of each rung.
    private var scored: [ScoredPictures]
    private let lanes: EncodingLanes

    /// One rung's encoder and file.
    final class Output {
        /// Both are the lane's once it has the first picture, until it is over.
        let encoder: Encoder
        let muxer: Muxer
        let options: [(name: String, value: String)]
        /// Pictures handed over, and pictures that are done, which others than the lane may read.
        var taken = 0
        private let finished = Atomic(0)
        var done: Int { finished.load(ordering: .relaxed) }

        init(
            _ rung: Ladder.Rung, settings: Encoder.Video, like frame: Frame, mastering: MasteringMetadata,
            directory: String
        ) throws(MediaError) {
            encoder = try Encoder(settings, like: frame)
            muxer = try Muxer(
                path: "\(directory)/video-\(rung.name).mp4", encoder: encoder, language: nil,
                mastering: rung.isHighDynamicRange ? mastering : .none)
            options = settings.options + [("threads", String(settings.threads))]
        }

        func encode(_ picture: Frame?) throws(MediaError) {
            try encoder.encode(picture) { (packet: Packet) throws(MediaError) in try muxer.write(packet) }
            finished.store(encoder.packetsOut, ordering: .relaxed)
        }

        /// Encodes what is left inside and ends the file.
        func end() throws(MediaError) {
            try encode(nil)
            try muxer.finish()
        }
    }

    /// What became of a rung.
    struct Result {
        let rung: Ladder.Rung
        let frameRate: Rational
        let keyframeInterval: Int
        let frames: Int
        let packets: Int
        let packetBytes: Int
        let durationSeconds: Double
        let options: [(name: String, value: String)]
        let score: RungScore?
    }

    init(
        _ film: Film, part: Range<Int64>?, origin: Int64, mastering: MasteringMetadata, ladder: Ladder,
        preset: String, threads: Int, directory: String
    ) {
        let video = film.video
        info = video.info
        timing = video.timing
        scan = film.scan
        self.part = part
        // Filters that look at neighbours get to see those of the part's first and last pictures.
        margin = part == nil || film.scan == .progressive ? 0 : 2
        self.mastering = mastering
        self.ladder = ladder
        forms = ladder.forms
        self.preset = preset
        self.threads = threads
        self.directory = directory
        let whole = video.timing.regularRate
        frameRate = scan == .telecined ? Rational(whole.numerator * 4, whole.denominator * 5) : whole
        keyframeInterval = Ladder.keyframeInterval(frameRate: frameRate)
        pacing = FramePacing(
            origin: part.map { _ in (origin, video.info.timeBase) }, rate: frameRate,
            durationSeconds: video.durationSeconds, keepsAll: video.timing.isConstant)
        outputs = ladder.rungs.map { _ in nil }
        let pictures = part?.count ?? Int(Double(video.places) * frameRate.value / whole.value)
        let pick = ScoredPictures(of: pictures, keyframeInterval: keyframeInterval)
        scored = ladder.rungs.map { _ in pick }
        lanes = EncodingLanes(efforts: ladder.efforts, threads: threads)
    }

    /// Takes a decoded picture; its contents move away.
    func add(_ frame: Frame) throws(MediaError) {
        guard scan == .telecined else { return try pace(frame, timeBase: info.timeBase) }
        // The decoder's guess becomes the timestamp that filters see.
        frame.timestamp = frame.timestamp
        let input = FilterGraph.Input(pictures: frame, timeBase: info.timeBase, rate: timing.regularRate)
        if pulldown?.input != input {
            try endPulldown()
            let graph = try FilterGraph(
                input, "[source]\(Scan.pulldownRemoval)[sink0]", sinks: 1, kind: .video, threads: min(threads, 4))
            pulldown = (input, graph)
        }
        try removePulldown(frame)
    }

    private func removePulldown(_ frame: Frame?) throws(MediaError) {
        guard let pulldown else { return }
        try pulldown.graph.filter(frame) { (_: Int, picture: Frame) throws(MediaError) in
            try pace(picture, timeBase: pulldown.graph.timeBases[0])
        }
    }

    private func endPulldown() throws(MediaError) {
        try removePulldown(nil)
        pulldown = nil
    }

    private func pace(_ frame: Frame, timeBase: Rational) throws(MediaError) {
        let next = try frame.shared()
        switch pacing.add(frame.timestamp, timeBase: timeBase) {
        case .first, .replacing: break
        case .after(let slots): try show(slots)
        }
        held = next
    }

    /// Encodes the held picture at each of its places.
    private func show(_ slots: Range<Int64>) throws(MediaError) {
        guard let held else { return }
        let wanted = part.map { ($0.lowerBound - margin)..<($0.upperBound + margin) } ?? slots
        for slot in slots.clamped(to: wanted) {
            if part?.contains(slot) ?? true { framesShown += 1 }
            let frame = try held.shared()
            frame.timestamp = slot
            frame.duration = 1
            let input = FilterGraph.Input(pictures: frame, timeBase: timeBase)
            if input != graphInput {
                try drain()
                graph = try FilterGraph(
                    input,
                    PictureFilters.description(
                        info, scan: scan, like: frame, forms: forms.map(\.form)),
                    sinks: forms.count, kind: .video, threads: min(threads, 4))
                graphInput = input
            }
            try filter(frame)
        }
    }

    /// Ends every rung's file.
    /// - Parameter continues: asked a few times a second; false ends it with ``MediaError/stopped``.
    func finish(continues: () -> Bool) throws(MediaError) -> [Result] {
        try endPulldown()
        try show(pacing.finish())
        held = nil
        try drain()
        for (rung, output) in outputs.enumerated() {
            if let output { try lanes.end(output, rung: rung) }
        }
        try lanes.finish(continues: continues)
        var results: [Result] = []
        for (index, rung) in ladder.rungs.enumerated() {
            guard let output = outputs[index] else { continue }
            results.append(
                Result(
                    rung: rung, frameRate: frameRate, keyframeInterval: keyframeInterval,
                    frames: output.encoder.framesIn, packets: output.encoder.packetsOut,
                    packetBytes: output.muxer.packetBytes,
                    durationSeconds: Double(output.muxer.end) * timeBase.value, options: output.options,
                    score: try scored[index].score(of: output.muxer.path, interval: timeBase)))
        }
        return results
    }

    /// Pictures each rung has finished, by its name.
    var progress: [(name: String, frames: Int)] {
        zip(ladder.rungs, outputs).map { ($0.name, $1?.done ?? 0) }
    }

    /// Pictures each rung must have in the end, and of those such as stand for a time without one of its own; pictures
    /// left out because another one took their place.
    private(set) var framesShown = 0
    var framesRepeated: Int { pacing.repeated }
    var framesDropped: Int { pacing.dropped }

    /// Media time that has come in, in seconds.
    var seconds: Double { Double(framesShown) * timeBase.value }

    /// Whether the part's last picture and what filters want behind it have come in.
    var isComplete: Bool {
        guard let part, let last = pacing.last else { return false }
        return last >= part.upperBound + margin
    }

    /// Whether pictures of the part, or such as its filters want, may come next.
    var isNear: Bool {
        guard let part else { return true }
        return (pacing.last ?? .min) >= part.lowerBound - margin - 1
    }

    /// The time at which decoding must have begun for the part, in the stream's time base.
    func entry(origin: Int64) -> Int64 {
        guard let part else { return origin }
        return origin + timeBase.rescale(max(0, part.lowerBound - margin), to: info.timeBase)
    }

    private func drain() throws(MediaError) {
        guard graph != nil else { return }
        try filter(nil)
        graph = nil
    }

    private func filter(_ frame: Frame?) throws(MediaError) {
        guard let graph else { return }
        try graph.filter(frame) { (index: Int, picture: Frame) throws(MediaError) in
            // Deinterlacing halves the tick.
            if graph.timeBases[index] != timeBase, let timestamp = picture.timestamp {
                picture.timestamp = graph.timeBases[index].rescale(timestamp, to: timeBase)
            }
            if let part {
                guard let slot = picture.timestamp, part.contains(slot) else { return }
                picture.timestamp = slot - part.lowerBound
            }
            for rung in forms[index].rungs {
                let output = try output(rung, like: picture)
                // The samples are shared, and nobody writes to them any more.
                let own = try picture.shared()
                own.setKeyframe(output.taken % keyframeInterval == 0)
                try scored[rung].add(own, place: output.taken)
                output.taken += 1
                try lanes.encode(own, for: output, rung: rung)
            }
        }
    }

    private func output(_ index: Int, like frame: Frame) throws(MediaError) -> Output {
        if let output = outputs[index] { return output }
        let rung = ladder.rungs[index]
        let own = ladder.threads(of: threads)[index]
        var options = rung.codec.options(
            rung, preset: preset, keyframeInterval: keyframeInterval, threads: own, mastering: mastering)
        if let part, part.lowerBound > 0 { options = rung.codec.later(options, peakBitRate: rung.peakBitRate) }
        let settings = Encoder.Video(
            codec: rung.codec.encoder, width: rung.width, height: rung.height, timeBase: timeBase,
            frameRate: frameRate, threads: own, pixelFormat: rung.form.samples.pixelFormat,
            options: options)
        let output = try Output(rung, settings: settings, like: frame, mastering: mastering, directory: directory)
        outputs[index] = output
        return output
    }
}
