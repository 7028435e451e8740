/// Engine time: the database's time when it was sampled, advanced by the boot clock (CLOCK_BOOTTIME, which
/// `ContinuousClock` is on Linux). A jump of this machine's wall clock therefore moves no timer.
struct EngineClock: Sendable {
    private let base: Int64
    private let sinceSample: @Sendable () -> Duration

    init(databaseMicroseconds: Int64, bootClock: some Clock<Duration>) {
        base = databaseMicroseconds
        let sampledAt = bootClock.now
        sinceSample = { sampledAt.duration(to: bootClock.now) }
    }

    /// Microseconds since 1970.
    var now: Int64 {
        let (seconds, attoseconds) = sinceSample().components
        return base + seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }

    /// From now to an instant of engine time; none where that has passed.
    func duration(until microseconds: Int64) -> Duration {
        max(.zero, .microseconds(microseconds - base) - sinceSample())
    }
}
