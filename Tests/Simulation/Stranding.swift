/// A row of the active engine is lost on its way, and the engine stands still before it can send it again, until another has
/// taken over and written a row of its own in that place. Then it goes on, sends its row again, and hears late from the lease;
/// whoever waits for that row still listens, and must not be told that it is in.
///
/// It has dice of its own, so that a seed's other events stay what they were. Unchecked: all happens on the scheduler's thread.
final class Stranding: @unchecked Sendable {
    private let scenario: Scenario
    private var dice: Dice
    /// Nobody waits for an answer longer than a minute.
    private static let patience: Int64 = 45_000_000

    init(_ scenario: Scenario) {
        self.scenario = scenario
        dice = Dice(seed: ~scenario.seed)
    }

    func begin() { next(after: dice.roll(1_000_000...20_000_000)) }

    private func next(after microseconds: Int64) {
        Scheduler.shared.after(microseconds) { [self] in
            guard scenario.hasFaults else { return }
            let server = scenario.server
            guard
                let process = scenario.processes.first(where: { $0.incarnation == server.database.lease?.incarnation }),
                process.host.state == .running
            else { return next(after: 1_000_000) }
            server.loseSuccess(of: process.incarnation) { [self] places in
                scenario.trace.count("stranded")
                process.host.freeze()
                server.delayRenewal(of: process.incarnation)
                goOnLater(process, places, until: Scheduler.shared.now + Self.patience)
            }
            Scheduler.shared.after(10_000_000) { [self] in
                server.loseNothing(of: process.incarnation)
                next(after: dice.roll(1_000_000...20_000_000))
            }
        }
    }

    private func goOnLater(_ process: EngineProcess, _ places: [(id: String, seq: Int64)], until end: Int64) {
        Scheduler.shared.after(100_000) { [self] in
            guard process.host.state == .frozen else { return }
            let journal = scenario.server.database.journal
            let isTaken = places.contains { journal[$0.id]?[$0.seq] != nil }
            guard isTaken || Scheduler.shared.now >= end else { return goOnLater(process, places, until: end) }
            if isTaken { scenario.trace.count("stranded row met its successor's") }
            scenario.thaw(process)
        }
    }
}
