/// An ISO base media file (ISO/IEC 14496-12) or QuickTime movie as its headers describe it. Of its sample tables only the
/// places are known: ``samples(of:)`` reads them piece by piece, so that memory does not depend on the film's length.
public struct MovieFile: Sendable {
    /// What is read of a track's headers.
    public struct Track: Sendable {
        public let id: Int
        /// Ticks a second.
        public let timeScale: Int
        /// `vide`, `soun`, `text` and so on.
        public let handler: String
        /// The whole `stsd` box.
        public let sampleDescriptions: [UInt8]
        /// Ticks that the first edit begins after the media's zero, less those it delays the track.
        public let editOffset: Int64
        /// From the first decoding time to the end of the last sample by the headers; nil where they do not say, as in files
        /// of fragments.
        public let mediaDuration: Int64?
        /// The tracks in which its chapters are, by their ids (`tref`, 8.3.3).
        let chapters: [Int]
        /// Where `trak` lies.
        let place: Range<Int>
        let tables: SampleTables
        let defaults: FragmentDefaults
    }

    /// What `trex` says for fragments (8.8.3).
    struct FragmentDefaults: Sendable {
        var description = 1
        var duration = 0
        var size = 0
        var flags = 0
    }

    public static let maximumTracks = 64
    /// Bytes of one header box that is read whole.
    static let maximumHeader = 4 << 20

    public let source: any StoredBytes
    public let tracks: [Track]
    /// Ticks a second of edit lists' durations.
    let timeScale: Int
    let movie: Range<Int>
    let fileType: Range<Int>?
    /// Whether samples lie in fragments, too (`mvex`).
    let hasFragments: Bool

    /// What a file may begin with.
    private static let firstTypes: Set<String> = [
        "ftyp", "styp", "moov", "mdat", "free", "skip", "wide", "moof", "sidx", "uuid", "pnot",
    ]

    /// Reads the headers; nil where there is no `moov`, as in all that is no such file.
    /// - Throws: `samplesInvalid` where they contradict themselves, `limitExceeded` where there is more of something than is
    ///   taken, `trackInvalid` for an edit list that puts the film together from several parts.
    public init?(_ source: any StoredBytes) throws(PackagingError) {
        var walk = BoxWalk(source)
        var fileType: Range<Int>?
        var found: Range<Int>?
        while found == nil, let box = try walk.next() {
            guard box.whole.lowerBound > 0 || MovieFile.firstTypes.contains(box.type) else { return nil }
            if box.type == "ftyp" { fileType = box.whole }
            guard box.type == "moov" else { continue }
            guard box.isComplete else {
                throw PackagingError(.samplesInvalid, "the file is cut off in its index (moov)")
            }
            found = box.content
        }
        guard let movie = found else { return nil }
        self.source = source
        self.movie = movie
        self.fileType = fileType
        var scale = 0
        var traks: [Range<Int>] = []
        var defaults: [Int: FragmentDefaults] = [:]
        var isFragmented = false
        try MovieFile.forEach(in: movie, of: source) { box throws(PackagingError) in
            switch box.type {
            case "mvhd":
                var fields = FieldReader(try MovieFile.whole(box.content, of: source)[...])
                _ = fields.raw(fields.versionAndFlags().version == 1 ? 16 : 8)
                scale = fields.u32()
            case "trak":
                guard traks.count < MovieFile.maximumTracks else {
                    throw PackagingError(.limitExceeded, "the file has more than \(MovieFile.maximumTracks) tracks")
                }
                traks.append(box.content)
            case "mvex":
                isFragmented = true
                try MovieFile.forEach(in: box.content, of: source) { box throws(PackagingError) in
                    guard box.type == "trex" else { return }
                    var fields = FieldReader(try MovieFile.whole(box.content, of: source)[...])
                    _ = fields.u32()
                    let id = fields.u32()
                    defaults[id] = FragmentDefaults(
                        description: fields.u32(), duration: fields.u32(), size: fields.u32(), flags: fields.u32())
                }
            default: break
            }
        }
        timeScale = scale
        hasFragments = isFragmented
        var tracks: [Track] = []
        for trak in traks {
            tracks.append(try MovieFile.track(trak, of: source, movieScale: scale, defaults, isFragmented))
        }
        self.tracks = tracks
    }

