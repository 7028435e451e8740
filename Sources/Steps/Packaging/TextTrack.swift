/// One subtitle with its time on the presentation's time line, in milliseconds.
public struct TextCue: Sendable, Hashable {
    public var start: Int64
    public var end: Int64
    public var identifier: String
    /// `align:start line:90%` and the like, as they stand behind the times.
    public var settings: String
    /// Lines of WebVTT cue text.
    public var text: String

    public init(start: Int64, end: Int64, identifier: String = "", settings: String = "", text: String) {
        self.start = start
        self.end = end
        self.identifier = identifier
        self.settings = settings
        self.text = text
    }
}

/// Subtitles or captions of one language.
public struct TextTrack: Sendable, Hashable {
    public let name: String
    public let language: LanguageTag
    public let role: TrackRole
    /// STYLE and REGION blocks, as they stand.
    public let blocks: [String]
    /// Ascending by start.
    public let cues: [TextCue]

    /// - Throws: `trackInvalid` for a name that is none.
    public init(
        name: String, language: LanguageTag, role: TrackRole = .subtitle, document: WebVTTDocument
    ) throws(PackagingError) {
        guard TrackDescription.isName(name) else {
            throw PackagingError(.trackInvalid, "'\(name)' is no name of a text track")
        }
        self.name = name
        self.language = language
        self.role = role
        blocks = document.blocks
        cues = document.cues.enumerated().sorted { ($0.element.start, $0.offset) < ($1.element.start, $1.offset) }
            .map(\.element)
    }
}

/// A text track cut where the pictures are cut: WebVTT segments for HLS, one file beside them for DASH.
public struct PackagedText: Sendable {
    public struct Segment: Sendable, Hashable {
        public let number: Int
        public let start: MediaTime
        public let duration: MediaTime
        public let text: String
    }

    public let track: TextTrack
    public let segments: [Segment]
    let rates: SegmentBitRates
    let peakBitRate: Int

    init(_ track: TextTrack, cuts: SegmentCuts, end: MediaTime, targetDuration: Int) {
        self.track = track
        var starts = cuts.times
        if !starts.isEmpty { starts[0] = .zero }
        let ends = Array(starts.dropFirst()) + [end]
        var segments: [Segment] = []
        var first = 0
        for (index, (from, to)) in zip(starts, ends).enumerated() {
            // A cue stands in every segment that shows it (RFC 8216bis, 3.1.4).
            let fromMilliseconds = from.ticks(scale: 1000)
            let toMilliseconds = to.ticksRoundedUp(scale: 1000)
            while first < track.cues.count, track.cues[first].end <= fromMilliseconds { first += 1 }
            let shown = track.cues[first...].prefix { $0.start < toMilliseconds }
                .filter { $0.end > fromMilliseconds }
            segments.append(
                Segment(
                    number: index + 1, start: from, duration: MediaTime(-from.value, scale: from.scale) + to,
                    text: WebVTTDocument.text(
                        blocks: track.blocks, cues: shown, head: "X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000")))
        }
        self.segments = segments
        rates = SegmentBitRates(
            segments: segments.map { ($0.text.utf8.count, $0.duration.ticks(scale: 1_000_000)) },
            timeScale: 1_000_000)
        peakBitRate = rates.peak(targetDuration: targetDuration)
    }

    public var playlistPath: String { "\(track.name)/index.m3u8" }
    public func path(of segment: Segment) -> String { "\(track.name)/seg-\(segment.number).vtt" }
    /// The whole track in one file: segmented raw WebVTT in an MPD is not played by all.
    public var wholePath: String { "\(track.name)/subtitles.vtt" }
    public var wholeText: String { WebVTTDocument.text(blocks: track.blocks, cues: track.cues, head: nil) }
}

/// Sheets of small pictures for the seek bar (DASH-IF IOP, 6.2.6).
public struct ThumbnailSheets: Sendable, Hashable {
    /// Of one tile, in pixels.
    public let width: Int
    public let height: Int
    public let columns: Int
    public let rows: Int
    /// Between tiles, in milliseconds.
    public let interval: Int64
    /// Bytes of each sheet, in order of time.
    public let sheetSizes: [Int]

    public init(width: Int, height: Int, columns: Int, rows: Int, interval: Int64, sheetSizes: [Int]) {
        self.width = width
        self.height = height
        self.columns = columns
        self.rows = rows
        self.interval = interval
        self.sheetSizes = sheetSizes
    }

    public func path(ofSheet index: Int) -> String { "thumbnails/sheet-\(index + 1).jpg" }
}
