/// A table of a full box: entries of one width behind their count, read in pieces.
struct EntryTable: Sendable {
    private let source: any StoredBytes
    private let start: Int
    let count: Int
    let width: Int
    private var window: [UInt8] = []
    private var first = 0

    /// Bytes in memory at a time.
    private static let windowSize = 16 << 10

    /// - Parameters:
    ///   - box: the content of the whole box.
    ///   - head: bytes in front of the count, version and flags among them.
    /// - Throws: `samplesInvalid` where the box does not hold as many entries as it says.
    init(
        _ box: BoxWalk.Found, head: Int = 4, width: Int, of source: any StoredBytes
    ) throws(PackagingError) {
        let fields = box.content.prefix(head + 4)
        guard fields.count == head + 4 else {
            throw PackagingError(.samplesInvalid, "the box '\(box.type)' at byte \(box.whole.lowerBound) is cut off")
        }
        let bytes = try source.bytes(fields)
        count = BoxTree.number(bytes, at: head, 4)
        start = fields.upperBound
        guard count <= (box.content.upperBound - start) / width else {
            throw PackagingError(
                .samplesInvalid,
                "the box '\(box.type)' at byte \(box.whole.lowerBound) promises \(count) entries and holds "
                    + "\((box.content.upperBound - start) / width)")
        }
        self.width = width
        self.source = source
    }

