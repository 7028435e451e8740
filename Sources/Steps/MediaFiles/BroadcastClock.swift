/// Tells a clock that was set back, as where a second recording begins, from single times that were damaged on the way: the
/// packets that follow keep to the former.
struct BroadcastClock {
    /// When a packet is decoded, and where it lies.
    struct Moment {
        let seconds: Double
        let byte: Int64?
    }

    /// Seconds that a clock may go back without having been set.
    private static let tolerance = 1.0
    /// Packets on each side whose middle one tells the time: fewer than half of them may be damaged.
    private static let side = 5

    private var latest: [Moment] = []

    /// - Parameter moment: of the next packet in the order of the file.
    /// - Returns: the last moment before the clock was set back and the first one after it, once that is certain.
    mutating func setBack(by moment: Moment) -> (before: Moment, after: Moment)? {
        if latest.count == 2 * Self.side { latest.removeFirst() }
        latest.append(moment)
        guard latest.count == 2 * Self.side, latest.contains(where: { Self.isBack(moment, from: $0) }) else {
            return nil
        }
        let old = Self.middle(latest.prefix(Self.side))
        guard Self.isBack(Self.middle(latest.suffix(Self.side)), from: old),
            let place = latest.indices.dropFirst().first(where: { Self.isBack(latest[$0], from: old) })
        else { return nil }
        return (latest[place - 1], latest[place])
    }

    private static func isBack(_ moment: Moment, from other: Moment) -> Bool {
        other.seconds - moment.seconds > tolerance
    }

    private static func middle(_ moments: ArraySlice<Moment>) -> Moment {
        moments.sorted { $0.seconds < $1.seconds }[moments.count / 2]
    }
}
