/// Tells a stretch of sound whose time was damaged on the way: what follows it goes on where the sound before it ended. The
/// library counts times on from packet to packet, so that one damaged time is the time of all until the next one in the file.
struct SoundClock {
    /// Ticks that a packet may come early or late by.
    let tolerance: Int64
    /// Ticks that lie between no two packets of a film.
    let longest: Int64

    /// Packets that one damaged time may stand for.
    static let longestRun = 64

    /// A packet's time and duration, in ticks.
    struct Moment {
        let time: Int64
        let duration: Int64
        var end: Int64 { time + duration }
    }

    enum Verdict: Hashable {
        /// The first packet's time may be right.
        case right
        /// More packets have to be known.
        case open
        /// So many packets from the first on belong so many ticks later.
        case damaged(count: Int, by: Int64)
    }

    /// - Parameters:
    ///   - moments: of packets that follow each other, at least one.
    ///   - expected: when the packet before them ends; nil where they are the first.
    ///   - isEnd: whether no more can be known.
    func verdict(on moments: [Moment], expected: Int64?, isEnd: Bool) -> Verdict {
        guard let expected else { return verdict(onFirst: moments, isEnd: isEnd) }
        let off = moments[0].time - expected
        guard abs(off) > tolerance else { return .right }
        var clock = expected
        for (index, moment) in moments.prefix(SoundClock.longestRun + 1).enumerated() {
            if index > 0, abs(moment.time - clock) <= tolerance { return .damaged(count: index, by: -off) }
            clock += moment.duration
        }
        return isEnd || moments.count > SoundClock.longestRun ? .right : .open
    }

    /// Where sound begins, a step that no film has tells that what is in front of it has no right to its time: unless what is
    /// behind it has none, and sound goes on then where the front ended.
    private func verdict(onFirst moments: [Moment], isEnd: Bool) -> Verdict {
        for (index, (before, moment)) in zip(moments, moments.dropFirst()).enumerated() {
            guard index < SoundClock.longestRun else { return .right }
            let step = moment.time - before.end
            if abs(step) <= tolerance { continue }
            if (0..<longest).contains(step) { return .right }
            return switch verdict(on: Array(moments[(index + 1)...]), expected: before.end, isEnd: isEnd) {
            case .open: .open
            case .right: .damaged(count: index + 1, by: step)
            case .damaged: .right
            }
        }
        return isEnd || moments.count > SoundClock.longestRun ? .right : .open
    }
}
