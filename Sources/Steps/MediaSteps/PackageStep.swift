import Cryptography
public import JSON
import Encodings
import Packaging
public import StepContracts

#if canImport(Glibc)
import Glibc
#endif

/// Packages renditions into one set of CMAF segments for HLS and DASH, protected where the input asks for it.
///
/// The input names keys by their ids. The keys themselves are among the step's surroundings, and are kept nowhere.
public struct PackageStep: LocalStep {
    public static var contract: StepContract { .package }

    public init() {}

    public func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        var problems = PackageStep.contract.problems(withInput: input)
        let protection = protection(input, surroundings.contentKeys, &problems)
        var sources: [TrackSource] = []
        for (index, rendition) in (input["renditions"]?.arrayValue ?? []).enumerated() {
            if let source = source(rendition, place: "renditions[\(index)]", surroundings, &problems) {
                if sources.contains(where: { $0.name == source.name }) {
                    problems.append("renditions[\(index)].name '\(source.name)' stands for another rendition already")
                }
                sources.append(source)
            }
        }
        for (index, rendition) in (input["subtitles"]?.arrayValue ?? []).enumerated() {
            let place = "subtitles[\(index)]"
            guard let source = source(rendition, place: place, surroundings, &problems) else { continue }
            guard source.kind == .text else {
                problems.append("\(place).kind must be 'text'")
                continue
            }
            sources.append(source.named(PackageStep.unusedName(source.name, sources)))
        }
        let thumbnails = thumbnails(input["thumbnails"], surroundings, &problems)
        if problems.isEmpty, !sources.contains(where: { $0.kind != .text }) {
            problems.append("package needs at least one rendition")
        }
        guard problems.isEmpty else { throw .parametersInvalid(problems.joined(separator: "; ")) }

