@testable import Engine
import Testing
import WorkerProtocol

@Suite("Alarms", .timeLimit(.minutes(2)))
struct AlarmTests {
    @Test("those that come to nothing are dropped before they are many, and what is waited for stays")
    func sweep() async throws {
        let stage = try await Stage()
        let limited = oneTask(#""TimeoutSeconds":3600,"HeartbeatSeconds":600,"#, top: #""TimeoutSeconds":7200,"#)
        let first = try await stage.engine("e1", machines: ["m": limited])
        let engine = first.engine
        _ = try await engine.start(machine: "m", name: nil, input: "{}")
        let offer = try await engine.take()
        await engine.armDispatchAlarm()
        let wanted = await engine.armed()
        let ofExecution: Set = ["execution", "entry(\(offer.entry))", "lease(\(offer.entry))"]
        #expect(Set(wanted.map(\.kind)) == ofExecution.union(["dispatch", "look"]))
        for _ in 0..<30 { await engine.armForNothing(1_000, offer) }
        #expect(await engine.alarmCount <= Engine.fewestAlarmsSwept)
        #expect(await engine.leaseAlarmCount <= Engine.fewestAlarmsSwept / 4 + 1, "one lease has one alarm")
        #expect(await engine.armed().isSuperset(of: wanted))
        #expect(try await engine.complete(offer))
        await engine.armForNothing(Engine.fewestAlarmsSwept, offer)
        #expect(
            await engine.armed().isDisjoint(with: wanted.filter { ofExecution.contains($0.kind) }), "it has ended")
        await end(first)
    }

    @Test("the alarm of an attempt that is over arms no other for the attempt after it")
    func retries() async throws {
        let stage = try await Stage()
        let time = StandingTime()
        let stubborn = oneTask(
            #""HeartbeatSeconds":10,"Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":1,"MaxAttempts":9,"BackoffRate":1}],"#
        )
        let first = try await stage.engine(
            "e1", machines: ["m": stubborn], bootClock: StandingClock(time: time, process: 1))
        let (engine, process) = (first.engine, StandingProcess(engine: first.engine, time: time))
        _ = try await engine.start(machine: "m", name: nil, input: "{}")
        var offer = try await engine.take()
        for number in 1...4 {
            #expect(try await engine.fail(offer, "E"))
            await process.run(until: Int64(number) * 1_500_000)
            offer = try await engine.take()
        }
        for second in [9, 15, 21] as [Int64] {
            await process.run(until: second * 1_000_000)
            #expect(try await engine.heartbeat(offer.token) == .ok)
        }
        #expect(await engine.leaseAlarmCount == 1)
        // And that one judges.
        await process.run(until: 31_500_000)
        #expect(try await !engine.complete(offer))
        await end(first)
    }
}

extension TaskOffer {
    /// The state entry that it is an attempt of.
    fileprivate var entry: Int { TaskToken(token)?.entry ?? -1 }
}

private struct Armed: Hashable {
    let kind: String
    let at: Int64
}

extension Engine {
    fileprivate var alarmCount: Int { alarms.count }

    fileprivate var leaseAlarmCount: Int {
        alarms.unordered.count { if case .lease = $0.kind { true } else { false } }
    }

    /// The alarms of what is known in memory, and of the engine's own. When it looks next is none of the test's business.
    fileprivate func armed() -> Set<Armed> {
        Set(
            alarms.unordered.filter { $0.execution != "gone" }.map {
                Armed(kind: "\($0.kind)", at: $0.kind == .look ? 0 : $0.at)
            })
    }

    /// As for a rate that lets the next task out in an hour.
    fileprivate func armDispatchAlarm() {
        let instant = dispatchAlarm ?? now + 3_600_000_000
        dispatchAlarm = instant
        arm(Alarm(at: instant, execution: "", kind: .dispatch))
    }

    /// Of an execution that is not in memory, of former waits and attempts of one that is, and of what the dispatcher waited for.
    fileprivate func armForNothing(_ count: Int, _ offer: TaskOffer) {
        for number in 0..<count {
            let instant = now + 1_800_000_000 + Int64(number)
            switch number % 4 {
            case 0: arm(Alarm(at: instant, execution: "gone", kind: .execution))
            case 1: arm(Alarm(at: instant, execution: offer.execution, kind: .entry(offer.entry)))
            case 2: arm(Alarm(at: instant, execution: offer.execution, kind: .lease(offer.entry)))
            default: arm(Alarm(at: instant, execution: "", kind: .dispatch))
            }
        }
    }
}
