/// A track's samples in decoding order: those of the tables first, then those of the fragments, of which one header is in
/// memory at a time.
public struct MovieSamples: Sendable {
    private let track: MovieFile.Track
    private var tables: TableCursor
    private var fragments: FragmentCursor?
    private var count = 0

    init(_ movie: MovieFile, track: MovieFile.Track) {
        self.track = track
        tables = TableCursor(track.tables, fileSize: movie.source.count)
        fragments = movie.hasFragments ? FragmentCursor(movie, track: track) : nil
    }

    /// Nil behind the last.
    /// - Throws: `samplesInvalid` where tables or fragments contradict themselves or promise more than the file has,
    ///   `limitExceeded` beyond a day of samples, `trackInvalid` where the sample description changes,
    ///   `storageUnavailable` where the file cannot be read.
    public mutating func next() throws(PackagingError) -> MovieSample? {
        var found = try tables.next()
        if found == nil { found = try fragments?.next(after: tables.decodeTime) }
        guard var sample = found else { return nil }
        count += 1
        guard count <= SampleIndex.maximumCount else {
            throw PackagingError(.limitExceeded, "more than \(SampleIndex.maximumCount) samples in one track")
        }
        sample.decodeTime -= track.editOffset
        sample.presentationTime -= track.editOffset
        return sample
    }
}

/// Goes over the samples that fragments describe (ISO/IEC 14496-12, 8.8).
struct FragmentCursor: Sendable {
    /// A `trun`.
    private struct Run {
        var fields: FieldReader
        var left: Int
        let flags: Int
        var firstFlags: Int?
        let defaults: MovieFile.FragmentDefaults
        var position: Int

        /// Nil where it holds fewer samples than it says.
        /// - Parameters:
        ///   - base: what its place counts from.
        ///   - position: where its data begins if it does not say.
        init?(_ trun: Box, _ bytes: [UInt8], defaults: MovieFile.FragmentDefaults, base: Int, position: Int) {
            fields = FieldReader(trun.content(of: bytes))
            flags = fields.versionAndFlags().flags
            left = fields.u32()
            self.defaults = defaults
            self.position = flags & 0x01 != 0 ? base + fields.i32() : position
            firstFlags = flags & 0x04 != 0 ? fields.u32() : nil
            let width = [0x100, 0x200, 0x400, 0x800].reduce(0) { $0 + (flags & $1 != 0 ? 4 : 0) }
            guard !fields.isExhausted, width == 0 || left <= fields.left / width else { return nil }
        }

        /// Size, duration, flags and offset of its next sample.
        mutating func next() -> (size: Int, duration: Int, flags: Int, offset: Int) {
            let duration = flags & 0x100 != 0 ? fields.u32() : defaults.duration
            let size = flags & 0x200 != 0 ? fields.u32() : defaults.size
            var own = flags & 0x400 != 0 ? fields.u32() : defaults.flags
            if let first = firstFlags { own = first }
            firstFlags = nil
            let offset = flags & 0x800 != 0 ? fields.i32() : 0
            left -= 1
            return (size, duration, own, offset)
        }

        /// Bytes of all samples that are left; nil beyond 63 bits.
        var size: Int? {
            guard flags & 0x200 != 0 else {
                let (size, overflow) = left.multipliedReportingOverflow(by: defaults.size)
                return overflow ? nil : size
            }
            var copy = self
            var sum = 0
            while copy.left > 0 { sum += copy.next().size }
            return sum
        }
    }

    private let source: any StoredBytes
    private let track: MovieFile.Track
    private var walk: BoxWalk
    /// Of the fragment that is open, and the one that is read.
    private var runs: [Run] = []
    private var run = 0
    private var decodeTime: Int64?

    /// Bytes of a `moof`: a film may be one fragment.
    static let maximumSize = 64 << 20
    /// Flags of samples that are no sync samples, or depend on others (8.8.3.1).
    private static let notSync = 0x1_0000 | 0x100_0000

    init(_ movie: MovieFile, track: MovieFile.Track) {
        source = movie.source
        self.track = track
        walk = BoxWalk(movie.source)
    }

