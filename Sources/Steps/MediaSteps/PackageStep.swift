public import JSON
import MediaFiles
import Packaging
public import StepContracts

#if canImport(Glibc)
import Glibc
#endif

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

/// Where a track to package lies, and what it is to be called.
public struct TrackSource: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable {
        case video, audio
    }

    let path: String
    let kind: Kind
    let name: String
    let language: String?
    /// The stream in the file; nil takes its only one of the kind.
    let stream: Int?
    /// What failures call it: the rendition, or the file on the command line.
    let label: String

    static func open(_ path: String, label: String) throws(StepFailure) -> PacketReader {
        do {
            return try PacketReader(path: path)
        } catch {
            throw StepFailure(error).concerning(label)
        }
    }

    /// Reads the file once and keeps each sample's times and size.
    func index(report: (StepProgress) -> Void, isCancelled: () -> Bool) throws(StepFailure) -> IndexedTrack {
        let reader = try TrackSource.open(path, label: label)
        let streams = reader.streams.filter { stream in
            self.stream.map { $0 == stream.index } ?? (stream.kind == (kind == .video ? .video : .audio))
        }
        guard let stream = streams.first, streams.count == 1 else {
            throw .sourceInvalid("\(label) has \(streams.count) \(kind.rawValue) tracks; it must have one")
        }
        var samples = SampleIndex()
        do {
            let description = try description(of: stream, configuration: reader.configuration(ofStream: stream.index))
            reader.select(stream: stream.index)
            let packet = try Packet()
            while try reader.read(into: packet) {
                if samples.count % 1024 == 0 {
                    if isCancelled() { throw StepFailure.stopped }
                    let seconds = Double(packet.timestamp ?? 0) / Double(description.timeScale)
                    report(
                        StepProgress(stage: "index", mediaSeconds: max(0, seconds), totalSeconds: stream.claimedSeconds)
                    )
                }
                guard let decodeTime = packet.decodingTimestamp, let presentationTime = packet.timestamp else {
                    throw MediaError(
                        .invalid, "sample \(samples.count + 1) has no timestamp", stream: stream.index,
                        byte: packet.byte)
                }
                try samples.append(
                    decodeTime: decodeTime, presentationTime: presentationTime, size: packet.size,
                    isSync: kind == .audio || packet.isKeyframe)
            }
            return IndexedTrack(
                source: self, stream: stream.index, description: description,
                samples: try samples.samples(mediaDuration: reader.mediaDuration(ofStream: stream.index)))
        } catch let error as StepFailure {
            throw error
        } catch let error as MediaError {
            throw StepFailure(error).concerning(label)
        } catch let error as PackagingError {
            throw StepFailure(error).concerning(label)
        } catch {
            preconditionFailure("packaging reads throw media and packaging errors only: \(error)")
        }
    }

    private func description(of stream: StreamInfo, configuration: [UInt8]) throws -> TrackDescription {
        let codec: CodecConfiguration
        switch stream.codec {
        case "h264": codec = .avc(try AVCConfiguration(record: configuration))
        case "hevc": codec = .hevc(try HEVCConfiguration(record: configuration))
        case "aac": codec = .aac(try AACConfiguration(record: configuration))
        default:
            throw MediaError(
                .unsupported, "codec \(stream.codec) is not packaged: H.264, HEVC and AAC are", stream: stream.index)
        }
        guard stream.timeBase.numerator == 1 else {
            throw MediaError(.unsupported, "the time base \(stream.timeBase) is not packaged", stream: stream.index)
        }
        if stream.orientation != .upright {
            throw MediaError(
                .unsupported,
                "the picture is stored turned by \(stream.orientation.rotation) degrees: transcode it first",
                stream: stream.index)
        }
        let media: TrackDescription.Media =
            switch kind {
            case .video:
                .video(
                    .init(
                        width: stream.width, height: stream.height,
                        sampleAspectRatio: Ratio(
                            stream.sampleAspectRatio.numerator, stream.sampleAspectRatio.denominator)))
            case .audio: .audio(.init(sampleRate: stream.sampleRate, channels: stream.channels))
            }
        return try TrackDescription(
            name: name, codec: codec, media: media, timeScale: stream.timeBase.denominator,
            // A picture's language is a leftover of its making, not a choice of viewers.
            language: kind == .video
                ? .undetermined : (language ?? stream.language).flatMap(LanguageTag.init) ?? .undetermined)
    }
}

/// A track with its sample index; the samples' data stays in the file.
struct IndexedTrack: Sendable {
    let source: TrackSource
    let stream: Int
    let description: TrackDescription
    let samples: [Sample]

