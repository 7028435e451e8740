/// One track of a presentation, cut into segments, with the bytes of its files but for the samples' data.
public struct PackagedTrack: Sendable {
    public let segments: [Segment]
    /// Measured bits a second: HLS peak and average segment bit rate, and the rate of `Representation@bandwidth`.
    public let peakBitRate: Int
    public let averageBitRate: Int
    public let dashBandwidth: Int
    public let addressing: SegmentAddressing
    public let protection: TrackProtection?
    /// The rate of the video's frames where all but the last have one duration, else the most in any second.
    public let frameRate: Ratio?
    /// Of a file of byte ranges: where the header ends and the index stands; empty with files.
    public let indexRange: Range<Int>
    /// What stands in front of all segments: the header, and the index of a file of byte ranges.
    private let head: [UInt8]
    let pictures: [IndependentPicture]
    let pictureRates: SegmentBitRates
    private let input: TrackInput
    private let timeline: Timeline
    private let hasClearLead: Bool

    public var description: TrackDescription { input.description }
    /// Its samples with their times in the presentation.
    public var samples: TrackSamples { timeline.samples }
    /// When the last picture or sound ends, in ticks of the track from the presentation's start.
    public var end: Int64 { timeline.end }
    /// What the track's edit list skips, in ticks.
    public var skippedTicks: Int64 { timeline.skippedTicks }
    public var endTime: MediaTime { MediaTime(end, scale: Int64(description.timeScale)) }
    public var hasClearSegments: Bool { protection == nil || segments.contains { !$0.isProtected } }

    init(_ layout: TrackLayout, targetDuration: Int, longest: MediaTime) throws(PackagingError) {
        input = layout.input
        timeline = layout.timeline
        addressing = layout.addressing
        protection = layout.input.protection
        frameRate = layout.timeline.frameRate
        hasClearLead = layout.segments.contains { !$0.isProtected } && layout.input.protection != nil
        let scale = layout.timeline.description.timeScale
        let rates = SegmentBitRates(segments: layout.segments.map { ($0.size, $0.duration) }, timeScale: scale)
        peakBitRate = rates.peak(targetDuration: targetDuration)
        averageBitRate = rates.average
        dashBandwidth = rates.bandwidth(minBufferTime: longest)
        let header = InitializationSegment(
            track: input.description, skippedTicks: timeline.skippedTicks, presentationEnd: timeline.end,
            largestSample: timeline.largestSample, peakBitRate: peakBitRate,
            averageBitRate: averageBitRate, protection: protection, hasClearLead: hasClearLead
        ).bytes
        pictures = layout.pictures
        let starts = layout.pictures.map(\.start) + [layout.timeline.end]
        pictureRates = SegmentBitRates(
            segments: zip(layout.pictures, zip(starts, starts.dropFirst())).map { ($0.size, $1.1 - $1.0) },
            timeScale: scale)
        if let large = layout.segments.first(where: {
            $0.size > SegmentIndex.maximumSegmentSize || $0.duration > UInt32.max
        }) {
            throw PackagingError(
                .limitExceeded,
                "track '\(input.description.name)': segment \(large.number) has \(large.size) bytes; an index counts "
                    + "up to \(SegmentIndex.maximumSegmentSize)")
        }
        guard addressing == .byteRanges else {
            segments = layout.segments
            head = header
            indexRange = 0..<0
            return
        }
        guard layout.segments.count <= SegmentIndex.maximumSegments else {
            throw PackagingError(
                .limitExceeded,
                "track '\(input.description.name)': an index holds \(SegmentIndex.maximumSegments) segments; package it "
                    + "as files of segments")
        }
        let index = SegmentIndex(track: input.description, segments: layout.segments).bytes
        head = header + index
        indexRange = header.count..<header.count + index.count
        var offset = head.count
        segments = layout.segments.map { segment in
            defer { offset += segment.size }
            return Segment(
                number: segment.number, samples: segment.samples, start: segment.start, duration: segment.duration,
                payloadSize: segment.payloadSize, size: segment.size, offset: offset,
                isProtected: segment.isProtected, pieces: segment.pieces)
        }
    }

    /// The header, and in a file of byte ranges the index behind it.
    public var initializationSegment: [UInt8] { head }

