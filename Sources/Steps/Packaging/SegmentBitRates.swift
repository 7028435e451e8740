/// Measured bit rates of a track's segments, from the sizes of the files as they are sent.
struct SegmentBitRates {
    /// Bytes and duration in ticks of each segment.
    let segments: [(bytes: Int, duration: Int64)]
    let timeScale: Int

    /// Bits a second over all segments, rounded up.
    var average: Int {
        rate(
            bytes: segments.reduce(0) { $0 + $1.bytes }, duration: segments.reduce(0) { $0 + $1.duration })
    }

    /// The peak segment bit rate: the largest bit rate of any contiguous set of segments whose total duration is
    /// between 0.5 and 1.5 times the target duration (RFC 8216bis, 4.4.6.2). A track too short to have such a set has
    /// its average.
    func peak(targetDuration: Int) -> Int {
        let shortest = Int64(targetDuration) * Int64(timeScale)
        var peak: Int?
        for first in segments.indices {
            var bytes = 0
            var duration: Int64 = 0
            for segment in segments[first...] {
                bytes += segment.bytes
                duration += segment.duration
                if duration * 2 > shortest * 3 { break }
                if duration * 2 >= shortest { peak = max(peak ?? 0, rate(bytes: bytes, duration: duration)) }
            }
        }
        return peak ?? average
    }

    /// `Representation@bandwidth` (ISO/IEC 23009-1, 5.3.5.2): the smallest rate at which a client that starts at any
    /// segment and buffers for `minBufferTime` never runs dry, each segment being there when its first picture is due.
    func bandwidth(minBufferTime: MediaTime) -> Int {
        var low = 1
        var high = segments.reduce(1) { max($0, rate(bytes: $1.bytes, duration: 1)) }
        while low < high {
            let middle = low + (high - low) / 2
            if suffices(middle, minBufferTime: minBufferTime) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Bits of segments i...j <= rate * (minBufferTime + duration of segments i..<j), for all i <= j, in one pass:
    /// what is sent by the end of j, less what the rate brings by its start, may not exceed the same before i by more
    /// than the first buffer. In bit-ticks, times the buffer's scale.
    private func suffices(_ bitRate: Int, minBufferTime: MediaTime) -> Bool {
        let buffer = Int128(bitRate) * Int128(minBufferTime.value) * Int128(timeScale)
        var sent: Int128 = 0
        var brought: Int128 = 0
        var lowest: Int128?
        for segment in segments {
            let before = sent - brought
            lowest = min(lowest ?? before, before)
            sent += Int128(segment.bytes) * 8 * Int128(timeScale)
            if (sent - brought - (lowest ?? before)) * Int128(minBufferTime.scale) > buffer { return false }
            brought += Int128(bitRate) * Int128(segment.duration)
        }
        return true
    }

    private func rate(bytes: Int, duration: Int64) -> Int {
        guard duration > 0 else { return 0 }
        let bitTicks = Int128(bytes) * 8 * Int128(timeScale)
        return Int((bitTicks + Int128(duration) - 1) / Int128(duration))
    }
}
