/// Notices when the engine stood still: its process stopped, its machine asleep or paused. What workers sent meanwhile lies
/// unread, and their silence tells nothing.
struct StandstillWatch: Sendable, Equatable {
    /// From one look to the next, in microseconds.
    static let interval: Int64 = 1_000_000
    /// A look that comes later after the one before, in microseconds, tells of a standstill; a little late is any busy
    /// machine.
    static let patience: Int64 = 2_000_000

    private var lookedAt: Int64?

    var isLooking: Bool { lookedAt != nil }

    /// For how many microseconds the engine stood still before this look; nil where it did not.
    mutating func look(at now: Int64) -> Int64? {
        defer { lookedAt = now }
        guard let lookedAt, now - lookedAt > Self.patience else { return nil }
        return now - lookedAt
    }

    /// Nobody looks until the next ``look(at:)``.
    mutating func rest() { lookedAt = nil }
}

/// An attempt in a worker's hands. Kept in memory only: after a restart every started attempt gets one full period.
struct Lease: Sendable, Equatable {
    let token: TaskToken
    let worker: String
    let incarnation: String
    let heartbeatSeconds: Int
    private(set) var deadline: Int64
    /// The instant of the one alarm at which it is looked at; others of its entry are of attempts before.
    var alarm: Int64?
    /// How many standstills have been allowed for since the worker was last heard.
    private var excuses = 0
    /// More are not: an engine that is always late would never judge anybody lost.
    private static let mostExcuses = 5

    init(token: TaskToken, worker: String, incarnation: String, heartbeatSeconds: Int, heardAt now: Int64) {
        self.token = token
        self.worker = worker
        self.incarnation = incarnation
        self.heartbeatSeconds = heartbeatSeconds
        deadline = now + Int64(heartbeatSeconds) * 1_000_000
    }

    /// Its period begins anew.
    mutating func hear(at now: Int64) {
        deadline = now + Int64(heartbeatSeconds) * 1_000_000
        excuses = 0
    }

    /// The engine stood still: the worker has a whole period to be heard. Where it has had that already, only the time
    /// counts in which it could be heard, or an engine that halts again and again would miss nobody; and in the end
    /// all of it does.
    mutating func excuse(_ standstill: Int64, at now: Int64) {
        guard excuses < Self.mostExcuses else { return }
        deadline = excuses > 0 ? deadline + standstill : max(deadline, now + Int64(heartbeatSeconds) * 1_000_000)
        excuses += 1
    }
}

extension Engine {
    /// While somebody's heartbeats are awaited.
    func watchForStandstills() {
        guard !standstill.isLooking else { return }
        _ = standstill.look(at: now)
        armLook()
    }

    private func armLook() { arm(Alarm(at: now + StandstillWatch.interval, execution: "", kind: .look)) }

    /// Before anything that is due is judged.
    func allowForStandstill(at now: Int64) {
        guard standstill.isLooking, let length = standstill.look(at: now) else { return }
        log.notice(
            "the engine stood still; workers have a heartbeat's period to be heard",
            metadata: ["seconds": "\(length / 1_000_000)", "tasks": "\(leases.count)"])
        for key in leases.keys { leases[key]?.excuse(length, at: now) }
    }

    /// The time of the next look.
    func look() {
        guard !leases.isEmpty else { return standstill.rest() }
        armLook()
    }
}