    /// Whether this is the same sound as far as listeners and players can choose: format, language, and beginning and
    /// end to a frame. Bit rates may differ, as they do between the rungs of a ladder.
    func hasEqualSound(_ other: IndexedTrack) -> Bool {
        guard description.codec == other.description.codec, description.media == other.description.media,
            description.language == other.description.language,
            description.timeScale == other.description.timeScale, let (first, last) = ends,
            let (otherFirst, otherLast) = other.ends
        else { return false }
        let frame = Int64(samples[0].duration)
        return abs(first - otherFirst) <= frame && abs(last - otherLast) <= frame
    }

    private var ends: (Int64, Int64)? {
        guard let first = samples.first, let last = samples.last else { return nil }
        return (first.decodeTime, last.decodeTime + Int64(last.duration))
    }
}

/// Writes a presentation's files: segments first, what names them last.
struct PackageWriter {
    let tracks: [IndexedTrack]
    let directory: String
    let writesHLS: Bool
    let writesDASH: Bool
    let report: @Sendable (StepProgress) -> Void
    let isCancelled: @Sendable () -> Bool

    func write() throws(StepFailure) -> PackageResult {
        let presentation: Presentation
        do {
            presentation = try Presentation(tracks: tracks.map { ($0.description, $0.samples) })
        } catch {
            throw StepFailure(error)
        }
        var progress = StepProgress(
            stage: "package", totalSeconds: presentation.duration.seconds,
            parts: presentation.tracks.map { .init(name: $0.description.name, share: 0) })
        var files: [String] = []
        for (index, (track, packaged)) in zip(tracks, presentation.tracks).enumerated() {
            let end = packaged.endTime.seconds
            files += try write(packaged, from: track) { seconds in
                progress.parts[index].share = min(1, seconds / end)
                // Media time done over all tracks: they are written one after the other.
                progress.mediaSeconds =
                    presentation.duration.seconds * progress.parts.reduce(0) { $0 + $1.share }
                    / Double(progress.parts.count)
                report(progress)
            }
        }
        if writesHLS {
            let playlists = HLSPlaylists(presentation)
            for track in presentation.tracks {
                files.append(try write(playlists.media(of: track), to: track.playlistPath))
            }
            files.append(try write(playlists.multivariant, to: Presentation.masterPlaylistPath))
        }
        if writesDASH { files.append(try write(DASHManifest(presentation).text, to: Presentation.manifestPath)) }
        return PackageResult(
            presentation: presentation, files: files, hasHLS: writesHLS, hasDASH: writesDASH)
    }

    /// Reads the track's file a second time and copies each sample once, from the library's packet to its segment.
    private func write(
        _ packaged: PackagedTrack, from track: IndexedTrack, reached: (Double) -> Void
    ) throws(StepFailure) -> [String] {
        let folder = "\(directory)/\(packaged.description.name)"
        try OutputFile.makeFolder(folder)
        var files = [packaged.initializationPath]
        let head = try OutputFile(path: "\(directory)/\(packaged.initializationPath)")
        try head.append(packaged.initializationSegment)
        try head.finish()

        let reader = try TrackSource.open(track.source.path, label: track.source.label)
        reader.select(stream: track.stream)
        let scale = Double(packaged.description.timeScale)
        do {
            let packet = try Packet()
            for segment in packaged.segments {
                if isCancelled() { throw StepFailure.stopped }
                let path = packaged.path(of: segment)
                let file = try OutputFile(path: "\(directory)/\(path)")
                try file.append(packaged.header(of: segment))
                for sample in packaged.samples[segment.samples] {
                    guard try reader.read(into: packet), packet.size == Int(sample.size) else {
                        throw MediaError(.inputOutput, "the file changed while it was packaged")
                    }
                    try packet.withBytes { bytes throws(StepFailure) in try file.append(bytes) }
                }
                try file.finish()
                files.append(path)
                reached(Double(segment.start + segment.duration) / scale)
            }
        } catch let error as StepFailure {
            throw error
        } catch let error as MediaError {
            throw StepFailure(error).concerning(track.source.label)
        } catch {
            preconditionFailure("copying samples throws media errors and step failures only: \(error)")
        }
        return files
    }

    private func write(_ text: String, to path: String) throws(StepFailure) -> String {
        let file = try OutputFile(path: "\(directory)/\(path)")
        try file.append(Array(text.utf8))
        try file.finish()
        return path
    }
}

/// What was written.
struct PackageResult {
    let presentation: Presentation
    /// Relative to the output folder, in the order written.
    let files: [String]
    let hasHLS: Bool
    let hasDASH: Bool