    /// - Parameter end: of the samples before the fragments, in ticks of the media.
    mutating func next(after end: Int64) throws(PackagingError) -> MovieSample? {
        while run == runs.count || runs[run].left == 0 {
            if run < runs.count {
                run += 1
            } else {
                guard try openFragment() else { return nil }
            }
        }
        let time = decodeTime ?? end
        let position = runs[run].position
        let (size, duration, flags, offset) = runs[run].next()
        runs[run].position = position + size
        let following = time + Int64(duration)
        guard following < Int64(SampleIndex.timeLimit) else {
            throw PackagingError(.samplesInvalid, "a sample ends at \(following), which no film reaches")
        }
        decodeTime = following
        return MovieSample(
            decodeTime: time, presentationTime: time + Int64(offset), duration: Int64(duration),
            isSync: flags & FragmentCursor.notSync == 0, data: position..<position + size)
    }

    /// Reads the next `moof`; false behind the last.
    private mutating func openFragment() throws(PackagingError) -> Bool {
        runs.removeAll(keepingCapacity: true)
        run = 0
        while let box = try walk.next() {
            guard box.type == "moof" else { continue }
            let bytes = try MovieFile.whole(box.whole, of: source, limit: FragmentCursor.maximumSize)
            let tree: [Box]
            do {
                tree = try BoxTree.read(bytes)
            } catch {
                throw PackagingError(
                    .samplesInvalid, "the fragment at byte \(box.whole.lowerBound) is damaged or cut off: \(error)")
            }
            try read(tree, bytes, at: box.whole.lowerBound)
            return true
        }
        return false
    }

    private mutating func read(_ tree: [Box], _ bytes: [UInt8], at start: Int) throws(PackagingError) {
        func invalid(_ what: String) -> PackagingError {
            PackagingError(.samplesInvalid, "the fragment at byte \(start) \(what)")
        }
        // Where the data of the track fragment before ends.
        var implicit = start
        for traf in tree.first?.children ?? [] where traf.type == "traf" {
            guard let tfhd = traf.first("tfhd") else { throw invalid("has a 'traf' without 'tfhd'") }
            var fields = FieldReader(tfhd.content(of: bytes))
            let flags = fields.versionAndFlags().flags
            let id = fields.u32()
            var base = flags & 0x2_0000 != 0 ? start : implicit
            if flags & 0x01 != 0 { base = fields.u64() }
            var defaults = track.defaults
            if flags & 0x02 != 0 { defaults.description = fields.u32() }
            if flags & 0x08 != 0 { defaults.duration = fields.u32() }
            if flags & 0x10 != 0 { defaults.size = fields.u32() }
            if flags & 0x20 != 0 { defaults.flags = fields.u32() }
            guard !fields.isExhausted, base <= source.count else { throw invalid("has a damaged 'tfhd'") }
            if id == track.id {
                guard defaults.description <= 1 else {
                    throw PackagingError(
                        .trackInvalid,
                        "the codec's configuration changes: the fragment at byte \(start) has another than the first of the "
                            + "file's sample descriptions")
                }
                if let tfdt = traf.first("tfdt") {
                    var fields = FieldReader(tfdt.content(of: bytes))
                    let time = fields.versionAndFlags().version == 1 ? fields.u64() : fields.u32()
                    guard !fields.isExhausted, time < Int(SampleIndex.timeLimit) else {
                        throw invalid("begins at \(time), which no film reaches")
                    }
                    // A second track fragment of one track goes on.
                    if runs.isEmpty { decodeTime = Int64(time) }
                }
            }
            var position = base
            for trun in traf.children where trun.type == "trun" {
                guard let run = Run(trun, bytes, defaults: defaults, base: base, position: position) else {
                    throw invalid("has a 'trun' that promises more samples than it holds")
                }
                guard run.position >= 0, run.position <= source.count, let size = run.size,
                    size <= source.count - run.position
                else {
                    throw PackagingError(
                        .samplesInvalid,
                        "the file is damaged or cut off: its tables promise more than there is (fragment at byte "
                            + "\(start))")
                }
                position = run.position + size
                if id == track.id { runs.append(run) }
            }
            implicit = position
        }
    }
}