    /// All of a piece up to the data of its samples, which follow in decoding order.
    /// - Parameter run: the piece's samples, read from ``samples``.
    public func header(of piece: Segment.Piece, in segment: Segment, _ run: TrackSamples.Run) -> [UInt8] {
        precondition(run.places == piece.samples, "the samples are those of the piece")
        let header = TrackLayout.header(
            run, sequenceNumber: piece.sequenceNumber, isProtected: segment.isProtected, input, timeline,
            hasClearLead: hasClearLead)
        let isFirst = piece.samples.lowerBound == segment.samples.lowerBound
        guard isFirst, addressing == .files else { return header }
        return MovieFragment.segmentType
            + SegmentIndex(track: description, segments: [segment], prefix: TrackLayout.prefix).bytes + header
    }

    public var initializationPath: String { "\(description.name)/\(initializationName)" }
    public func path(of segment: Segment) -> String { "\(description.name)/\(name(of: segment))" }
    public var playlistPath: String { "\(description.name)/index.m3u8" }
    /// Nil for tracks without pictures.
    public var picturePlaylistPath: String? { pictures.isEmpty ? nil : "\(description.name)/iframes.m3u8" }

    var initializationName: String { addressing == .files ? "init.mp4" : "media.mp4" }
    func name(of segment: Segment) -> String { addressing == .files ? "seg-\(segment.number).m4s" : "media.mp4" }
    var headerRange: Range<Int> { 0..<(addressing == .files ? head.count : indexRange.lowerBound) }
}

/// Tracks packaged together: one set of CMAF segments for HLS and DASH.
public struct Presentation: Sendable {
    /// A segment's target, in whole seconds.
    public static let defaultTarget = 4
    /// No segment is longer, in seconds: a player holds it in memory and begins with it.
    public static let longestSegment = 60
    public static let maximumTracks = 128
    public static let maximumSegments = 100_000

    public let tracks: [PackagedTrack]
    public let texts: [PackagedText]
    public let thumbnails: ThumbnailSheets?
    /// `EXT-X-TARGETDURATION` of every media playlist: the longest segment in whole seconds, rounded up, so that none is
    /// longer however a player rounds (RFC 8216bis, section 4.4.3.1, would let 4.4 s pass for 4).
    public let targetDuration: Int
    /// The longest segment, `MPD@minBufferTime`.
    public let longestSegmentDuration: MediaTime
    public let duration: MediaTime

    public static let masterPlaylistPath = "master.m3u8"
    public static let manifestPath = "manifest.mpd"

    /// Cuts clear tracks into segments that are files, and measures these.
    public init(
        tracks: [(description: TrackDescription, samples: [Sample])], targetSeconds: Int = defaultTarget
    ) throws(PackagingError) {
        try self.init(
            tracks: tracks.map { TrackInput(description: $0.description, samples: $0.samples) },
            options: PackagingOptions(targetSeconds: targetSeconds))
    }

    /// Cuts the tracks into segments and measures these.
    /// - Parameters:
    ///   - tracks: in the order in which playlists and manifests list them. All times share one origin; what the
    ///     earliest track shows first becomes the start, unless tracks begin before zero (their edit lists skip that).
    ///   - texts: subtitles; their times count from the presentation's start.
    public init(
        tracks: [TrackInput], texts: [TextTrack] = [], thumbnails: ThumbnailSheets? = nil,
        options: PackagingOptions = PackagingOptions()
    ) throws(PackagingError) {
        try Presentation.check(tracks, texts, options)
        let timelines = Presentation.aligned(
            try tracks.map { track throws(PackagingError) in try Timeline(track) })
        let target = MediaTime(Int64(options.targetSeconds), scale: 1)
        let cuts = try Presentation.cuts(of: timelines, target: target)
        var segments: [[Timeline.Cut]] = []
        var longest = MediaTime.zero
        for timeline in timelines {
            segments.append(try timeline.cut(at: cuts))
            for cut in segments.last ?? [] { longest = max(longest, timeline.time(cut.end - cut.start)) }
        }
        guard longest <= MediaTime(Int64(Presentation.longestSegment), scale: 1) else {
            throw PackagingError(
                .limitExceeded,
                "a segment of \(longest.seconds) s: key frames that all video tracks share must come at least every "
                    + "\(Presentation.longestSegment) s")
        }
        var layouts: [TrackLayout] = []
        for (track, (timeline, cuts)) in zip(tracks, zip(timelines, segments)) {
            layouts.append(
                try TrackLayout(
                    track, timeline: timeline, cuts: cuts, addressing: options.addressing,
                    clearLead: options.clearLead))
        }
        let targetDuration = max(1, Int(longest.ticksRoundedUp(scale: 1)))
        let duration = timelines.map { $0.time($0.end) }.max() ?? .zero
        self.targetDuration = targetDuration
        longestSegmentDuration = longest
        self.duration = duration
        self.thumbnails = thumbnails
        self.tracks = try layouts.map { layout throws(PackagingError) in
            try PackagedTrack(layout, targetDuration: targetDuration, longest: longest)
        }
        self.texts = texts.map { PackagedText($0, cuts: cuts, end: duration, targetDuration: targetDuration) }
    }

