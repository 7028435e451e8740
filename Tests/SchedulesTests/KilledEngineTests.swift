import Schedules
import SeededNumbers
import Testing

/// Engines that die at any point of their work, on clocks that jump: a time fires once.
@Suite struct KilledEngineTests {
    private static let policies: [(OverlapPolicy, CatchupPolicy)] =
        OverlapPolicy.allCases.map { ($0, .all) } + [(.skip, .last), (.allowAll, .last), (.bufferAll, .none)]

    @Test(arguments: 0..<60)
    func eachTimeFiresOnce(seed: UInt64) throws {
        var numbers = SplitMix64(seed: seed)
        let (overlap, catchup) = Self.policies[Int(seed) % Self.policies.count]
        let window = seed % 3 == 0 ? 1800 : 0
        let schedule = try hourly(overlap, catchup, expression: "cron(0/10 * * * ? *)", window: window)
        let begin = try time("00:05")
        var engine = VirtualEngine(schedule, at: begin)
        var latest = begin
        for _ in 0..<300 {
            switch Int.random(in: 0..<20, using: &numbers) {
            case 0: engine.now += 3600
            case 1: engine.now -= 3600
            case 2: engine.now += Int.random(in: 0...7200, using: &numbers)
            case 3...5: try engine.endFirst()
            case 6: if let first = engine.executions.first(where: \.isRunning) { engine.endUnheard(first.name) }
            case 7: try engine.recover()
            // Nothing of the decision is kept.
            case 8: try engine.send(.tick, diesBeforeKeeping: true)
            // The decision is kept, and nothing of it is done until the next engine does it.
            case 9, 10:
                try engine.send(.tick, diesAfterKeeping: true)
                try engine.recover()
            case 11:
                try engine.send(.tick, diesAfterKeeping: true)
                engine.now += Int.random(in: 0...5000, using: &numbers)
                try engine.recover()
            default:
                engine.now += Int.random(in: 0...600, using: &numbers)
                try engine.send(.tick)
            }
            latest = max(latest, engine.now)
        }
        try engine.recover()
        latest = max(latest, engine.now)

        // No time twice, each one that the expression names, and none that had not come.
        let times = engine.executions.map(\.time)
        #expect(Set(times).count == times.count, "seed \(seed)")
        #expect(Set(engine.executions.map(\.name)).count == times.count, "seed \(seed)")
        #expect(times.allSatisfy { $0 % 600 == 0 && $0 > begin && $0 <= latest }, "seed \(seed)")
        let state = engine.state
        let named = schedule.timing.occurrences(after: begin - 1, anchor: 0).prefix { $0.time ?? 0 <= state.horizon }
        // Each time is in one place: started, waiting or skipped.
        let skipped = state.skips.filter { $0.key != .repeated }.values.reduce(0, +)
        let counted = state.starts + skipped + state.waiting.count + state.buffered.count
        #expect(counted == named.map { _ in 1 }.count, "seed \(seed)")
        #expect(state.starts == times.count, "seed \(seed)")
        #expect(state.horizon <= latest, "seed \(seed)")
        if overlap == .allowAll, catchup == .all, window == 0 {
            #expect(times.sorted() == named.compactMap(\.time), "seed \(seed)")
        }
        if overlap != .allowAll { #expect(engine.executions.filter(\.isRunning).count <= 1, "seed \(seed)") }
    }
}
