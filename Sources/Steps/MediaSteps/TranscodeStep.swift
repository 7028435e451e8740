import Glibc
public import JSON
import MediaFiles
public import StepContracts

/// Decodes a film once and encodes every rung of its ladder and every sound track, each into an MP4 of one track whose
/// index stands in front: playable while it is loaded.
///
/// Every rung has the pictures that were decoded, at the same places of one constant rate, with keyframes at the same
/// ones. Text subtitles become WebVTT.
public struct TranscodeStep: LocalStep {
    public static var contract: StepContract { .transcode }

    /// x264's presets, fastest first.
    public static let presets = [
        "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow",
    ]

    /// The codecs that rungs may have.
    public static let codecs = VideoCodec.allCases.map(\.rawValue)

    public init() {}

    public func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        let source = try StepInput(input, TranscodeStep.contract, surroundings)
        let parameters = try TranscodeParameters(input)
        let began = TranscodeStep.processorSeconds()
        let film = try TranscodeStep.film(source, parameters.part, input, surroundings)
        let prepared = TranscodeStep.processorSeconds()
        let choice = try TranscodeStep.ladder(film, source, parameters, surroundings)
        let searched = TranscodeStep.processorSeconds()
        let work = try Transcoding(
            film, path: source.path, parameters: parameters, ladder: choice.ladder,
            threads: max(1, surroundings.threads), directory: surroundings.outputDirectory, surroundings)
        let renditions = try work.run(surroundings)
        let directory = surroundings.outputDirectory
        var meter = ProgressMeter("download", totalSeconds: film.durationSeconds, surroundings)
        let download: JSON? =
            parameters.makesDownload
            ? try DownloadFile.write(
                renditions, directory: directory,
                path: { "\(directory)/\($0["file"]?["file"]?.stringValue ?? "")" },
                continues: { seconds in meter.continues(mediaSeconds: seconds) }) : JSON?.none
        return .members(
            ("renditions", .array(renditions)),
            ("download", download),
            ("scan", .string(film.scan.name)),
            ("framesEncoded", .integer(work.framesEncoded)),
            ("framesDecoded", .integer(work.framesDecoded)),
            ("framesDamaged", .integer(work.framesDamaged)),
            ("framesRepeated", .integer(work.framesRepeated)),
            ("framesDropped", .integer(work.framesDropped)),
            ("ladder", choice.document),
            ("searchCpuSeconds", choice.document.map { _ in JSON.seconds(searched - prepared) }),
            ("cpuSeconds", .seconds(TranscodeStep.processorSeconds() - began)))
    }

    /// The rungs, and where they were found by trial what was found.
    private static func ladder(
        _ film: Film, _ source: StepInput, _ parameters: TranscodeParameters, _ surroundings: StepSurroundings
    ) throws(StepFailure) -> (ladder: Ladder, document: JSON?) {
        let fixed = Ladder(film, codecs: parameters.codecs)
        switch parameters.ladder {
        case .fixed: return (fixed, nil)
        case .perTitle where parameters.part == .sound: return (fixed, nil)
        case .perTitle:
            let choice = try LadderSearch.run(
                film, path: source.path, fixed: fixed, preset: parameters.preset, share: parameters.searchShare,
                threads: max(1, surroundings.threads), directory: surroundings.outputDirectory, surroundings)
            return (choice.ladder, choice.document)
        case .chosen(let rungs):
            let size = film.video.displaySize
            for rung in rungs {
                guard rung.width <= max(2, size.width), rung.height <= max(2, size.height) else {
                    throw .parametersInvalid("rung \(rung.name) is larger than the film, \(size.width)x\(size.height)")
                }
                guard !rung.isHighDynamicRange || film.video.info.isHighDynamicRange else {
                    throw .parametersInvalid("rung \(rung.name) has more dynamic range than the film")
                }
            }
            return (Ladder(rungs: rungs), nil)
        }
    }

    static func film(
        _ source: StepInput, _ part: FilmPart, _ input: JSON, _ surroundings: StepSurroundings
    ) throws(StepFailure) -> Film {
        guard part == .whole else {
            let film = try Film(input["media"], of: source.open())
            if let places = part.places, places.upperBound > film.video.places {
                throw .parametersInvalid(
                    "the part ends at picture \(places.upperBound), and the film has \(film.video.places)")
            }
            return film
        }
        let inspection = try source.inspect(surroundings)
        do throws(MediaError) {
            return try Film(inspection, path: source.path)
        } catch {
            throw StepFailure(error)
        }
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
