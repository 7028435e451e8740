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

    static func open(_ path: String, label: String) throws(StepFailure) -> PacketReader {
        do {
            return try PacketReader(path: path)
        } catch {
            throw StepFailure(error).concerning(label)
        }
    }

    /// Reads the file once and keeps each sample's times and size, and what of it stays clear.
    func index(
        protection: ContentProtection? = nil, report: (StepProgress) -> Void, isCancelled: () -> Bool
    ) throws(StepFailure) -> IndexedTrack {
        let reader = try TrackSource.open(path, label: label)
        let streams = reader.streams.filter { stream in
            self.stream.map { $0 == stream.index } ?? (stream.kind == (kind == .video ? .video : .audio))
        }
        guard let stream = streams.first, streams.count == 1 else {
            throw .sourceInvalid("\(label) has \(streams.count) \(kind.rawValue) tracks; it must have one")
        }
        do {
            let descriptions = try SampleDescriptions(path: path).tracks
            let description = try description(
                of: stream, configuration: reader.configuration(ofStream: stream.index),
                entry: descriptions.indices.contains(stream.index) ? descriptions[stream.index] : nil)
            reader.select(stream: stream.index)
            var samples = SampleIndex()
            var layout = protection.flatMap { SubsampleLayout(description, scheme: $0.scheme) }
            var subsamples = layout == nil ? nil : SubsampleTable()
            var digest = ContentDigest(isNeeded: protection != nil)
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
                if protection != nil {
                    try packet.withBytes { bytes in
                        digest.add(bytes)
                        if let parts = try layout?.subsamples(of: bytes) { try subsamples?.append(parts) }
                    }
                }
            }
            return IndexedTrack(
                source: self, stream: stream.index, description: description,
                samples: try samples.samples(mediaDuration: reader.mediaDuration(ofStream: stream.index)),
                protection: try protection?.protection(of: description, contentDigest: digest.finish()),
                subsamples: subsamples)
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

    private func description(
        of stream: StreamInfo, configuration: [UInt8], entry: SampleDescription?
    ) throws -> TrackDescription {
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
                            stream.sampleAspectRatio.numerator, stream.sampleAspectRatio.denominator),
                        color: entry?.color,
                        highDynamicRange: entry?.highDynamicRange ?? HighDynamicRangeMetadata(),
                        dolbyVision: entry?.dolbyVision))
            case .audio, .text: .audio(.init(sampleRate: stream.sampleRate, channels: stream.channels))
            }
        return try TrackDescription(
            name: name, codec: try codec(of: stream, configuration: configuration, entry: entry), media: media,
            timeScale: stream.timeBase.denominator,
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

/// A track with its sample index; the samples' data stays in the file.
struct IndexedTrack: Sendable {
    let source: TrackSource
    let stream: Int
    let description: TrackDescription
    let samples: [Sample]
    let protection: TrackProtection?
    let subsamples: SubsampleTable?

    var input: TrackInput {
        TrackInput(description: description, samples: samples, protection: protection, subsamples: subsamples)
    }

    /// Whether this is the same sound as far as listeners and players can choose: format, language, and beginning and
    /// end to a frame. Bit rates may differ, as they do between the rungs of a ladder.
    func hasEqualSound(_ other: IndexedTrack) -> Bool {
        guard description.codec == other.description.codec, description.media == other.description.media,
            description.language == other.description.language, description.role == other.description.role,
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

extension StepFailure {
    /// A packaging error as a step's failure.
    init(_ error: PackagingError) {
        self =
            switch error.code {
            case .codecConfigurationInvalid, .samplesInvalid: .sourceInvalid(error.message)
            case .trackInvalid, .keyFramesDiffer, .limitExceeded: .sourceUnsupported(error.message)
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