    /// Whether a track holds the names or pictures of another one's chapters, and nothing that is shown with the film.
    /// - Parameter index: of the track in ``tracks``.
    public func holdsChapters(_ index: Int) -> Bool { tracks.contains { $0.chapters.contains(tracks[index].id) } }

    /// A track's samples in decoding order, from the first.
    /// - Parameter index: of the track in ``tracks``.
    public func samples(of index: Int) -> MovieSamples { MovieSamples(self, track: tracks[index]) }

    static func forEach(
        in range: Range<Int>, of source: any StoredBytes, _ visit: (BoxWalk.Found) throws(PackagingError) -> Void
    ) throws(PackagingError) {
        var walk = BoxWalk(source, in: range)
        while let box = try walk.next() { try visit(box) }
    }

    /// A header box that is read whole.
    static func whole(
        _ range: Range<Int>, of source: any StoredBytes, limit: Int = maximumHeader
    ) throws(PackagingError) -> [UInt8] {
        guard range.count <= limit else {
            throw PackagingError(.limitExceeded, "a header box at byte \(range.lowerBound) has \(range.count) bytes")
        }
        return try source.bytes(range)
    }

    private static func track(
        _ trak: Range<Int>, of source: any StoredBytes, movieScale: Int, _ defaults: [Int: FragmentDefaults],
        _ isFragmented: Bool
    ) throws(PackagingError) -> Track {
        func content(_ way: String...) throws(PackagingError) -> [UInt8]? {
            guard let box = try BoxWalk.descendant(way, in: trak, of: source) else { return nil }
            return try whole(box.content, of: source)
        }
        var id = 0
        if let bytes = try content("tkhd") {
            var fields = FieldReader(bytes[...])
            _ = fields.raw(fields.versionAndFlags().version == 1 ? 16 : 8)
            id = fields.u32()
        }
        var timeScale = 0
        var duration = 0
        if let bytes = try content("mdia", "mdhd") {
            var fields = FieldReader(bytes[...])
            let isLong = fields.versionAndFlags().version == 1
            _ = fields.raw(isLong ? 16 : 8)
            timeScale = fields.u32()
            duration = isLong ? fields.u64() : fields.u32()
        }
        guard timeScale > 0 else {
            throw PackagingError(.samplesInvalid, "the track at byte \(trak.lowerBound) has no time scale")
        }
        var handler = ""
        if let bytes = try content("mdia", "hdlr") {
            var fields = FieldReader(bytes[...])
            _ = fields.raw(8)
            handler = BoxTree.typeText(fields.raw(4)[...])
        }
        guard let stbl = try BoxWalk.descendant(["mdia", "minf", "stbl"], in: trak, of: source)?.content else {
            throw PackagingError(.samplesInvalid, "the track at byte \(trak.lowerBound) has no sample table")
        }
        let stsd = try BoxWalk.first("stsd", in: stbl, of: source)
        let tables = try SampleTables(stbl, of: source)
        let length = try tables.duration()
        let known = min(Int64(clamping: duration), length)
        return Track(
            id: id, timeScale: timeScale, handler: handler,
            sampleDescriptions: try stsd.map { box throws(PackagingError) in try whole(box.whole, of: source) } ?? [],
            editOffset: try content("edts", "elst").map { bytes throws(PackagingError) in
                try EditList(bytes).offset(timeScale: timeScale, movieScale: movieScale)
            } ?? 0, mediaDuration: !isFragmented && known > 0 ? known : nil,
            chapters: try chapters(trak, of: source), place: trak, tables: tables,
            defaults: defaults[id] ?? FragmentDefaults())
    }

    /// See ``Track/chapters``. Nothing else hangs on them: what is damaged names none.
    private static func chapters(_ trak: Range<Int>, of source: any StoredBytes) throws(PackagingError) -> [Int] {
        do throws(PackagingError) {
            guard let list = try BoxWalk.descendant(["tref", "chap"], in: trak, of: source)?.content else { return [] }
            var fields = FieldReader(try source.bytes(list.prefix(4 * maximumTracks))[...])
            var chapters: [Int] = []
            while fields.left >= 4 { chapters.append(fields.u32()) }
            return chapters
        } catch {
            guard error.code == .samplesInvalid || error.code == .limitExceeded else { throw error }
            return []
        }
    }
}
