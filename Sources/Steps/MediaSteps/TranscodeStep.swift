import Glibc
public import JSON
import MediaFiles
public import StepContracts

/// Decodes a film once and encodes every rung of its ladder and every sound track, each into an MP4 of one track.
///
/// Every rung has exactly the pictures that were decoded, at their times, with keyframes at the same ones.
public struct TranscodeStep: LocalStep {
    public static var contract: StepContract { .transcode }

    /// x264's presets, fastest first.
    public static let presets = [
        "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow",
    ]

    public init() {}

    public func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        let source = try StepInput(input, TranscodeStep.contract, surroundings)
        let preset = input["preset"]?.stringValue ?? "veryfast"
        guard TranscodeStep.presets.contains(preset) else {
            throw .parametersInvalid(
                "there is no preset '\(preset)'; choose one of \(TranscodeStep.presets.joined(separator: ", "))")
        }
        let ladder = input["ladder"]?.stringValue ?? "fixed"
        guard ladder == "fixed" else {
            throw .parametersInvalid("there is no ladder '\(ladder)'; choose 'fixed'")
        }
        let began = TranscodeStep.processorSeconds()
        let inspection = try source.inspect(surroundings)
        let work: Transcoding
        do throws(MediaError) {
            work = try Transcoding(
                inspection, path: source.path, preset: preset, threads: max(1, surroundings.threads),
                directory: surroundings.outputDirectory)
        } catch {
            throw StepFailure(error)
        }
        let renditions = try work.run(surroundings)
        return [
            "renditions": .array(renditions),
            "framesEncoded": .integer(work.framesEncoded),
            "framesDecoded": .integer(work.framesDecoded),
            "cpuSeconds": .seconds(TranscodeStep.processorSeconds() - began),
        ]
    }

    /// Processor time of this process so far, user and system.
    static func processorSeconds() -> Double {
        var time = timespec()
        guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else {
            preconditionFailure("the process's processor clock can always be read")
        }
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// One film on its way through decoder, filters and encoders.
private final class Transcoding {
    private let inspection: FileInspection
    private let directory: String
    private let demuxer: Demuxer
    private let decoder: Decoder
    private let video: VideoEncoding
    private let audio: [AudioEncoding]
    private(set) var framesEncoded = 0
    var framesDecoded: Int { decoder.frames }

    init(
        _ inspection: FileInspection, path: String, preset: String, threads: Int, directory: String
    ) throws(MediaError) {
        self.inspection = inspection
        self.directory = directory
        let info = inspection.video.info
        let origin = try FirstPicture.timestamp(of: info, path: path) ?? inspection.video.first
        let size = inspection.video.displaySize
        demuxer = try Demuxer(path: path)
        demuxer.select(streams: Set([info.index] + inspection.audio.map(\.info.index)))
        decoder = try Decoder(demuxer, stream: info, threads: threads)
        video = VideoEncoding(
            inspection.video, origin: origin, ladder: Ladder(width: size.width, height: size.height), preset: preset,
            threads: threads, directory: directory)
        var names: Set<String> = []
        var audio: [AudioEncoding] = []
        for stream in inspection.audio.map(\.info) {
            let language = "audio-\(stream.language ?? "und")"
            let name = (1...).lazy.map { $0 == 1 ? language : "\(language)-\($0)" }.first { !names.contains($0) }
            names.insert(name ?? language)
            audio.append(
                try AudioEncoding(
                    demuxer, stream, name: name ?? language, origin: (origin, info.timeBase), directory: directory))
        }
        self.audio = audio
    }

    /// Does all the work.
    /// - Returns: the `renditions` of the step's output.
    func run(_ surroundings: StepSurroundings) throws(StepFailure) -> [JSON] {
        var meter = ProgressMeter("encode", totalSeconds: inspection.durationSeconds, surroundings)
        let tracks = Dictionary(uniqueKeysWithValues: audio.map { ($0.info.index, $0) })
        let videoIndex = inspection.video.info.index
        let videoResults: [VideoEncoding.Result]
        var audioResults: [AudioEncoding.Result] = []
        do {
            let packet = try Packet()
            while try demuxer.read(into: packet) {
                if packet.streamIndex == videoIndex {
                    try decode(packet)
                } else {
                    try tracks[packet.streamIndex]?.add(packet)
                }
                try meter.tick(mediaSeconds: video.seconds, frames: encoded, parts: { parts })
            }
            try decode(nil)
            guard decoder.frames > 0 else {
                throw MediaError(.invalid, "no picture of the video can be decoded", stream: videoIndex)
            }
            try meter.tick(mediaSeconds: video.seconds, frames: encoded, parts: { parts })
            videoResults = try video.finish()
            for track in audio { if let result = try track.finish() { audioResults.append(result) } }
        } catch let error as MediaError {
            throw StepFailure(error)
        } catch let error as StepFailure {
            throw error
        } catch {
            preconditionFailure("the loop throws media errors and step failures only")
        }
        try check(videoResults)
        meter.finish(mediaSeconds: inspection.durationSeconds, frames: encoded, parts: parts)
        var renditions: [JSON] = []
        for result in videoResults { renditions.append(try rendition(result)) }
        for result in audioResults { renditions.append(try rendition(result)) }
        return renditions
    }

    private func decode(_ packet: Packet?) throws(MediaError) {
        try decoder.decode(packet) { (frame: Frame) throws(MediaError) in try video.add(frame) }
    }

    /// A rung that lost or doubled a picture must never be published.
    private func check(_ results: [VideoEncoding.Result]) throws(StepFailure) {
        framesEncoded = results.reduce(0) { $0 + $1.packets }
        for result in results where result.packets != decoder.frames || result.frames != decoder.frames {
            throw .crashed(
                "rung \(result.rung.name) took \(result.frames) and gave \(result.packets) of \(decoder.frames) decoded pictures"
            )
        }
    }

    private var encoded: Int { video.progress.reduce(0) { $0 + $1.frames } }

    private var parts: [StepProgress.Part] {
        let total = Double(max(1, inspection.video.frames))
        let duration = max(inspection.durationSeconds, 0.001)
        return video.progress.map {
            StepProgress.Part(name: "video-\($0.name)", share: min(1, Double($0.frames) / total))
        }
            + audio.map { StepProgress.Part(name: $0.name, share: min(1, $0.seconds / duration)) }
    }

    private func rendition(_ result: VideoEncoding.Result) throws(StepFailure) -> JSON {
        let name = "video-\(result.rung.name)"
        var options: JSON = .object([:])
        for (option, value) in result.options { options[option] = .string(value) }
        return .members(
            ("kind", "video"), ("name", .string(name)), ("file", ["file": .string("\(name).mp4")]),
            ("codec", "h264"), ("encoder", "libx264"), ("width", .integer(result.rung.width)),
            ("height", .integer(result.rung.height)),
            ("frameRate", .string(inspection.video.timing.rate.description)),
            ("constantFrameRate", .bool(inspection.video.timing.isConstant)),
            ("frames", .integer(result.packets)), ("keyframeInterval", .integer(video.keyframeInterval)),
            ("bytes", .integer(try size(of: "\(name).mp4"))),
            ("bitRate", bitRate(result.packetBytes, result.durationSeconds)),
            ("durationSeconds", .seconds(result.durationSeconds)), ("options", options))
    }

    private func rendition(_ result: AudioEncoding.Result) throws(StepFailure) -> JSON {
        .members(
            ("kind", "audio"), ("name", .string(result.name)), ("file", ["file": .string("\(result.name).mp4")]),
            ("codec", "aac"), ("encoder", "aac"), ("sampleRate", .integer(result.sampleRate)),
            ("channels", .integer(result.channels)), ("language", result.info.language.map(JSON.string)),
            ("bytes", .integer(try size(of: "\(result.name).mp4"))),
            ("bitRate", bitRate(result.packetBytes, result.durationSeconds)),
            ("durationSeconds", .seconds(result.durationSeconds)),
            (
                "options",
                [
                    "b": .string(String(result.bitRate)), "ar": .string(String(result.sampleRate)),
                    "ac": .string(String(result.channels)),
                ]
            ))
    }

    private func bitRate(_ bytes: Int, _ seconds: Double) -> JSON {
        .integer(seconds > 0 ? Int(Double(bytes) * 8 / seconds) : 0)
    }

    private func size(of file: String) throws(StepFailure) -> Int {
        var status = stat()
        guard stat("\(directory)/\(file)", &status) == 0 else {
            throw .crashed("\(file) was written and is gone: \(String(cString: strerror(errno)))")
        }
        return Int(status.st_size)
    }
}
