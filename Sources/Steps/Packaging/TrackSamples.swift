/// A track's samples in decoding order, of which one block is in memory at a time: the others lie in a scratch space, so
/// that memory does not grow with the film. Without one, as for tracks made of numbers, all are in memory.
public struct TrackSamples: Sendable {
    /// Samples that are written and read together.
    static let blockCount = 1024

    private enum Storage: Sendable {
        case memory([UInt8])
        case scratch(any ScratchSpace)
    }

    private var storage: Storage
    /// Where each block lies.
    private var blocks: [Range<Int>] = []
    public private(set) var count = 0
    /// Whether each sample has subsamples.
    let hasSubsamples: Bool
    /// Added to all decoding times, and to all composition offsets, when they are read.
    private var decodingShift: Int64 = 0
    private var offsetShift: Int64 = 0

    fileprivate init(scratch: (any ScratchSpace)?, hasSubsamples: Bool) {
        storage = scratch.map { .scratch($0) } ?? .memory([])
        self.hasSubsamples = hasSubsamples
    }

    /// All samples, in memory.
    public init(_ samples: [Sample], subsamples: SubsampleTable? = nil) {
        precondition(
            subsamples.map { $0.count == samples.count } ?? true, "every sample has subsamples, or none has")
        self.init(scratch: nil, hasSubsamples: subsamples != nil)
        var bytes: [UInt8] = []
        for first in stride(from: 0, to: samples.count, by: TrackSamples.blockCount) {
            let places = first..<min(first + TrackSamples.blockCount, samples.count)
            let start = bytes.count
            for place in places { Record(samples[place]).append(to: &bytes) }
            if let subsamples { for place in places { Record.append(subsamples[place], to: &bytes) } }
            blocks.append(start..<bytes.count)
        }
        storage = .memory(bytes)
        count = samples.count
    }

    fileprivate mutating func append(block: [UInt8], samples: Int) throws(PackagingError) {
        let place: Int
        switch storage {
        case .scratch(let scratch): place = try scratch.append(block)
        case .memory(var bytes):
            storage = .memory([])
            place = bytes.count
            bytes += block
            storage = .memory(bytes)
        }
        blocks.append(place..<place + block.count)
        count += samples
    }

    fileprivate func bytes(ofBlock index: Int) throws(PackagingError) -> [UInt8] {
        switch storage {
        case .scratch(let scratch): try scratch.bytes(blocks[index])
        case .memory(let bytes): Array(bytes[blocks[index]])
        }
    }

    fileprivate func sample(_ record: Record) -> Sample {
        Sample(
            decodeTime: record.decodeTime + decodingShift, duration: record.duration,
            compositionOffset: Int32(record.compositionOffset + offsetShift), size: record.size,
            isSync: record.isSync)
    }

    func movedEarlier(by ticks: Int64) -> TrackSamples {
        var moved = self
        moved.decodingShift -= ticks
        return moved
    }

    public func reader() -> Reader { Reader(self) }

    /// Samples in a row, with their subsamples.
    public struct Run: Sendable {
        /// By their place in the track.
        public let places: Range<Int>
        public let samples: [Sample]
        private let subsamples: SubsampleTable?

        public init(first: Int = 0, samples: [Sample], subsamples: SubsampleTable? = nil) {
            places = first..<first + samples.count
            self.samples = samples
            self.subsamples = subsamples
        }

        public subscript(place: Int) -> Sample { samples[place - places.lowerBound] }
        var hasSubsamples: Bool { subsamples != nil }
        /// What stays clear of a sample; nil where it is protected whole.
        public func subsamples(of place: Int) -> ArraySlice<Subsample>? { subsamples?[place - places.lowerBound] }
        var payloadSize: Int { samples.reduce(0) { $0 + Int($1.size) } }
    }

    /// Reads samples, best in order: one block stays in memory.
    public struct Reader: Sendable {
        private let samples: TrackSamples
        private var index: Int?
        private var block: [UInt8] = []
        /// Where each sample's subsamples begin in the block.
        private var parts: [Int] = []

        fileprivate init(_ samples: TrackSamples) { self.samples = samples }

        private mutating func open(_ wanted: Int) throws(PackagingError) {
            guard index != wanted else { return }
            index = nil
            block = try samples.bytes(ofBlock: wanted)
            index = wanted
            guard samples.hasSubsamples else { return }
            let first = wanted * TrackSamples.blockCount
            let held = min(TrackSamples.blockCount, samples.count - first)
            var place = held * Record.size
            parts.removeAll(keepingCapacity: true)
            for _ in 0..<held {
                parts.append(place)
                place += 1 + Int(block[place]) * Record.partSize
            }
        }

