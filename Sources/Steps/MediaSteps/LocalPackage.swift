public import JSON
import MediaFiles
import Packaging
public import StepContracts

/// Packages local files: what `package` on the command line does.
public struct LocalPackage: Sendable {
    /// One `FILE[,stream=video|audio][,lang=L]`.
    public struct Input: Sendable, Hashable {
        public let path: String
        /// Nil takes all tracks.
        public let stream: TrackSource.Kind?
        /// Stands in place of the language in the file.
        public let language: String?

        public init(path: String, stream: TrackSource.Kind? = nil, language: String? = nil) {
            self.path = path
            self.stream = stream
            self.language = language
        }

        /// Reads an argument. Options stand at its end; other commas belong to the file's name.
        /// - Throws: `Showrunner.ParametersInvalid` with what is wrong.
        public init(argument: String) throws(StepFailure) {
            var pieces = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            var stream: TrackSource.Kind?
            var language: String?
            while pieces.count > 1, let last = pieces.last, let equals = last.firstIndex(of: "="),
                last[..<equals].utf8.allSatisfy({ (0x61...0x7A).contains($0) })
            {
                pieces.removeLast()
                let value = String(last[last.index(after: equals)...])
                switch last[..<equals] {
                case "stream":
                    guard let kind = TrackSource.Kind(rawValue: value) else {
                        throw .parametersInvalid(
                            value == "text"
                                ? "\(argument): text tracks are not packaged in this version"
                                : "\(argument): stream is 'video' or 'audio', not '\(value)'")
                    }
                    stream = kind
                case "lang":
                    guard let tag = LanguageTag(value) else {
                        throw .parametersInvalid("\(argument): '\(value)' is no language tag")
                    }
                    language = tag.bcp47
                default:
                    throw .parametersInvalid("\(argument): '\(last[..<equals])' is no option of package")
                }
            }
            let path = pieces.joined(separator: ",")
            guard !path.isEmpty else { throw .parametersInvalid("\(argument): the file's name is missing") }
            self.init(path: path, stream: stream, language: language)
        }
    }

    /// Writes media, and `master.m3u8` and `manifest.mpd` as asked for, into a folder that is made if it is missing.
    ///
    /// A file without `stream` gives all its video and audio tracks, but for an audio track that equals one of an
    /// earlier file (format, language, beginning and end): the rungs of a ladder often carry the same sound.
    /// - Returns: the `package` step's output document, with paths relative to the folder.
    /// - Throws: ``StepFailure`` as the step does.
    public static func run(
        _ inputs: [Input], writesHLS: Bool, writesDASH: Bool, directory: String,
        report: @escaping @Sendable (StepProgress) -> Void = { _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(StepFailure) -> JSON {
        guard !inputs.isEmpty else { throw .parametersInvalid("package needs at least one file") }
        guard writesHLS || writesDASH else { throw .parametersInvalid("package needs --hls, --dash or both") }
        try OutputFile.makeFolder(directory)
        var tracks: [IndexedTrack] = []
        for input in inputs {
            let reader = try TrackSource.open(input.path, label: input.path)
            let known = tracks
            let usable = reader.streams.filter { stream in
                switch input.stream {
                case .video: stream.kind == .video
                case .audio: stream.kind == .audio
                case nil: stream.kind == .video || stream.kind == .audio
                }
            }
            guard !usable.isEmpty else {
                throw .sourceUnsupported("\(input.path) has no \(input.stream?.rawValue ?? "video or audio") track")
            }
            for stream in usable {
                let kind: TrackSource.Kind = stream.kind == .video ? .video : .audio
                let language = LanguageTag(input.language ?? stream.language ?? "und") ?? .undetermined
                let base = kind == .video ? "video-\(stream.height)p" : "audio-\(language.bcp47)"
                let source = TrackSource(
                    path: input.path, kind: kind, name: unusedName(base, in: tracks), language: language.bcp47,
                    stream: stream.index, label: input.path)
                let track = try source.index(report: report, isCancelled: isCancelled)
                if input.stream == nil, kind == .audio, known.contains(where: { $0.hasEqualSound(track) }) { continue }
                tracks.append(track)
            }
        }
        return try PackageWriter(
            tracks: tracks, directory: directory, writesHLS: writesHLS, writesDASH: writesDASH, report: report,
            isCancelled: isCancelled
        ).write().document(prefix: nil)
    }

    private static func unusedName(_ base: String, in tracks: [IndexedTrack]) -> String {
        let names = Set(tracks.map(\.description.name))
        guard names.contains(base) else { return base }
        var number = 2
        while names.contains("\(base)-\(number)") { number += 1 }
        return "\(base)-\(number)"
    }
}
