public import JSON
import Packaging
public import StepContracts

/// Packages renditions into one set of CMAF segments for HLS and DASH.
public struct PackageStep: LocalStep {
    public static var contract: StepContract { .package }

    public init() {}

    public func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        var problems = PackageStep.contract.problems(withInput: input)
        let protection = input["protection"]?.stringValue ?? "none"
        if protection != "none" {
            problems.append("protection '\(protection)' is not available in this version: only 'none' is")
        }
        var sources: [TrackSource] = []
        for (index, rendition) in (input["renditions"]?.arrayValue ?? []).enumerated() {
            let place = "renditions[\(index)]"
            guard let kind = rendition["kind"]?.stringValue.flatMap(TrackSource.Kind.init) else {
                problems.append("\(place).kind must be 'video' or 'audio'")
                continue
            }
            guard let name = rendition["name"]?.stringValue, TrackDescription.isName(name) else {
                problems.append("\(place).name must be 1 to 64 letters, digits, '.', '_' or '-'")
                continue
            }
            if sources.contains(where: { $0.name == name }) {
                problems.append("\(place).name '\(name)' stands for another rendition already")
            }
            guard let key = rendition["file"]?["key"]?.stringValue else {
                problems.append("\(place).file.key must name the rendition's stored object")
                continue
            }
            guard let path = surroundings.files[key] else {
                problems.append("\(place).file '\(key)' was not brought to the worker")
                continue
            }
            let language = rendition["language"]?.stringValue
            if let language, LanguageTag(language) == nil {
                problems.append("\(place).language '\(language)' is no language tag")
            }
            sources.append(
                TrackSource(
                    path: path, kind: kind, name: name, language: language, stream: nil, label: "rendition '\(name)'"))
        }
        if problems.isEmpty, sources.isEmpty { problems.append("package needs at least one rendition") }
        guard problems.isEmpty else { throw .parametersInvalid(problems.joined(separator: "; ")) }

        var tracks: [IndexedTrack] = []
        for source in sources {
            tracks.append(try source.index(report: surroundings.report, isCancelled: surroundings.isCancelled))
        }
        let result = try PackageWriter(
            tracks: tracks, directory: surroundings.outputDirectory, writesHLS: true, writesDASH: true,
            report: surroundings.report, isCancelled: surroundings.isCancelled
        ).write()
        return result.document(prefix: surroundings.outputPrefix)
    }
}
