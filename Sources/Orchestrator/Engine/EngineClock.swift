/// Engine time: the database's time when it was sampled, advanced by the boot clock (CLOCK_BOOTTIME, which
/// `ContinuousClock` is on Linux). A jump of this machine's wall clock therefore moves no timer.
struct EngineClock: Sendable {
    private let base: Int64
    private let sampledAt: ContinuousClock.Instant

    init(databaseMicroseconds: Int64) {
        base = databaseMicroseconds
        sampledAt = ContinuousClock.now
    }

    /// Microseconds since 1970.
    var now: Int64 {
        let (seconds, attoseconds) = (ContinuousClock.now - sampledAt).components
        return base + seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }

    /// The boot clock's reading at an instant of engine time.
    func instant(of microseconds: Int64) -> ContinuousClock.Instant {
        sampledAt.advanced(by: .microseconds(microseconds - base))
    }
}
