import Glibc
import Load

/// What one stretch of work took.
struct Cost {
    var seconds: Double
    var engine: Double
    var server: Double
    var counters: ServerCounters

    static func measure(_ stage: EngineStage, _ body: () async throws -> Void) async throws -> Cost {
        let countersBefore = try await ServerCounters.settled(stage.url)
        let before = try stage.meter.read()
        let began = ContinuousClock.now
        try await body()
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        let after = try stage.meter.read()
        // Before anything else writes.
        let written = try await ServerCounters.read(stage.url)
        var counters = try await ServerCounters.settled(stage.url)
        (counters.commits, counters.walBytes) = (written.commits, written.walBytes)
        return Cost(
            seconds: seconds, engine: after.own - before.own, server: after.server - before.server,
            counters: counters - countersBefore)
    }

    /// Prints what `count` of something cost.
    func tell(_ name: String, _ count: Int) {
        let thousands = Double(count) / 1000
        print(
            """
            \(count) \(name) in \(digits(seconds, 1)) s: \(Int(Double(count) / seconds)) a second
            for 1,000: processor \(digits((engine + server) / thousands, 3)) s (engine \(digits(engine / thousands, 3)), \
            server \(digits(server / thousands, 3))), \(Int(Double(counters.commits) / thousands)) commits, \
            \(Int(Double(counters.rowsInserted) / thousands)) rows, \(Int(Double(counters.walBytes) / thousands / 1024)) KiB of WAL
            """)
        fflush(nil)
    }
}
