public import JSON
import MediaFiles
public import Packaging
public import StepContracts

/// Packages local files: what `package` on the command line does.
public struct LocalPackage: Sendable {
    /// One `FILE[,stream=video|audio|text][,lang=L][,role=R]`.
    public struct Input: Sendable, Hashable {
        public let path: String
        /// Nil takes all tracks.
        public let stream: TrackSource.Kind?
        /// Stands in place of the language in the file.
        public let language: String?
        public let role: TrackRole?

        public init(path: String, stream: TrackSource.Kind? = nil, language: String? = nil, role: TrackRole? = nil) {
            self.path = path
            self.stream = stream
            self.language = language
            self.role = role
        }

        /// Reads an argument. Options stand at its end; other commas belong to the file's name.
        /// - Throws: `Showrunner.ParametersInvalid` with what is wrong.
        public init(argument: String) throws(StepFailure) {
            var pieces = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            var stream: TrackSource.Kind?
            var language: String?
            var role: TrackRole?
            while pieces.count > 1, let last = pieces.last, let equals = last.firstIndex(of: "="),
                last[..<equals].utf8.allSatisfy({ (0x61...0x7A).contains($0) })
            {
                pieces.removeLast()
                let value = String(last[last.index(after: equals)...])
                switch last[..<equals] {
                case "stream":
                    guard let kind = TrackSource.Kind(rawValue: value) else {
                        throw .parametersInvalid("\(argument): stream is 'video', 'audio' or 'text', not '\(value)'")
                    }
                    stream = kind
                case "lang":
                    guard let tag = LanguageTag(value) else {
                        throw .parametersInvalid("\(argument): '\(value)' is no language tag")
                    }
                    language = tag.bcp47
                case "role":
                    guard let known = TrackRole(rawValue: value) else {
                        let all = TrackRole.allCases.map(\.rawValue).joined(separator: ", ")
                        throw .parametersInvalid("\(argument): '\(value)' is no role: \(all)")
                    }
                    role = known
                default:
                    throw .parametersInvalid("\(argument): '\(last[..<equals])' is no option of package")
                }
            }
            let path = pieces.joined(separator: ",")
            guard !path.isEmpty else { throw .parametersInvalid("\(argument): the file's name is missing") }
            self.init(path: path, stream: stream, language: language, role: role)
        }
    }

    /// Writes media, and `master.m3u8` and `manifest.mpd` as asked for, into a folder that is made if it is missing.
    ///
    /// A file without `stream` gives all its video, audio and text tracks, but for an audio track that equals one of an
    /// earlier file (format, language, role, beginning and end): the rungs of a ladder often carry the same sound.
    /// Everything is written beside its place first, so that what a run leaves behind is a whole package or the one
    /// that was there before.
    /// - Returns: the `package` step's output document, with paths relative to the folder.
    /// - Throws: ``StepFailure`` as the step does.
    public static func run(
        _ inputs: [Input], writesHLS: Bool, writesDASH: Bool, directory: String,
        segmentSeconds: Int = Presentation.defaultTarget, singleFile: Bool = false, protection: LocalProtection? = nil,
        report: @escaping @Sendable (StepProgress) -> Void = { _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(StepFailure) -> JSON {
        guard !inputs.isEmpty else { throw .parametersInvalid("package needs at least one file") }
        guard writesHLS || writesDASH else { throw .parametersInvalid("package needs --hls, --dash or both") }
        try OutputFile.makeFolder(directory)
        let protection = protection?.content
        let options = PackagingOptions(
            targetSeconds: segmentSeconds, addressing: singleFile ? .byteRanges : .files,
            clearLead: MediaTime(Int64(protection?.clearLeadSeconds ?? 0), scale: 1))
        let scratch = try ScratchFile(in: directory)
        var tracks: [IndexedTrack] = []
        var texts: [TextTrack] = []
        for input in inputs {
            if TextSource.isTextFile(input.path) {
                guard input.stream == nil || input.stream == .text else {
                    throw .sourceUnsupported(
                        "\(input.path) has no \(input.stream?.rawValue ?? "") track: it is subtitles")
                }
                texts.append(try text(input, nil, streamLanguage: nil, known: tracks, texts))
                continue
            }
            let movie = try MovieSource(path: input.path, label: input.path)
            let known = tracks
            let usable = movie.shown.filter { stream in
                switch input.stream {
                case .video: stream.kind == .video
                case .audio: stream.kind == .audio
                case .text: stream.kind == .subtitle
                case nil:
                    stream.kind == .video || stream.kind == .audio
                        || stream.kind == .subtitle && stream.codec == "mov_text"
                }
            }
            guard !usable.isEmpty else {
                throw .sourceUnsupported(
                    "\(input.path) has no \(input.stream?.rawValue ?? "video, audio or text") track")
            }
            for stream in usable {
                if stream.kind == .subtitle {
                    texts.append(
                        try text(
                            input, (movie, stream.index), streamLanguage: stream.language, known: tracks, texts))
                    continue
                }
                let kind: TrackSource.Kind = stream.kind == .video ? .video : .audio
                let language = LanguageTag(input.language ?? stream.language ?? "und") ?? .undetermined
                let base = kind == .video ? "video-\(stream.height)p" : "audio-\(language.bcp47)"
                let source = TrackSource(
                    path: input.path, kind: kind, name: unusedName(base, in: tracks, texts), language: language.bcp47,
                    role: input.role ?? .main, stream: stream.index, label: input.path)
                let track = try source.index(
                    of: movie, scratch: scratch, protection: protection, report: report, isCancelled: isCancelled)
                if input.stream == nil, kind == .audio, try track.equalsSound(of: known) { continue }
                tracks.append(track)
            }
        }
        let unfinished = UnfinishedFolder(in: directory)
        try unfinished.start()
        let result = try PackageWriter(
            tracks: tracks, texts: texts, directory: unfinished.path, writesHLS: writesHLS, writesDASH: writesDASH,
            options: options, protection: protection, report: report, isCancelled: isCancelled
        ).write()
        try unfinished.publish()
        return result.document(prefix: nil)
    }

    private static func text(
        _ input: Input, _ track: (movie: MovieSource, stream: Int)?, streamLanguage: String?, known: [IndexedTrack],
        _ texts: [TextTrack]
    ) throws(StepFailure) -> TextTrack {
        let language = LanguageTag(input.language ?? streamLanguage ?? "und") ?? .undetermined
        return try TextSource(
            path: input.path, name: unusedName("text-\(language.bcp47)", in: known, texts), language: language.bcp47,
            role: input.role ?? .subtitle, track: track, label: input.path
        ).read()
    }

    private static func unusedName(_ base: String, in tracks: [IndexedTrack], _ texts: [TextTrack]) -> String {
        let names = Set(tracks.map(\.description.name) + texts.map(\.name))
        guard names.contains(base) else { return base }
        var number = 2
        while names.contains("\(base)-\(number)") { number += 1 }
        return "\(base)-\(number)"
    }
}