    /// The step's output document; without a prefix, paths stay relative to the folder.
    func document(prefix: String?) -> JSON {
        let base = prefix.map { $0 + "/" } ?? ""
        return .members(
            ("prefix", prefix.map(JSON.string)),
            ("hls", hasHLS ? .string(base + Presentation.masterPlaylistPath) : nil),
            ("dash", hasDASH ? .string(base + Presentation.manifestPath) : nil),
            ("objects", .array(files.map { ["file": .string($0)] })),
            ("durationSeconds", .double(presentation.duration.seconds)),
            ("renditions", .array(presentation.tracks.map(rendition)))
        )
    }

    private func rendition(_ track: PackagedTrack) -> JSON {
        let description = track.description
        var video: TrackDescription.Video?
        var audio: TrackDescription.Audio?
        switch description.media {
        case .video(let media): video = media
        case .audio(let media): audio = media
        }
        return .members(
            ("kind", .string(video == nil ? "audio" : "video")), ("name", .string(description.name)),
            ("codecs", .string(description.codec.codecs)), ("width", (video?.width).map { .integer($0) }),
            ("height", (video?.height).map { .integer($0) }),
            ("frameRate", track.frameRate.map { .string("\($0.numerator)/\($0.denominator)") }),
            ("sampleRate", (audio?.sampleRate).map { .integer($0) }),
            ("channels", (audio?.channels).map { .integer($0) }),
            ("language", description.language.isDetermined ? .string(description.language.bcp47) : nil),
            ("bandwidth", .integer(track.peakBitRate)), ("averageBandwidth", .integer(track.averageBitRate)),
            ("segments", .integer(track.segments.count)), ("durationSeconds", .double(track.endTime.seconds)))
    }
}

/// A file being written, through one buffer. What is not finished is left for the owner of the folder to clear away.
private final class OutputFile {
    private let path: String
    private var descriptor: Int32
    private var buffer: [UInt8] = []

    private static let bufferSize = 256 << 10

    init(path: String) throws(StepFailure) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw .systemCall("\(path) cannot be written") }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Makes a folder and those it lies in, where they are missing.
    static func makeFolder(_ path: String) throws(StepFailure) {
        if mkdir(path, 0o777) == 0 || errno == EEXIST { return }
        if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            try makeFolder(String(path[..<slash]))
            if mkdir(path, 0o777) == 0 || errno == EEXIST { return }
        }
        throw .systemCall("the folder \(path) cannot be made")
    }

    func append(_ bytes: [UInt8]) throws(StepFailure) {
        try bytes.withUnsafeBufferPointer { bytes throws(StepFailure) in try append(UnsafeRawBufferPointer(bytes)) }
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(StepFailure) {
        if buffer.count + bytes.count <= OutputFile.bufferSize {
            buffer.append(contentsOf: bytes)
            return
        }
        try flush()
        try write(bytes)
    }

    func finish() throws(StepFailure) {
        try flush()
        let closing = descriptor
        descriptor = -1
        // A file system may tell only here that there was no room.
        guard close(closing) == 0 else { throw .systemCall("\(path) cannot be written") }
    }

    private func flush() throws(StepFailure) {
        try buffer.withUnsafeBufferPointer { bytes throws(StepFailure) in try write(UnsafeRawBufferPointer(bytes)) }
        buffer.removeAll(keepingCapacity: true)
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(StepFailure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .systemCall("\(path) cannot be written")
            }
            rest = rest.dropFirst(count)
        }
    }
}

extension StepFailure {
    /// A failed system call, by the calling thread's `errno`.
    fileprivate static func systemCall(_ what: String) -> StepFailure {
        let number = errno
        let cause = "\(what): \(String(cString: strerror(number)))"
        return switch number {
        case ENOSPC, EDQUOT, EFBIG, ENOMEM, EMFILE, ENFILE: .resourceExhausted(cause)
        default: .storageUnavailable(cause)
        }
    }

    /// A packaging error as a step's failure.
    fileprivate init(_ error: PackagingError) {
        self =
            switch error.code {
            case .codecConfigurationInvalid, .samplesInvalid: .sourceInvalid(error.message)
            case .trackInvalid, .keyFramesDiffer, .limitExceeded: .sourceUnsupported(error.message)
            }
    }

    /// The same failure with the file or rendition it concerns.
    fileprivate func concerning(_ subject: String) -> StepFailure {
        StepFailure(error: error, cause: "\(subject): \(cause)", retry: retry)
    }
}