    /// A number of an entry, of four or eight bytes; beyond 63 bits the largest.
    /// - Parameter index: within `0..<count`.
    mutating func number(_ index: Int, at offset: Int = 0, bytes: Int = 4) throws(PackagingError) -> Int {
        if index < first || (index - first + 1) * width > window.count {
            let held = min(count - index, EntryTable.windowSize / width)
            window = try source.bytes(start + index * width..<start + (index + held) * width)
            first = index
        }
        let place = (index - first) * width + offset
        return window.withUnsafeBytes { window in
            bytes == 8
                ? Int(clamping: UInt64(bigEndian: window.loadUnaligned(fromByteOffset: place, as: UInt64.self)))
                : Int(UInt32(bigEndian: window.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
        }
    }
}

/// A track's sample tables (ISO/IEC 14496-12, 8.6 and 8.7): how long samples are decoded and shown, how large they are and
/// where they lie.
struct SampleTables: Sendable {
    let count: Int
    /// Of all samples, where they have one size.
    let size: Int?
    var sizes: EntryTable?
    /// `stts`: counts and durations.
    var durations: EntryTable?
    /// `ctts`: counts and offsets.
    var offsets: EntryTable?
    /// `stss`: numbers of sync samples; nil where all are.
    var syncs: EntryTable?
    /// `stsc`: first chunk, samples a chunk, sample description.
    var runs: EntryTable?
    /// `stco` or `co64`.
    var chunks: EntryTable?

    init(_ stbl: Range<Int>, of source: any StoredBytes) throws(PackagingError) {
        var sizes: EntryTable?
        var count = 0
        var size: Int?
        var (durations, offsets, syncs): (EntryTable?, EntryTable?, EntryTable?)
        var (runs, chunks): (EntryTable?, EntryTable?)
        try MovieFile.forEach(in: stbl, of: source) { box throws(PackagingError) in
            switch box.type {
            case "stts": durations = try EntryTable(box, width: 8, of: source)
            case "ctts": offsets = try EntryTable(box, width: 8, of: source)
            case "stss": syncs = try EntryTable(box, width: 4, of: source)
            case "stsc": runs = try EntryTable(box, width: 12, of: source)
            case "stco": chunks = try EntryTable(box, width: 4, of: source)
            case "co64": chunks = try EntryTable(box, width: 8, of: source)
            case "stsz":
                let fields = box.content.prefix(12)
                guard fields.count == 12 else {
                    throw PackagingError(
                        .samplesInvalid, "the box 'stsz' at byte \(box.whole.lowerBound) is cut off")
                }
                let bytes = try source.bytes(fields)
                count = BoxTree.number(bytes, at: 8, 4)
                let one = BoxTree.number(bytes, at: 4, 4)
                // A table that comes twice holds as it came last.
                size = one == 0 ? nil : one
                sizes = one == 0 ? try EntryTable(box, head: 8, width: 4, of: source) : nil
            case "stz2":
                throw PackagingError(
                    .limitExceeded, "sample sizes in a compact table ('stz2') are not read: remultiplex the file")
            default: break
            }
        }
        guard count <= SampleIndex.maximumCount else {
            throw PackagingError(
                .limitExceeded, "a track of \(count) samples; up to \(SampleIndex.maximumCount) are read")
        }
        self.count = count
        self.size = size
        self.sizes = sizes
        self.durations = durations
        self.offsets = offsets
        self.syncs = syncs
        self.runs = runs
        self.chunks = chunks
    }

    /// Ticks of all samples together.
    func duration() throws(PackagingError) -> Int64 {
        guard var table = durations else { return 0 }
        var sum: Int64 = 0
        for index in 0..<table.count {
            // Each has 32 bits: their product may have one more than fits.
            let (ticks, overflow) = try table.number(index).multipliedReportingOverflow(by: table.number(index, at: 4))
            guard !overflow, ticks < Int(SampleIndex.timeLimit) - Int(sum) else {
                throw PackagingError(.samplesInvalid, "the samples' durations add up to what no film reaches")
            }
            sum += Int64(ticks)
        }
        return sum
    }
}

/// A sample where it lies in its file.
public struct MovieSample: Sendable, Hashable {
    /// On the time line of the first edit, in ticks of the track.
    public var decodeTime: Int64
    public var presentationTime: Int64
    /// How long it is decoded, in ticks.
    public var duration: Int64
    public var isSync: Bool
    /// In bytes of the file.
    public var data: Range<Int>
}

/// Goes over the samples that the tables of `moov` describe.
struct TableCursor: Sendable {
    private var tables: SampleTables
    private let fileSize: Int
    private var place = 0
    /// Ticks from the media's zero.
    private(set) var decodeTime: Int64 = 0
    private var duration = RunCursor()
    private var offset = RunCursor()
    private var nextSync = 0
    private var chunk = -1
    private var run = 0
    private var leftInChunk = 0
    private var position = 0

    init(_ tables: SampleTables, fileSize: Int) {
        self.tables = tables
        self.fileSize = fileSize
    }

    /// Nil behind the last.
    /// - Throws: `samplesInvalid` where the tables contradict each other or the file.
    mutating func next() throws(PackagingError) -> MovieSample? {
        guard place < tables.count else { return nil }
        if leftInChunk == 0 { try openChunk() }
        guard let ticks = try duration.next(&tables.durations) else { throw short("stts") }
        // A table of offsets that ends early says nothing of the rest.
        let shown = Int64(Int32(truncatingIfNeeded: try offset.next(&tables.offsets) ?? 0))
        var size = tables.size ?? 0
        if let own = try tables.sizes?.number(place) { size = own }
        guard position <= fileSize, size <= fileSize - position else {
            throw PackagingError(
                .samplesInvalid,
                "the file is damaged or cut off: its tables promise more than there is (sample \(place + 1), byte "
                    + "\(position))")
        }
        let sample = MovieSample(
            decodeTime: decodeTime, presentationTime: decodeTime + shown, duration: Int64(ticks),
            isSync: try isSync(), data: position..<position + size)
        decodeTime += Int64(ticks)
        guard decodeTime < Int64(SampleIndex.timeLimit) else {
            throw PackagingError(.samplesInvalid, "sample \(place + 1) ends at \(decodeTime), which no film reaches")
        }
        position += size
        leftInChunk -= 1
        place += 1
        return sample
    }

    private func short(_ table: String) -> PackagingError {
        PackagingError(
            .samplesInvalid, "the box '\(table)' describes \(place) samples of \(tables.count)")
    }

    private mutating func isSync() throws(PackagingError) -> Bool {
        guard tables.syncs != nil else { return true }
        while let count = tables.syncs?.count, nextSync < count, let number = try tables.syncs?.number(nextSync) {
            if number > place + 1 { return false }
            nextSync += 1
            if number == place + 1 { return true }
        }
        return false
    }

    private mutating func openChunk() throws(PackagingError) {
        chunk += 1
        guard let count = tables.chunks?.count, chunk < count, let runs = tables.runs?.count, runs > 0 else {
            throw short("stco")
        }
        while run + 1 < runs, let first = try tables.runs?.number(run + 1), first <= chunk + 1 {
            guard first == chunk + 1 else { throw disordered() }
            run += 1
        }
        if chunk == 0, try tables.runs?.number(0) != 1 { throw disordered() }
        leftInChunk = try tables.runs?.number(run, at: 4) ?? 0
        guard leftInChunk > 0 else {
            throw PackagingError(.samplesInvalid, "the box 'stsc' gives chunk \(chunk + 1) no samples")
        }
        // Those who wrote none meant the first.
        guard let description = try tables.runs?.number(run, at: 8), description <= 1 else {
            throw PackagingError(
                .trackInvalid,
                "the codec's configuration changes: sample \(place + 1) has another than the first of the file's sample "
                    + "descriptions")
        }
        let width = tables.chunks?.width ?? 0
        position = try tables.chunks?.number(chunk, bytes: width) ?? 0
    }

    private func disordered() -> PackagingError {
        PackagingError(.samplesInvalid, "the entries of the box 'stsc' are in no order")
    }
}

/// Goes over a table of counts and values.
private struct RunCursor: Sendable {
    private var entry = 0
    private var left = 0
    private var value = 0

    /// Nil behind the last entry, and of no table.
    mutating func next(_ table: inout EntryTable?) throws(PackagingError) -> Int? {
        while left == 0 {
            guard let count = table?.count, entry < count else { return nil }
            left = try table?.number(entry) ?? 0
            value = try table?.number(entry, at: 4) ?? 0
            entry += 1
        }
        left -= 1
        return value
    }
}
