/// One coded frame of a track, as sample tables describe it (ISO/IEC 14496-12, 8.6). Times are in the track's time
/// scale; 24 bytes each, so that the index of a whole film fits in memory while its data does not.
public struct Sample: Sendable, Hashable {
    /// When it is decoded, on the presentation's time line: the first picture shown has presentation time zero, so
    /// what is decoded before it is shown, such as an encoder's priming, has negative times.
    public var decodeTime: Int64
    public var duration: UInt32
    /// Presentation time minus decode time.
    public var compositionOffset: Int32
    /// Bytes of coded data.
    public var size: UInt32
    /// Whether decoding can start here.
    public var isSync: Bool

    public init(decodeTime: Int64, duration: UInt32, compositionOffset: Int32 = 0, size: UInt32, isSync: Bool) {
        self.decodeTime = decodeTime
        self.duration = duration
        self.compositionOffset = compositionOffset
        self.size = size
        self.isSync = isSync
    }

    public var presentationTime: Int64 { decodeTime + Int64(compositionOffset) }
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

    private struct Entry {
        var decodeTime: Int64
        var presentationTime: Int64
        var size: UInt32
        var isSync: Bool
    }

    private var entries: [Entry] = []

    public init() {}

    public var count: Int { entries.count }

    /// Adds the next sample in decoding order; times as the demuxer gives them, in the track's time scale.
    public mutating func append(
        decodeTime: Int64, presentationTime: Int64, size: Int, isSync: Bool
    ) throws(PackagingError) {
        guard entries.count < SampleIndex.maximumCount else {
            throw PackagingError(.limitExceeded, "more than \(SampleIndex.maximumCount) samples in one track")
        }
        guard size > 0, size <= SampleIndex.maximumSize else {
            throw PackagingError(
                .limitExceeded,
                "sample \(entries.count + 1) has \(size) bytes; 1 to \(SampleIndex.maximumSize) are packaged")
        }
        guard decodeTime.magnitude < SampleIndex.timeLimit, presentationTime.magnitude < SampleIndex.timeLimit else {
            throw PackagingError(
                .limitExceeded,
                "sample \(entries.count + 1) has decoding time \(decodeTime) and presentation time "
                    + "\(presentationTime), which no film reaches")
        }
        if let last = entries.last, decodeTime <= last.decodeTime {
            throw PackagingError(
                .samplesInvalid,
                "sample \(entries.count + 1) has decoding time \(decodeTime), which is not after \(last.decodeTime)")
        }
        entries.append(
            Entry(
                decodeTime: decodeTime, presentationTime: presentationTime, size: UInt32(size), isSync: isSync))
    }

    /// The samples with durations and packaging times.
    /// - Parameter mediaDuration: from the first decoding time to the end of the last sample, where the container
    ///   tells; the last sample then takes what is left, else as long as the one before it (a single one: one tick).
    public func samples(mediaDuration: Int64?) throws(PackagingError) -> [Sample] {
        guard let first = entries.first, let last = entries.last else {
            throw PackagingError(.samplesInvalid, "the track has no samples")
        }
        guard first.isSync else {
            throw PackagingError(.samplesInvalid, "the track's first sample is no key frame")
        }
        let shift = entries.lazy.map { $0.presentationTime - $0.decodeTime }.min() ?? 0
        var lastDuration = entries.count > 1 ? last.decodeTime - entries[entries.count - 2].decodeTime : 1
        if let mediaDuration, mediaDuration > last.decodeTime - first.decodeTime {
            lastDuration = mediaDuration - (last.decodeTime - first.decodeTime)
        }
        var samples: [Sample] = []
        samples.reserveCapacity(entries.count)
        for (index, entry) in entries.enumerated() {
            let duration =
                index + 1 < entries.count ? entries[index + 1].decodeTime - entry.decodeTime : lastDuration
            let decodeTime = entry.decodeTime + shift
            guard let duration = UInt32(exactly: duration),
                let offset = Int32(exactly: entry.presentationTime - decodeTime)
            else {
                throw PackagingError(
                    .limitExceeded,
                    "sample \(index + 1): duration \(duration) or composition offset "
                        + "\(entry.presentationTime - decodeTime) does not fit 32 bits")
            }
            samples.append(
                Sample(
                    decodeTime: decodeTime, duration: duration, compositionOffset: offset, size: entry.size,
                    isSync: entry.isSync))
        }
        return samples
    }
}
