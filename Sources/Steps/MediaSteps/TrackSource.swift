import Cryptography
import MediaFiles
import Packaging
import StepContracts

/// Where a track to package lies, and what it is to be called.
public struct TrackSource: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable {
        case video, audio, text
    }

    let path: String
    let kind: Kind
    let name: String
    let language: String?
    var role: TrackRole = .main
    /// The stream in the file; nil takes its only one of the kind.
    let stream: Int?
    /// What failures call it: the rendition, or the file on the command line.
    let label: String

    func named(_ name: String) -> TrackSource {
        TrackSource(path: path, kind: kind, name: name, language: language, role: role, stream: stream, label: label)
    }

    /// Reads the tables of the track's samples once and keeps each one's times and size, and what of it stays clear.
    /// - Parameters:
    ///   - movie: the file at ``path``, opened.
    ///   - scratch: where all that is kept.
    func index(
        of movie: MovieSource, scratch: ScratchFile, protection: ContentProtection? = nil,
        report: (StepProgress) -> Void, isCancelled: () -> Bool
    ) throws(StepFailure) -> IndexedTrack {
        let streams = movie.shown.filter { stream in
            self.stream.map { $0 == stream.index } ?? (stream.kind == (kind == .video ? .video : .audio))
        }
        guard let stream = streams.first, streams.count == 1 else {
            throw .sourceInvalid("\(label) has \(streams.count) \(kind.rawValue) tracks; it must have one")
        }
        return try StepFailure.whileReading(label) {
            try index(
                stream, of: movie, scratch: scratch, protection: protection, report: report, isCancelled: isCancelled)
        }
    }

    private func index(
        _ stream: StreamInfo, of movie: MovieSource, scratch: ScratchFile, protection: ContentProtection?,
        report: (StepProgress) -> Void, isCancelled: () -> Bool
    ) throws -> IndexedTrack {
        let track = movie.movie.tracks[stream.index]
        let description = try description(
            of: stream, timeScale: track.timeScale, configuration: movie.configuration(ofStream: stream.index),
            entry: try movie.sampleDescription(ofStream: stream.index))
        var layout = protection.flatMap { SubsampleLayout(description, scheme: $0.scheme) }
        var index = SampleIndex(scratch: scratch, hasSubsamples: layout != nil)
        var digest = ContentDigest(isNeeded: protection != nil)
        var data = SampleData(movie.file)
        var samples = movie.movie.samples(of: stream.index)
        var times: (first: Int64, end: Int64) = (0, 0)
        while let sample = try samples.next() {
            if index.count % 1024 == 0 {
                if isCancelled() { throw StepFailure.stopped }
                func seconds(_ ticks: Int64) -> Double { Double(ticks) / Double(description.timeScale) }
                report(
                    StepProgress(
                        stage: "index", mediaSeconds: max(0, seconds(sample.presentationTime)),
                        totalSeconds: track.mediaDuration.map(seconds)))
            }
            if index.count == 0 { times.first = sample.decodeTime }
            times.end = sample.decodeTime + sample.duration
            var subsamples: [Subsample]? = layout == nil ? nil : []
            if protection != nil, (1...SampleIndex.maximumSize).contains(sample.data.count) {
                try data.withBytes(sample.data) { bytes in
                    digest.add(bytes)
                    subsamples = try layout?.subsamples(of: bytes)
                }
            }
            try index.append(
                decodeTime: sample.decodeTime, presentationTime: sample.presentationTime, size: sample.data.count,
                isSync: kind == .audio || sample.isSync, subsamples: subsamples)
        }
        return IndexedTrack(
            source: self, movie: movie, stream: stream.index, description: description,
            samples: try index.finish(mediaDuration: track.mediaDuration ?? times.end - times.first),
            protection: try protection?.protection(of: description, contentDigest: digest.finish()))
    }

    private func description(
        of stream: StreamInfo, timeScale: Int, configuration: [UInt8], entry: SampleDescription?
    ) throws -> TrackDescription {
        if let entry, ["encv", "enca"].contains(entry.format) {
            throw MediaError(.unsupported, "the track is encrypted already", stream: stream.index)
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
                            stream.sampleAspectRatio.numerator, stream.sampleAspectRatio.denominator),
                        color: entry?.color,
                        highDynamicRange: entry?.highDynamicRange ?? HighDynamicRangeMetadata(),
                        dolbyVision: entry?.dolbyVision))
            case .audio, .text: .audio(.init(sampleRate: stream.sampleRate, channels: stream.channels))
            }
        return try TrackDescription(
            name: name, codec: try codec(of: stream, configuration: configuration, entry: entry), media: media,
            timeScale: timeScale,
            // A picture's language is a leftover of its making, not a choice of viewers.
            language: kind == .video
                ? .undetermined : (language ?? stream.language).flatMap(LanguageTag.init) ?? .undetermined,
            role: role)
    }

    private func codec(
        of stream: StreamInfo, configuration: [UInt8], entry: SampleDescription?
    ) throws -> CodecConfiguration {
        switch (stream.codec, entry) {
        case ("h264", _): return .avc(try AVCConfiguration(record: configuration))
        case ("hevc", _): return .hevc(try HEVCConfiguration(record: configuration))
        case ("av1", _): return .av1(try AV1Configuration(record: configuration))
        case ("aac", _): return .aac(try AACConfiguration(record: configuration))
        case ("vp9", .some(let entry)): return .vp9(try entry.vp9())
        case ("opus", .some(let entry)): return .opus(try entry.opus())
        case ("ac3", .some(let entry)): return .ac3(try entry.ac3())
        case ("eac3", .some(let entry)): return .enhancedAC3(try entry.enhancedAC3())
        default:
            throw MediaError(
                .unsupported,
                "codec \(stream.codec) is not packaged: H.264, HEVC, AV1, VP9, AAC, Opus, AC-3 and E-AC-3 are",
                stream: stream.index)
        }
    }
}