        public mutating func sample(_ place: Int) throws(PackagingError) -> Sample {
            precondition(place >= 0 && place < samples.count, "the track has no sample \(place)")
            try open(place / TrackSamples.blockCount)
            return samples.sample(Record(block, at: place % TrackSamples.blockCount))
        }

        /// - Parameter places: within `0..<count`.
        public mutating func run(_ places: Range<Int>) throws(PackagingError) -> Run {
            var found: [Sample] = []
            found.reserveCapacity(places.count)
            var table = samples.hasSubsamples ? SubsampleTable() : nil
            for place in places {
                found.append(try sample(place))
                if table != nil {
                    try table?.append(Record.subsamples(block, at: parts[place % TrackSamples.blockCount]))
                }
            }
            return Run(first: places.lowerBound, samples: found, subsamples: table)
        }
    }
}

/// A sample as it is kept; the times are those it was added with.
private struct Record {
    var decodeTime: Int64
    var compositionOffset: Int64
    var duration: UInt32
    var size: UInt32
    var isSync: Bool

    static let size = 25
    /// Of a subsample.
    static let partSize = 6

    init(_ sample: Sample) {
        self.init(
            decodeTime: sample.decodeTime, compositionOffset: Int64(sample.compositionOffset),
            duration: sample.duration, size: sample.size, isSync: sample.isSync)
    }

    init(decodeTime: Int64, compositionOffset: Int64, duration: UInt32, size: UInt32, isSync: Bool) {
        self.decodeTime = decodeTime
        self.compositionOffset = compositionOffset
        self.duration = duration
        self.size = size
        self.isSync = isSync
    }

    init(_ block: [UInt8], at index: Int) {
        let place = index * Record.size
        self = block.withUnsafeBytes { bytes in
            Record(
                decodeTime: bytes.loadUnaligned(fromByteOffset: place, as: Int64.self),
                compositionOffset: bytes.loadUnaligned(fromByteOffset: place + 8, as: Int64.self),
                duration: bytes.loadUnaligned(fromByteOffset: place + 16, as: UInt32.self),
                size: bytes.loadUnaligned(fromByteOffset: place + 20, as: UInt32.self), isSync: bytes[place + 24] == 1)
        }
    }

    func append(to bytes: inout [UInt8]) {
        withUnsafeBytes(of: decodeTime) { bytes += $0 }
        withUnsafeBytes(of: compositionOffset) { bytes += $0 }
        withUnsafeBytes(of: duration) { bytes += $0 }
        withUnsafeBytes(of: size) { bytes += $0 }
        bytes.append(isSync ? 1 : 0)
    }

    /// A count in a byte: ``SubsampleTable`` takes 40.
    static func append(_ parts: ArraySlice<Subsample>, to bytes: inout [UInt8]) {
        bytes.append(UInt8(parts.count))
        for part in parts {
            withUnsafeBytes(of: part.clear) { bytes += $0 }
            withUnsafeBytes(of: part.protected) { bytes += $0 }
        }
    }

    static func subsamples(_ block: [UInt8], at place: Int) -> [Subsample] {
        block.withUnsafeBytes { bytes in
            (0..<Int(bytes[place])).map { index in
                let start = place + 1 + index * partSize
                return Subsample(
                    clear: bytes.loadUnaligned(fromByteOffset: start, as: UInt16.self),
                    protected: bytes.loadUnaligned(fromByteOffset: start + 2, as: UInt32.self))
            }
        }
    }
}

/// Collects a track's samples in decoding order and gives them the times they are packaged with.
///
/// The least composition offset becomes zero, so that decoding runs ahead of presentation by no more than reordering
/// needs, and an edit list skips what that puts before the start. Negative offsets without an edit list (CMAF's `cmf2`)
/// say the same in less, but libavformat reads them late by the reordering delay, and so do the players built on it.
public struct SampleIndex: Sendable {
    /// Samples a track may have: a day of 60 frames a second.
    public static let maximumCount = 24 * 3600 * 60
    /// Bytes a sample may have.
    public static let maximumSize = 256 << 20

    /// Ticks from zero that no time may reach: sums with other time scales then stay within 128 bits, differences
    /// within 64, and every field holds its value.
    static let timeLimit: UInt64 = 1 << 53

    private var samples: TrackSamples
    private var records: [UInt8] = []
    private var parts: [UInt8] = []
    private var pending = 0
    /// The latest sample, which waits for its duration, and the one before.
    private var last: Record?
    private var durationBefore: UInt32?
    private var first: (decodeTime: Int64, isSync: Bool)?
    private var offsets: ClosedRange<Int64> = 0...0
    /// The first duration that does not fit its field.
    private var unfit: (sample: Int, duration: Int64)?
    public private(set) var count = 0

