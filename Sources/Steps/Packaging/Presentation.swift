/// One segment of a track.
public struct Segment: Sendable, Hashable {
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
    /// Bytes of the whole file.
    public let size: Int
}

/// One track of a presentation, cut into segments, with the bytes of its files but for the samples' data.
public struct PackagedTrack: Sendable {
    public let description: TrackDescription
    public let samples: [Sample]
    public let segments: [Segment]
    /// Measured bits a second: HLS peak and average segment bit rate, and the rate of `Representation@bandwidth`.
    public let peakBitRate: Int
    public let averageBitRate: Int
    public let dashBandwidth: Int
    /// When the last picture or sound ends, in ticks of the track from the presentation's start.
    public let end: Int64
    /// What the track's edit list skips, in ticks.
    public let skippedTicks: Int64

    public var endTime: MediaTime { MediaTime(end, scale: Int64(description.timeScale)) }

    /// The rate of the video's frames where all but the last have one duration, else the most in any second.
    public let frameRate: Ratio?

    public var initializationSegment: [UInt8] {
        InitializationSegment(
            track: description, skippedTicks: skippedTicks, presentationEnd: end,
            largestSample: samples.reduce(0) { max($0, Int($1.size)) }, peakBitRate: peakBitRate,
            averageBitRate: averageBitRate
        ).bytes
    }

    /// All of a segment's file up to the data of its samples, which follow in decoding order.
    public func header(of segment: Segment) -> [UInt8] {
        PackagedTrack.header(
            number: segment.number, samples: samples[segment.samples], skippedTicks: skippedTicks)
    }

    static func header(number: Int, samples: ArraySlice<Sample>, skippedTicks: Int64) -> [UInt8] {
        let decodeTime = (samples.first?.decodeTime ?? 0) + skippedTicks
        precondition(decodeTime >= 0, "the edit list covers all times below zero")
        return MediaSegment(
            sequenceNumber: UInt32(number), samples: samples, baseMediaDecodeTime: UInt64(decodeTime)
        ).header
    }

    public var initializationPath: String { "\(description.name)/init.mp4" }
    public func path(of segment: Segment) -> String { "\(description.name)/seg-\(segment.number).m4s" }
    public var playlistPath: String { "\(description.name)/index.m3u8" }
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
    /// `EXT-X-TARGETDURATION` of every media playlist: the longest segment in whole seconds, rounded up, so that none is
    /// longer however a player rounds (RFC 8216bis, section 4.4.3.1, would let 4.4 s pass for 4).
    public let targetDuration: Int
    /// The longest segment, `MPD@minBufferTime`.
    public let longestSegmentDuration: MediaTime
    public let duration: MediaTime

    public static let masterPlaylistPath = "master.m3u8"
    public static let manifestPath = "manifest.mpd"

    /// Cuts the tracks into segments and measures these.
    /// - Parameters:
    ///   - tracks: in the order in which playlists and manifests list them. All times share one origin; what the
    ///     earliest track shows first becomes the start, unless tracks begin before zero (their edit lists skip that).
    ///   - targetSeconds: segments begin at the first common key frame past each multiple of it; 1 to 30.
    public init(
        tracks: [(description: TrackDescription, samples: [Sample])], targetSeconds: Int = defaultTarget
    ) throws(PackagingError) {
        guard (1...30).contains(targetSeconds) else {
            throw PackagingError(.limitExceeded, "segments of \(targetSeconds) s; 1 to 30 are packaged")
        }
        guard (1...Presentation.maximumTracks).contains(tracks.count) else {
            throw PackagingError(
                .limitExceeded, "\(tracks.count) tracks; 1 to \(Presentation.maximumTracks) are packaged")
        }
        let names = Dictionary(grouping: tracks, by: \.description.name).filter { $0.value.count > 1 }.keys.sorted()
        guard names.isEmpty else {
            throw PackagingError(.trackInvalid, "several tracks are named \(names.joined(separator: ", "))")
        }
        let timelines = Presentation.aligned(
            try tracks.map { track throws(PackagingError) in try Timeline(track) })
        let target = MediaTime(Int64(targetSeconds), scale: 1)
        let cuts = try Presentation.cuts(of: timelines, target: target)
        let cutTracks = try timelines.map { timeline throws(PackagingError) in try timeline.segments(at: cuts) }

        var longest = MediaTime.zero
        for (timeline, segments) in zip(timelines, cutTracks) {
            for segment in segments { longest = max(longest, timeline.time(segment.duration)) }
        }
        guard longest <= MediaTime(Int64(Presentation.longestSegment), scale: 1) else {
            throw PackagingError(
                .limitExceeded,
                "a segment of \(longest.seconds) s: key frames that all video tracks share must come at least every "
                    + "\(Presentation.longestSegment) s")
        }
        let targetDuration = max(1, Int(longest.ticksRoundedUp(scale: 1)))
        self.targetDuration = targetDuration
        longestSegmentDuration = longest
        duration = timelines.map { $0.time($0.end) }.max() ?? .zero
        self.tracks = zip(timelines, cutTracks).map { timeline, segments in
            let rates = SegmentBitRates(
                segments: segments.map { ($0.size, $0.duration) }, timeScale: timeline.description.timeScale)
            return PackagedTrack(
                description: timeline.description, samples: timeline.samples, segments: segments,
                peakBitRate: rates.peak(targetDuration: targetDuration), averageBitRate: rates.average,
                dashBandwidth: rates.bandwidth(minBufferTime: longest), end: timeline.end,
                skippedTicks: timeline.skippedTicks, frameRate: timeline.frameRate)
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
