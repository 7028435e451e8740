/// A track to package.
public struct TrackInput: Sendable {
    public var description: TrackDescription
    /// With what stays clear of each, but for those that are protected whole.
    public var samples: TrackSamples
    /// Nil leaves the track clear.
    public var protection: TrackProtection?

    public init(description: TrackDescription, samples: TrackSamples, protection: TrackProtection? = nil) {
        self.description = description
        self.samples = samples
        self.protection = protection
    }

    /// A track whose samples are all in memory.
    /// - Precondition: there are subsamples of every sample, or of none.
    public init(
        description: TrackDescription, samples: [Sample], protection: TrackProtection? = nil,
        subsamples: SubsampleTable? = nil
    ) {
        self.init(
            description: description, samples: TrackSamples(samples, subsamples: subsamples), protection: protection)
    }
}

/// How segments are found.
public enum SegmentAddressing: Sendable, Hashable {
    /// A file a segment.
    case files
    /// One file a track with an index in front; segments are byte ranges.
    case byteRanges
}

/// One segment of a track.
public struct Segment: Sendable, Hashable {
    /// A `moof` with its `mdat`: a CMAF chunk (ISO/IEC 23000-19, 7.3.2.3).
    public struct Piece: Sendable, Hashable {
        /// By their place in the track.
        public let samples: Range<Int>
        let sequenceNumber: UInt32
        let headerSize: Int
    }

    /// Counts from 1; stands in the file's name.
    public let number: Int
    /// The samples it holds, by their place in the track.
    public let samples: Range<Int>
    /// When its first picture or sound is due, in ticks of the track from the presentation's start.
    public let start: Int64
    /// How long until the next segment is due, or the track ends.
    public let duration: Int64
    /// Bytes of all its samples.
    public let payloadSize: Int
    /// Bytes of the whole segment.
    public let size: Int
    /// Where it begins in the track's one file; zero in a file of its own.
    public let offset: Int
    public let isProtected: Bool
    public let pieces: [Piece]
}

/// A picture that can be shown alone, for playing at many times the speed.
struct IndependentPicture: Sendable, Hashable {
    let segment: Int
    /// Bytes from the segment's start.
    let offset: Int
    let size: Int
    /// In ticks of the track from the presentation's start.
    let start: Int64
}

/// Divides a track's segments into pieces and measures them.
struct TrackLayout {
    let input: TrackInput
    let timeline: Timeline
    let addressing: SegmentAddressing
    /// Segments that begin before this time stay clear.
    let clearLead: MediaTime

    private(set) var segments: [Segment] = []
    private(set) var pictures: [IndependentPicture] = []

    init(
        _ input: TrackInput, timeline: Timeline, cuts: [Timeline.Cut], addressing: SegmentAddressing,
        clearLead: MediaTime
    ) throws(PackagingError) {
        self.input = input
        self.timeline = timeline
        self.addressing = addressing
        self.clearLead = clearLead
        var reader = timeline.samples.reader()
        var sequenceNumber: UInt32 = 1
        let head = addressing == .files ? Self.prefix : 0
        let access = timeline.access.points
        var place = 0
        for (index, cut) in cuts.enumerated() {
            let isProtected = input.protection != nil && timeline.time(cut.start) >= clearLead
            var pieces: [Segment.Piece] = []
            var size = head
            var payloadSize = 0
            var alone: [AccessPoints.Point] = []
            while place < access.count, access[place].sample < cut.samples.upperBound {
                let picture = access[place]
                place += 1
                guard picture.sample >= cut.samples.lowerBound else { continue }
                if let last = alone.last,
                    picture.presentationTime - last.presentationTime < Int64(timeline.description.timeScale)
                {
                    continue
                }
                alone.append(picture)
            }
            for places in Self.pieces(of: cut.samples, alone: alone.map(\.sample)) {
                let run = try reader.run(places)
                let header = Self.header(
                    run, sequenceNumber: sequenceNumber, isProtected: isProtected, input, timeline,
                    hasClearLead: clearLead > .zero)
                let payload = run.payloadSize
                if places.count == 1, let picture = alone.first(where: { $0.sample == places.lowerBound }) {
                    pictures.append(
                        IndependentPicture(
                            segment: index, offset: size, size: header.count + payload,
                            start: max(0, picture.presentationTime)))
                }
                pieces.append(
                    Segment.Piece(samples: places, sequenceNumber: sequenceNumber, headerSize: header.count))
                size += header.count + payload
                payloadSize += payload
                sequenceNumber += 1
            }
            segments.append(
                Segment(
                    number: index + 1, samples: cut.samples, start: cut.start, duration: cut.end - cut.start,
                    payloadSize: payloadSize, size: size, offset: 0, isProtected: isProtected, pieces: pieces))
        }
    }

    /// Bytes in front of the first `moof` of a segment that is a file.
    static let prefix = MovieFragment.segmentType.count + SegmentIndex.size(segments: 1)

    /// Key frames get pieces of their own, about one a second: an I-frame playlist then names whole pieces, which any
    /// reader decodes, at the price of a header each.
    private static func pieces(of range: Range<Int>, alone: [Int]) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var from = range.lowerBound
        for picture in alone {
            if from < picture { result.append(from..<picture) }
            result.append(picture..<picture + 1)
            from = picture + 1
        }
        if from < range.upperBound { result.append(from..<range.upperBound) }
        return result
    }

    static func header(
        _ run: TrackSamples.Run, sequenceNumber: UInt32, isProtected: Bool, _ input: TrackInput, _ timeline: Timeline,
        hasClearLead: Bool
    ) -> [UInt8] {
        let decodeTime = run[run.places.lowerBound].decodeTime + timeline.skippedTicks
        precondition(decodeTime >= 0, "the edit list covers all times below zero")
        return MovieFragment(
            sequenceNumber: sequenceNumber, run: run, baseMediaDecodeTime: UInt64(decodeTime),
            isVideo: timeline.description.isVideo, protection: isProtected ? input.protection : nil,
            isClearLead: input.protection != nil && hasClearLead && !isProtected
        ).header
    }
}
