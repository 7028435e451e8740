import MediaFiles
import Packaging
import StepContracts

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