/// Tells apart what is packaged under one key: sizes, beginnings and ends of all samples.
private struct ContentDigest {
    private var pending: [UInt8] = []
    private var code = [UInt8](repeating: 0, count: 32)
    private let isNeeded: Bool

    init(isNeeded: Bool) { self.isNeeded = isNeeded }

    mutating func add(_ sample: UnsafeRawBufferPointer) {
        guard isNeeded else { return }
        for shift in stride(from: 0, to: 32, by: 8) { pending.append(UInt8(truncatingIfNeeded: sample.count >> shift)) }
        pending += sample.prefix(64)
        pending += sample.suffix(64)
        if pending.count >= 1 << 16 { fold() }
    }

    private mutating func fold() {
        code = SHA256.hash(code + pending).bytes
        pending.removeAll(keepingCapacity: true)
    }

    mutating func finish() -> [UInt8] {
        fold()
        return code
    }
}

/// A track with what is known of its samples; their data stays in the file.
struct IndexedTrack: Sendable {
    let source: TrackSource
    let movie: MovieSource
    let stream: Int
    let description: TrackDescription
    let samples: TrackSamples
    let protection: TrackProtection?

    var input: TrackInput { TrackInput(description: description, samples: samples, protection: protection) }

    /// Whether this is the same sound as one of others as far as listeners and players can choose: format, language, and
    /// beginning and end to a frame. Bit rates may differ, as they do between the rungs of a ladder.
    func equalsSound(of others: [IndexedTrack]) throws(StepFailure) -> Bool {
        for other in others where try equalsSound(of: other) { return true }
        return false
    }

    private func equalsSound(of other: IndexedTrack) throws(StepFailure) -> Bool {
        guard description.codec == other.description.codec, description.media == other.description.media,
            description.language == other.description.language, description.role == other.description.role,
            description.timeScale == other.description.timeScale
        else { return false }
        let (own, others) = (try ends(), try other.ends())
        return abs(own.first.decodeTime - others.first.decodeTime) <= Int64(own.first.duration)
            && abs(own.end - others.end) <= Int64(own.first.duration)
    }

    private func ends() throws(StepFailure) -> (first: Sample, end: Int64) {
        do {
            var reader = samples.reader()
            let last = try reader.sample(samples.count - 1)
            return (try reader.sample(0), last.decodeTime + Int64(last.duration))
        } catch {
            throw StepFailure(error).concerning(source.label)
        }
    }
}

extension StepFailure {
    /// A packaging error as a step's failure.
    init(_ error: PackagingError) {
        self =
            switch error.code {
            case .codecConfigurationInvalid, .samplesInvalid: .sourceInvalid(error.message)
            case .trackInvalid, .keyFramesDiffer, .limitExceeded: .sourceUnsupported(error.message)
            case .storageUnavailable: .storageUnavailable(error.message)
            case .storageFull: .resourceExhausted(error.message)
            }
    }

    /// The same failure with the file or rendition it concerns.
    func concerning(_ subject: String) -> StepFailure {
        StepFailure(error: error, cause: "\(subject): \(cause)", retry: retry)
    }
}

extension StepProgress {
    /// What one track's reading is of the reading of all, one after the other: they are about equally long.
    func ofTrack(_ number: Int, of count: Int) -> StepProgress {
        var progress = self
        guard let totalSeconds else { return progress }
        progress.mediaSeconds = totalSeconds * Double(number) + min(mediaSeconds, totalSeconds)
        progress.totalSeconds = totalSeconds * Double(count)
        return progress
    }
}
