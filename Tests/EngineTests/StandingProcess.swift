@testable import Engine

/// A process's clock, and an engine that goes by it.
struct StandingProcess {
    let engine: Engine
    let time: StandingTime

    /// Sleeps until its next alarm, which is to come.
    private func isAsleep() async -> Bool {
        let (alarm, now) = await (engine.armedAt, engine.time)
        guard let alarm, alarm > now else { return false }
        return time.deadlines(of: 1).contains(alarm - now + time.now)
    }

    /// Nothing runs meanwhile.
    func standStill(until instant: Int64) async {
        while await !isAsleep() { await Task.yield() }
        time.advance(to: instant)
        while await !isAsleep() { await Task.yield() }
    }

    func run(until instant: Int64) async {
        while time.now < instant {
            await standStill(until: min(instant, time.now + 500_000))
            await engine.noteLeaseRenewed(at: engine.time)
        }
    }
}
