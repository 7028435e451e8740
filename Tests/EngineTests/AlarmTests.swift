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
        let wanted = await engine.armedKinds()
        #expect(wanted == ["execution", "entry(\(offer.entry))", "lease(\(offer.entry))", "dispatch", "look"])
        for _ in 0..<30 { await engine.armForNothing(1_000, offer) }
        #expect(await engine.alarmCount <= Engine.fewestAlarmsSwept)
        #expect(await engine.armedKinds().isSuperset(of: wanted))
        #expect(try await engine.complete(offer))
        await engine.armForNothing(Engine.fewestAlarmsSwept, offer)
        #expect(await engine.armedKinds().isDisjoint(with: ["execution", "lease(\(offer.entry))"]), "it has ended")
        await end(first)
    }
}

extension TaskOffer {
    /// The state entry that it is an attempt of.
    fileprivate var entry: Int { TaskToken(token)?.entry ?? -1 }
}

extension Engine {
    fileprivate var alarmCount: Int { alarms.count }

    /// Kinds of the alarms of what is known in memory, and of the engine's own.
    fileprivate func armedKinds() -> Set<String> {
        Set(alarms.unordered.filter { $0.execution != "gone" }.map { "\($0.kind)" })
    }

    /// As for a rate that lets the next task out in an hour.
    fileprivate func armDispatchAlarm() {
        let instant = dispatchAlarm ?? now + 3_600_000_000
        dispatchAlarm = instant
        arm(Alarm(at: instant, execution: "", kind: .dispatch))
    }

    /// Of an execution that is not in memory, of former waits of one that is, and of what the dispatcher waited for.
    fileprivate func armForNothing(_ count: Int, _ offer: TaskOffer) {
        for number in 0..<count {
            let instant = now + 1_800_000_000 + Int64(number)
            switch number % 3 {
            case 0: arm(Alarm(at: instant, execution: "gone", kind: .execution))
            case 1: arm(Alarm(at: instant, execution: offer.execution, kind: .entry(offer.entry)))
            default: arm(Alarm(at: instant, execution: "", kind: .dispatch))
            }
        }
    }
}