    /// - Parameters:
    ///   - scratch: where samples are kept; nil keeps them in memory.
    ///   - hasSubsamples: whether samples come with what stays clear of each.
    public init(scratch: (any ScratchSpace)? = nil, hasSubsamples: Bool = false) {
        samples = TrackSamples(scratch: scratch, hasSubsamples: hasSubsamples)
    }

    /// Adds the next sample in decoding order; times as the file gives them, in the track's time scale.
    /// - Parameter subsamples: what stays clear of it, where samples come with that.
    public mutating func append(
        decodeTime: Int64, presentationTime: Int64, size: Int, isSync: Bool, subsamples: [Subsample]? = nil
    ) throws(PackagingError) {
        precondition((subsamples != nil) == samples.hasSubsamples, "every sample has subsamples, or none has")
        guard count < SampleIndex.maximumCount else {
            throw PackagingError(.limitExceeded, "more than \(SampleIndex.maximumCount) samples in one track")
        }
        guard size > 0, size <= SampleIndex.maximumSize else {
            throw PackagingError(
                .limitExceeded,
                "sample \(count + 1) has \(size) bytes; 1 to \(SampleIndex.maximumSize) are packaged")
        }
        guard decodeTime.magnitude < SampleIndex.timeLimit, presentationTime.magnitude < SampleIndex.timeLimit else {
            throw PackagingError(
                .limitExceeded,
                "sample \(count + 1) has decoding time \(decodeTime) and presentation time "
                    + "\(presentationTime), which no film reaches")
        }
        if let last, decodeTime <= last.decodeTime {
            throw PackagingError(
                .samplesInvalid,
                "sample \(count + 1) has decoding time \(decodeTime), which is not after \(last.decodeTime)")
        }
        if let subsamples, subsamples.count > SubsampleTable.maximumParts {
            throw SubsampleTable.tooMany(subsamples.count, sample: count + 1)
        }
        try keepLast(until: decodeTime)
        let offset = presentationTime - decodeTime
        if first == nil {
            first = (decodeTime, isSync)
            offsets = offset...offset
        }
        offsets = min(offsets.lowerBound, offset)...max(offsets.upperBound, offset)
        last = Record(
            decodeTime: decodeTime, compositionOffset: offset, duration: 0, size: UInt32(size), isSync: isSync)
        if let subsamples { Record.append(subsamples[...], to: &parts) }
        count += 1
    }

    /// Writes the latest sample down, now that its duration is known.
    private mutating func keepLast(until time: Int64) throws(PackagingError) {
        guard var record = last else { return }
        let duration = time - record.decodeTime
        if UInt32(exactly: duration) == nil, unfit == nil { unfit = (count, duration) }
        record.duration = UInt32(clamping: duration)
        record.append(to: &records)
        durationBefore = record.duration
        pending += 1
        last = nil
        if pending == TrackSamples.blockCount { try flush() }
    }

    private mutating func flush() throws(PackagingError) {
        guard pending > 0 else { return }
        try samples.append(block: records + parts, samples: pending)
        records.removeAll(keepingCapacity: true)
        parts.removeAll(keepingCapacity: true)
        pending = 0
    }

    /// The samples with durations and packaging times.
    /// - Parameter mediaDuration: from the first decoding time to the end of the last sample, where the container
    ///   tells; the last sample then takes what is left, else as long as the one before it (a single one: one tick).
    public consuming func finish(mediaDuration: Int64?) throws(PackagingError) -> TrackSamples {
        guard let first, let last else { throw PackagingError(.samplesInvalid, "the track has no samples") }
        guard first.isSync else {
            throw PackagingError(.samplesInvalid, "the track's first sample is no key frame")
        }
        let length = last.decodeTime - first.decodeTime
        var lastDuration = durationBefore.map { Int64($0) } ?? 1
        if let mediaDuration, mediaDuration > length { lastDuration = mediaDuration - length }
        try keepLast(until: last.decodeTime + lastDuration)
        try flush()
        if let unfit {
            throw PackagingError(
                .limitExceeded, "sample \(unfit.sample): duration \(unfit.duration) does not fit 32 bits")
        }
        guard Int32(exactly: offsets.upperBound - offsets.lowerBound) != nil else {
            throw PackagingError(
                .limitExceeded,
                "composition offsets from \(offsets.lowerBound) to \(offsets.upperBound) do not fit 32 bits")
        }
        return samples.shifted(by: offsets.lowerBound)
    }
}

extension TrackSamples {
    /// Decodes all later, and shows all at the same time.
    fileprivate func shifted(by ticks: Int64) -> TrackSamples {
        var moved = self
        moved.decodingShift += ticks
        moved.offsetShift -= ticks
        return moved
    }
}
