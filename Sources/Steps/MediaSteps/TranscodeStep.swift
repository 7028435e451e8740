import Glibc
public import JSON
import MediaFiles
public import StepContracts

/// Decodes a film once and encodes every rung of its ladder and every sound track, each into an MP4 of one track.
///
/// Every rung has the pictures that were decoded, at the same places of one constant rate, with keyframes at the same
/// ones. Text subtitles become WebVTT.
public struct TranscodeStep: LocalStep {
    public static var contract: StepContract { .transcode }

    /// x264's presets, fastest first.
    public static let presets = [
        "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow",
    ]

    public init() {}

    public func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        let source = try StepInput(input, TranscodeStep.contract, surroundings)
        let parameters = try TranscodeParameters(input)
        let began = TranscodeStep.processorSeconds()
        let film = try TranscodeStep.film(source, parameters.part, input, surroundings)
        let work = try Transcoding(
            film, path: source.path, parameters: parameters, threads: max(1, surroundings.threads),
            directory: surroundings.outputDirectory, surroundings)
        let renditions = try work.run(surroundings)
        return [
            "renditions": .array(renditions),
            "scan": .string(film.scan.name),
            "framesEncoded": .integer(work.framesEncoded),
            "framesDecoded": .integer(work.framesDecoded),
            "framesDamaged": .integer(work.framesDamaged),
            "framesRepeated": .integer(work.framesRepeated),
            "framesDropped": .integer(work.framesDropped),
            "cpuSeconds": .seconds(TranscodeStep.processorSeconds() - began),
        ]
    }

    private static func film(
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
