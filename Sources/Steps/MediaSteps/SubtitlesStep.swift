public import JSON
import MediaFiles
import Packaging
public import StepContracts

/// Reads a file of subtitles that lies beside a film and writes it as WebVTT, its times to the millisecond: a rendition
/// that package takes.
public struct SubtitlesStep: LocalStep {
    public static var contract: StepContract { .subtitles }

    public init() {}

    public func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        let source = try StepInput(input, SubtitlesStep.contract, surroundings)
        var problems: [String] = []
        let language = input["language"]?.stringValue
        if let language, LanguageTag(language) == nil { problems.append("'\(language)' is no language tag") }
        let role = input["role"]?.stringValue
        if let role, TrackRole(rawValue: role) == nil { problems.append("'\(role)' is no role") }
        guard problems.isEmpty else { throw .parametersInvalid(problems.joined(separator: "; ")) }
        let name = "text-" + (language.flatMap(LanguageTag.init)?.bcp47 ?? "und")
        let file: SubtitleFile
        let text: [UInt8]
        do {
            file = try SubtitleFile(try TextSource.bytes(of: source.path))
            guard !file.document.cues.isEmpty else {
                throw MediaError(.invalid, "the file holds no subtitle")
            }
            text = Array(file.document.text.utf8)
            try PictureFile.write(text, to: "\(surroundings.outputDirectory)/\(name).vtt")
        } catch let error as MediaError {
            throw StepFailure(error)
        } catch let error as PackagingError {
            throw StepFailure(error)
        } catch {
            preconditionFailure("reading subtitles throws media and packaging errors only: \(error)")
        }
        let cues = file.document.cues
        let rendition: JSON = .members(
            ("kind", "text"), ("name", .string(name)), ("file", ["file": .string("\(name).vtt")]), ("codec", "webvtt"),
            ("language", language.map(JSON.string)), ("role", role.map(JSON.string)), ("cues", .integer(cues.count)),
            ("bytes", .integer(text.count)),
            ("durationSeconds", .seconds(Double(cues.map(\.end).max() ?? 0) / 1000)))
        return ["renditions": [rendition], "format": .string(file.format.rawValue), "cues": .integer(cues.count)]
    }
}
