@testable import Engine
import JSON
import Testing
import WorkerProtocol

@Suite("An engine that stood still", .timeLimit(.minutes(2)))
struct StandstillTests {
    private static let second: Int64 = 1_000_000

    @Test("looks a second apart, a little late or early, tell of none; a longer pause is told once, with its length")
    func watch() {
        var watch = StandstillWatch()
        let looks: [(at: Int64, Int64?)] = [
            (0, nil), (1_000_000, nil), (2_900_000, nil), (3_000_000, nil), (5_000_000, nil), (42_000_000, 37_000_000),
            (43_000_000, nil), (45_000_001, 2_000_001),
        ]
        for (at, length) in looks { #expect(watch.look(at: at) == length, "\(at)") }
        watch.rest()
        #expect(!watch.isLooking)
        #expect(watch.look(at: 900_000_000) == nil, "nobody looked, and nobody had to")
        #expect(watch.look(at: 905_000_000) == 5_000_000)
    }

    @Test("a worker has a whole period after a standstill, once until it is heard; then only what the engine missed")
    func lease() throws {
        let token = try #require(TaskToken("00000000-0000-7000-8000-000000000000.1.n"))
        var lease = Lease(token: token, worker: "w", incarnation: "i", heartbeatSeconds: 60, heardAt: 0)
        func say(_ what: (inout Lease) -> Void) -> Int64 {
            what(&lease)
            return lease.deadline / Self.second
        }
        #expect(say { $0.excuse(5 * Self.second, at: 50 * Self.second) } == 110, "it was due at 60")
        #expect(say { $0.excuse(300 * Self.second, at: 360 * Self.second) } == 410, "50 s of its period were left")
        #expect(say { $0.excuse(3 * Self.second, at: 370 * Self.second) } == 413)
        #expect(say { $0.hear(at: 380 * Self.second) } == 440)
        #expect(say { $0.excuse(1000 * Self.second, at: 1400 * Self.second) } == 1460, "it was heard between the two")
        // An engine that is always late judges all the same.
        var last: Int64 = 0
        for _ in 0..<100 { last = say { $0.excuse(30 * Self.second, at: 1500 * Self.second) } }
        #expect(last == 1460 + 4 * 30)
    }

    @Test("judges nobody lost before it could hear what was sent meanwhile, and those that sent nothing a period later")
    func engine() async throws {
        let stage = try await Stage()
        let time = StandingTime()
        let first = try await stage.engine(
            "e1", machines: ["m": oneTask(#""HeartbeatSeconds":10,"#)], bootClock: StandingClock(time: time, process: 1)
        )
        let (engine, process) = (first.engine, StandingProcess(engine: first.engine, time: time))
        for _ in 0..<2 { _ = try await engine.start(machine: "m", name: nil, input: "{}") }
        let (heard, silent) = (try await engine.take("w1"), try await engine.take("w2"))
        await process.run(until: 3 * Self.second)
        await process.standStill(until: 100 * Self.second)
        await process.run(until: 105 * Self.second)
        // What lay in its sockets, read late.
        #expect(try await engine.heartbeat(heard.token) == .ok)
        await process.run(until: 112 * Self.second)
        #expect(try await !engine.complete(silent))
        #expect(try await engine.complete(heard))
        try await stage.checkInvariants(["e1"], memory: engine)
        await end(first)
    }
}
