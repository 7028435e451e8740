/// Tells single times that were damaged on the way from a clock that was set back, as where a second recording begins: the
/// packets around a damaged one agree with each other, and none with it.
struct BroadcastClock {
    /// Ticks that times which agree may lie apart beside what lies between their neighbours.
    private let tolerance: Int64
    /// Ticks between two pictures that belong to no film.
    private let longest: Int64
    /// Ticks that a clock may go on or back by without a question.
    private let leap: Int64

    /// Seconds that times which agree may lie apart.
    static let toleranceSeconds = 0.25
    /// Seconds that a clock may go on or back by without a question.
    static let leapSeconds = 1.0
    /// How many packets before and behind one are looked at; at the ends those on the other side take the place of what is
    /// missing.
    static let (side, neighbours) = (2, 4)
    /// Pictures that a codec may put between one and the one it is decoded with: sixteen, and some for fields.
    static let longestReordering = 20
    /// Pictures that one damaged time may stand for: several lie in a packet of a program stream, which tells the first one's.
    static let longestRun = 16

    /// - Parameters:
    ///   - timeBase: seconds in a tick.
    ///   - longestSeconds: how long a film may be.
    init(timeBase: Rational, longestSeconds: Double) {
        tolerance = max(1, Int64(BroadcastClock.toleranceSeconds / timeBase.value))
        longest = max(1, Int64(longestSeconds / timeBase.value))
        leap = max(1, Int64(BroadcastClock.leapSeconds / timeBase.value))
    }

    /// The time that belongs in place of one that cannot be right.
    ///
    /// - Parameter times: decoding times of packets that follow each other in the file, in ticks.
    /// - Returns: nil where the time may be right: it is in order, one beside it agrees with it, or too few packets are there.
    func mended(_ times: [Int64], at place: Int) -> Int64? {
        let time = times[place]
        let isInOrder =
            times[..<place].allSatisfy { $0 <= time && time - $0 < longest }
            && times[(place + 1)...].allSatisfy { $0 >= time && $0 - time < longest }
        let others = times.indices.filter { $0 != place }
        guard !isInOrder, others.count >= 3,
            !others.contains(where: { abs($0 - place) == 1 && abs(times[$0] - time) <= tolerance }),
            let (low, high) = BroadcastClock.densest(others.map { times[$0] })
        else { return nil }
        let margin = tolerance + (high - low)
        guard time < low - margin || time > high + margin else { return nil }
        let agreeing = others.filter { (low - margin...high + margin).contains(times[$0]) }
        let step = max(1, (high - low) / 2)
        let (before, after) = (agreeing.last { $0 < place }, agreeing.first { $0 > place })
        return switch (before.map { times[$0] }, after.map { times[$0] }) {
        case (let before?, let after?): before + (after - before) / 2
        case (let before?, nil): before + step
        case (nil, let after?): after - step
        case (nil, nil): nil
        }
    }

    enum Verdict: Hashable {
        /// The first time may be right.
        case right
        /// More pictures have to be known.
        case open
        /// In place of so many times from the first on belong these.
        case damaged([Int64])
    }

    /// Tells times that leave the clock which others keep to, those in front of them and those behind.
    ///
    /// - Parameters:
    ///   - times: decoding times of packets that follow each other, in ticks, at least one.
    ///   - before: the decoding time of the packet before them.
    ///   - isEnd: whether no more can be known.
    func verdict(on times: [Int64], before: Int64, isEnd: Bool) -> Verdict {
        guard abs(times[0] - before) > leap else { return .right }
        for (count, next) in times.enumerated().dropFirst().prefix(BroadcastClock.longestRun) {
            let run = times[..<count]
            let (total, inner) = (next - before, run[count - 1] - run[0])
            let steps = zip(run, run.dropFirst()).map { $1 - $0 }
            let goesOn = steps.allSatisfy { (0...leap).contains($0) }
            let most = goesOn ? 3 * inner + 2 * tolerance : Int64(count + 1) * tolerance
            guard (0...most).contains(total), run.allSatisfy({ $0 < before - tolerance || $0 > next + tolerance })
            else { continue }
            guard goesOn, inner <= total else {
                return .damaged(run.indices.map { before + total * Int64($0 + 1) / Int64(count + 1) })
            }
            let first = before + (total - inner) / 2
            return .damaged(run.map { first + ($0 - run[0]) })
        }
        return isEnd || times.count > BroadcastClock.longestRun ? .right : .open
    }

    /// Whether a picture may be shown so long after it is decoded.
    /// - Parameter times: decoding times of packets around it, in ticks.
    func isPlausible(delay: Int64, among times: [Int64]) -> Bool {
        guard times.count > 1 else { return true }
        let most = Int64(BroadcastClock.longestReordering) * BroadcastClock.interval(times)
        return (-tolerance...(tolerance + most)).contains(delay)
    }

    /// Whether a picture cannot be shown when it says. Behind a pause one is shown long after it is decoded: with it those that
    /// were put behind it are shown, or they are decoded by then.
    ///
    /// - Parameters:
    ///   - shown: when it says, in ticks.
    ///   - decoded: when it is decoded.
    ///   - later: decoding times of those that follow, ``longestReordering`` of them unless the file ends.
    ///   - others: when pictures around it are shown.
    func isDamaged(shown: Int64, decoded: Int64, later: [Int64], others: [Int64]) -> Bool {
        let margin = tolerance + BroadcastClock.interval([decoded] + later)
        guard !others.contains(where: { abs($0 - shown) <= margin }) else { return false }
        if shown < decoded { return true }
        return later.count >= BroadcastClock.longestReordering && !later.contains { $0 >= shown - tolerance }
    }

    private static func interval(_ times: [Int64]) -> Int64 {
        guard let first = times.min(), let last = times.max(), times.count > 1 else { return 0 }
        return (last - first) / Int64(times.count - 1)
    }

    /// The ends of the three times that lie closest together.
    private static func densest(_ times: [Int64]) -> (low: Int64, high: Int64)? {
        let sorted = times.sorted()
        return zip(sorted, sorted.dropFirst(2)).min { $0.1 - $0.0 < $1.1 - $1.0 }.map { (low: $0.0, high: $0.1) }
    }
}
