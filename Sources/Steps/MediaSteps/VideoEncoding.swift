import MediaFiles

/// Encodes decoded pictures in every rung of a ladder. Each picture goes through one filter graph that scales it once
/// for each rung; pictures keep their number and their times.
final class VideoEncoding {
    private let info: StreamInfo
    private let timing: FrameTiming
    /// The first picture's timestamp: it becomes zero.
    private let origin: Int64
    private let ladder: Ladder
    private let preset: String
    private let threads: Int
    private let directory: String
    private let timeBase: Rational
    let keyframeInterval: Int

    private var graph: FilterGraph?
    private var graphInput: FilterGraph.Input?
    private var outputs: [Output?]
    private var last: Int64 = -1
    private(set) var framesIn = 0

    /// One rung's encoder and file.
    final class Output {
        let encoder: Encoder
        let muxer: Muxer
        let options: [(name: String, value: String)]

        init(
            _ rung: Ladder.Rung, settings: Encoder.Video, like frame: Frame, directory: String
        ) throws(MediaError) {
            encoder = try Encoder(settings, like: frame)
            muxer = try Muxer(path: "\(directory)/video-\(rung.name).mp4", encoder: encoder, language: nil)
            options = settings.options + [("threads", String(settings.threads))]
        }
    }

    /// What became of a rung.
    struct Result {
        let rung: Ladder.Rung
        let frames: Int
        let packets: Int
        let packetBytes: Int
        let durationSeconds: Double
        let options: [(name: String, value: String)]
    }

    init(
        _ video: FileInspection.Video, origin: Int64, ladder: Ladder, preset: String, threads: Int, directory: String
    ) {
        info = video.info
        timing = video.timing
        self.origin = origin
        self.ladder = ladder
        self.preset = preset
        self.threads = threads
        self.directory = directory
        // A constant film counts pictures; another keeps the ticks it came with.
        timeBase = timing.isConstant ? timing.rate.inverse : info.timeBase
        keyframeInterval = Ladder.keyframeInterval(frameRate: timing.rate)
        outputs = ladder.rungs.map { _ in nil }
    }

    /// Takes a decoded picture; its contents move away.
    func add(_ frame: Frame) throws(MediaError) {
        let time = frame.timestamp.map { rescale($0 - origin) } ?? last + 1
        // Times in a damaged or careless file may stand still; pictures then follow each other by one tick.
        let timestamp = max(time, last + 1)
        let duration = frame.duration > 0 ? max(1, rescale(frame.duration)) : 1
        last = timestamp
        framesIn += 1
        frame.timestamp = timestamp
        frame.duration = frame.duration > 0 || timing.isConstant ? duration : oneFrame
        let input = FilterGraph.Input(pictures: frame, timeBase: timeBase)
        if input != graphInput {
            try drain()
            graph = try FilterGraph(
                input,
                PictureFilters.description(
                    info, like: frame, sizes: ladder.rungs.map { ($0.width, $0.height) }, pixelFormat: "yuv420p"),
                sinks: ladder.rungs.count, kind: .video, threads: min(threads, 4))
            graphInput = input
        }
        try filter(frame)
    }

    /// Ends every rung's file.
    func finish() throws(MediaError) -> [Result] {
        try drain()
        var results: [Result] = []
        for (rung, output) in zip(ladder.rungs, outputs) {
            guard let output else { continue }
            try output.encoder.encode(nil) { (packet: Packet) throws(MediaError) in try output.muxer.write(packet) }
            try output.muxer.finish()
            results.append(
                Result(
                    rung: rung, frames: output.encoder.framesIn, packets: output.encoder.packetsOut,
                    packetBytes: output.muxer.packetBytes,
                    durationSeconds: Double(output.muxer.end) * timeBase.value, options: output.options))
        }
        return results
    }

    /// Pictures each rung has finished, by its name.
    var progress: [(name: String, frames: Int)] {
        zip(ladder.rungs, outputs).map { ($0.name, $1?.encoder.packetsOut ?? 0) }
    }

    /// Media time that has come in, in seconds.
    var seconds: Double { Double(max(0, last)) * timeBase.value }

    private func rescale(_ ticks: Int64) -> Int64 { info.timeBase.rescale(ticks, to: timeBase) }

    private var oneFrame: Int64 { max(1, timing.rate.inverse.rescale(1, to: timeBase)) }

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
            let output = try output(index, like: picture)
            picture.setKeyframe(output.encoder.framesIn % keyframeInterval == 0)
            try output.encoder.encode(picture) { (packet: Packet) throws(MediaError) in
                try output.muxer.write(packet)
            }
        }
    }

    private func output(_ index: Int, like frame: Frame) throws(MediaError) -> Output {
        if let output = outputs[index] { return output }
        let rung = ladder.rungs[index]
        let settings = Encoder.Video(
            codec: "libx264", width: rung.width, height: rung.height, timeBase: timeBase, frameRate: timing.rate,
            threads: ladder.threads(of: threads)[index], pixelFormat: "yuv420p",
            options: Ladder.options(rung, preset: preset, keyframeInterval: keyframeInterval))
        let output = try Output(rung, settings: settings, like: frame, directory: directory)
        outputs[index] = output
        return output
    }
}