        let scratch = try ScratchFile(in: surroundings.outputDirectory)
        var tracks: [IndexedTrack] = []
        var texts: [TextTrack] = []
        let count = sources.count { $0.kind != .text }
        for source in sources {
            if source.kind == .text {
                texts.append(
                    try TextSource(
                        path: source.path, name: source.name, language: source.language, role: source.role,
                        track: nil, label: source.label
                    ).read())
            } else {
                let number = tracks.count
                tracks.append(
                    try source.index(
                        of: try MovieSource(path: source.path, label: source.label), scratch: scratch,
                        protection: protection, report: { surroundings.report($0.ofTrack(number, of: count)) },
                        isCancelled: surroundings.isCancelled))
            }
        }
        let clearLead = MediaTime(Int64(protection?.clearLeadSeconds ?? 0), scale: 1)
        let result = try PackageWriter(
            tracks: tracks, texts: texts, thumbnails: thumbnails, directory: surroundings.outputDirectory,
            writesHLS: true, writesDASH: true, options: PackagingOptions(clearLead: clearLead),
            protection: protection, report: surroundings.report, isCancelled: surroundings.isCancelled
        ).write()
        return result.document(prefix: surroundings.outputPrefix)
    }

    /// The film may hold subtitles of the same language.
    private static func unusedName(_ name: String, _ sources: [TrackSource]) -> String {
        let names = Set(sources.map(\.name))
        guard names.contains(name) else { return name }
        var number = 2
        while names.contains("\(name)-\(number)") { number += 1 }
        return "\(name)-\(number)"
    }

    private func source(
        _ rendition: JSON, place: String, _ surroundings: StepSurroundings, _ problems: inout [String]
    ) -> TrackSource? {
        guard let kind = rendition["kind"]?.stringValue.flatMap(TrackSource.Kind.init) else {
            problems.append("\(place).kind must be 'video', 'audio' or 'text'")
            return nil
        }
        guard let name = rendition["name"]?.stringValue, TrackDescription.isName(name) else {
            problems.append("\(place).name must be 1 to 64 letters, digits, '.', '_' or '-'")
            return nil
        }
        let language = rendition["language"]?.stringValue
        if let language, LanguageTag(language) == nil {
            problems.append("\(place).language '\(language)' is no language tag")
        }
        let role = rendition["role"]?.stringValue
        if let role, TrackRole(rawValue: role) == nil { problems.append("\(place).role '\(role)' is no role") }
        guard let key = rendition["file"]?["key"]?.stringValue else {
            problems.append("\(place).file.key must name the rendition's stored object")
            return nil
        }
        guard let path = surroundings.files[key] else {
            problems.append("\(place).file '\(key)' was not brought to the worker")
            return nil
        }
        return TrackSource(
            path: path, kind: kind, name: name, language: language,
            role: role.flatMap(TrackRole.init) ?? (kind == .text ? .subtitle : .main), stream: nil,
            label: "rendition '\(name)'")
    }

    private func protection(
        _ input: JSON, _ contentKeys: ContentKeys, _ problems: inout [String]
    ) -> ContentProtection? {
        let name = input["protection"]?.stringValue ?? "none"
        guard name != "none" else { return nil }
        guard let scheme = ProtectionScheme(rawValue: name) else {
            problems.append("protection '\(name)' must be 'none', 'cbcs' or 'cenc'")
            return nil
        }
        var uses: [ContentProtection.KeyUse] = []
        for (index, key) in (input["keys"]?.arrayValue ?? []).enumerated() {
            guard let keyID = key["keyId"]?.stringValue.flatMap({ KeyID($0) }) else {
                problems.append("keys[\(index)].keyId must be 32 hexadecimal digits or a UUID")
                continue
            }
            let label = key["label"]?.stringValue
            if let label, ContentProtection.Label(rawValue: label) == nil {
                problems.append("keys[\(index)].label '\(label)' must be audio, video, sd, hd or uhd")
            }
            let level = key["hdcpLevel"]?.stringValue
            if let level, OutputLevel(rawValue: level) == nil {
                problems.append("keys[\(index)].hdcpLevel '\(level)' must be NONE, TYPE-0 or TYPE-1")
            }
            let vector = key["iv"]?.stringValue.map { Hex.decode($0) ?? [] }
            if let vector, vector.count != 16 {
                problems.append("keys[\(index)].iv must be 32 hexadecimal digits")
            }
            uses.append(
                .init(
                    keyID: keyID, label: label.flatMap(ContentProtection.Label.init),
                    outputLevel: level.flatMap(OutputLevel.init), vector: vector,
                    signalling: signalling(key["systems"], at: "keys[\(index)].systems", &problems)))
        }
        do {
            return try ContentProtection(
                scheme: scheme, uses: uses, clearLeadSeconds: input["clearLeadSeconds"]?.integerValue ?? 0
            ) { keyID throws(StepFailure) in
                guard let key = contentKeys[keyID.hex] else {
                    throw StepFailure(
                        error: StepErrorName.keyUnavailable,
                        cause: "this worker was not given the content key \(keyID)",
                        retry: .elsewhere)
                }
                return key
            }
        } catch {
            problems.append(error.cause)
            return nil
        }
    }

    /// What a key server wants players to be told, by the systems' names.
    private func signalling(
        _ value: JSON?, at place: String, _ problems: inout [String]
    ) -> [ProtectionSystem: SystemSignalling]? {
        guard let value, value != .null else { return nil }
        var found: [ProtectionSystem: SystemSignalling] = [:]
        for (name, said) in value.objectValue ?? [:] {
            guard let system = ProtectionSystem(rawValue: name) else {
                problems.append("\(place).\(name) is no system; known are widevine, playReady, fairPlay, clearKey")
                continue
            }
            let header = said["pssh"]?.stringValue.map { Hex.decode($0) ?? [] }
            if let header, !SystemSignalling.isHeader(header, of: system) {
                problems.append("\(place).\(name).pssh is no such box in hexadecimal digits")
                continue
            }
            let address = said["uri"]?.stringValue
            if let address, !address.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x22 }) {
                problems.append("\(place).\(name).uri holds what can't stand in a playlist")
                continue
            }
            found[system] = SystemSignalling(header: header, address: address)
        }
        return found
    }

    /// What `thumbnail` gave, where its sheets were brought along: the MPD then offers them for the seek bar.
    private func thumbnails(
        _ value: JSON?, _ surroundings: StepSurroundings, _ problems: inout [String]
    ) -> ThumbnailFiles? {
        guard let value, let tile = value["tile"], let sprites = value["sprites"]?.arrayValue, !sprites.isEmpty else {
            return nil
        }
        guard let width = tile["width"]?.integerValue, let height = tile["height"]?.integerValue,
            let columns = tile["columns"]?.integerValue, let rows = tile["rows"]?.integerValue,
            let seconds = tile["intervalSeconds"]?.doubleValue, (1...8192).contains(width),
            (1...8192).contains(height), (1...100).contains(columns), (1...100).contains(rows),
            (0.001...86400).contains(seconds)
        else {
            problems.append("thumbnails.tile must have width, height, columns, rows and intervalSeconds")
            return nil
        }
        let paths = sprites.compactMap { $0["key"]?.stringValue }.compactMap { surroundings.files[$0] }
        // A worker that was not given the sheets packages without them.
        guard paths.count == sprites.count else { return nil }
        let sizes = paths.map { path -> Int in
            var status = stat()
            return stat(path, &status) == 0 ? Int(status.st_size) : 0
        }
        return ThumbnailFiles(
            sheets: ThumbnailSheets(
                width: width, height: height, columns: columns, rows: rows,
                interval: Int64((seconds * 1000).rounded()), sheetSizes: sizes),
            paths: paths)
    }
}