    private static func check(
        _ tracks: [TrackInput], _ texts: [TextTrack], _ options: PackagingOptions
    ) throws(PackagingError) {
        guard (1...30).contains(options.targetSeconds) else {
            throw PackagingError(.limitExceeded, "segments of \(options.targetSeconds) s; 1 to 30 are packaged")
        }
        guard (1...maximumTracks).contains(tracks.count), texts.count <= maximumTracks else {
            throw PackagingError(
                .limitExceeded,
                "\(tracks.count) tracks and \(texts.count) of text; 1 to \(maximumTracks) of each are packaged")
        }
        let all = tracks.map(\.description.name) + texts.map(\.name)
        let names = Dictionary(grouping: all) { $0 }.filter { $0.value.count > 1 }.keys.sorted()
        guard names.isEmpty else {
            throw PackagingError(.trackInvalid, "several tracks are named \(names.joined(separator: ", "))")
        }
        guard Set(tracks.compactMap(\.protection?.scheme)).count <= 1 else {
            throw PackagingError(.trackInvalid, "tracks of one presentation are protected under one scheme")
        }
    }

    /// Where the presentation has picture, cuts lie at key frames that all video tracks share; else at multiples of
    /// the target.
    private static func cuts(of timelines: [Timeline], target: MediaTime) throws(PackagingError) -> SegmentCuts {
        let videos = timelines.filter(\.description.isVideo)
        let end = timelines.map { $0.time($0.end) }.max() ?? .zero
        guard let firstVideo = videos.first else {
            let start = timelines.map { $0.time($0.start) }.min() ?? .zero
            var cuts = SegmentCuts(candidates: [start], target: target)
            cuts.extend(to: end, target: target)
            cuts.joinShortEnd(at: end, target: target)
            return cuts
        }
        let points = videos.map(\.accessTimes)
        for (video, own) in zip(videos, points) where own.first != points[0].first {
            throw PackagingError(
                .keyFramesDiffer,
                "'\(firstVideo.description.name)' and '\(video.description.name)' do not begin at the same time, "
                    + "so they cannot be switched between")
        }
        let common = SegmentCuts.common(points)
        var cuts = SegmentCuts(candidates: common, target: target)
        let videoEnd = videos.map { $0.time($0.end) }.max() ?? end
        cuts.joinShortEnd(at: videoEnd, target: target)
        if videoEnd + SegmentCuts.slack <= end {
            cuts.extend(to: end, target: target)
            cuts.joinShortEnd(at: end, target: target)
        }
        return cuts
    }

    /// Moves a presentation that begins late to zero, by one length of time for all tracks.
    private static func aligned(_ timelines: [Timeline]) -> [Timeline] {
        guard let start = timelines.map({ $0.time($0.earliestPresentation) }).min(), start > .zero else {
            return timelines
        }
        return timelines.map { $0.movedEarlier(by: start) }
    }
}

/// What a caller may choose.
public struct PackagingOptions: Sendable, Hashable {
    /// Segments begin at the first common key frame past each multiple of it; 1 to 30.
    public var targetSeconds: Int
    public var addressing: SegmentAddressing
    /// Segments that begin before this time stay clear, so that playing starts before a licence has come.
    public var clearLead: MediaTime

    public init(
        targetSeconds: Int = Presentation.defaultTarget, addressing: SegmentAddressing = .files,
        clearLead: MediaTime = .zero
    ) {
        self.targetSeconds = targetSeconds
        self.addressing = addressing
        self.clearLead = clearLead
    }
}
