import Dispatching
import Testing

@Suite("Who gets which task")
struct DispatcherTests {
    @Test("first come, first served within a share; shares take turns")
    func turns() {
        let talk = Conversation()
        talk.worker("w")
        for number in 1...4 { talk.add(Conversation.task("long", number)) }
        #expect(talk.ask("w") == "long/1")
        for number in 1...2 { talk.add(Conversation.task("short", number)) }
        let order = (0..<5).compactMap { _ in talk.ask("w") }
        #expect(order == ["short/1", "long/2", "short/2", "long/3", "long/4"])
    }

    @Test("a waiting poll gets what comes, unless it may not have it")
    func waiting() {
        let talk = Conversation()
        talk.worker("plain")
        talk.worker("gpu", labels: ["gpu": "yes"])
        #expect(talk.ask("plain") == nil && talk.ask("gpu") == nil)
        #expect(talk.add(Conversation.task("a", 1, labels: ["gpu": "yes"])) == "gpu")
        #expect(talk.add(Conversation.task("a", 2, queue: "other")) == nil)
        #expect(talk.add(Conversation.task("a", 3)) == "plain")
        #expect(talk.add(Conversation.task("a", 4)) == nil)
        #expect(talk.why("a/4") == .turn(position: 1, workers: 2))
        #expect(talk.why("a/2") == .noWorker)
        #expect(talk.why("a/3") == nil, "it does not wait")
    }

    @Test("a level of priority has four turns where the one below has one, and none waits for ever")
    func priorities() {
        let talk = Conversation()
        talk.worker("w")
        for number in 0..<40 {
            talk.add(Conversation.task("low", number, priority: 4))
            talk.add(Conversation.task("high", number, priority: 5))
        }
        let order = (0..<50).compactMap { _ in talk.ask("w") }
        let low = order.filter { $0.hasPrefix("low") }.count
        #expect((9...12).contains(low), "\(low) of 50 are low")
        // A task that comes late and is urgent goes next but for one turn.
        talk.add(Conversation.task("urgent", 1, priority: 9))
        let next = (0..<2).compactMap { _ in talk.ask("w") }
        #expect(next.contains("urgent/1"))
    }

    @Test("turns cost what is booked: four cores count as four tasks of one")
    func costs() {
        let talk = Conversation()
        talk.worker("w")
        for number in 0..<40 {
            talk.add(Conversation.task("big", number, cores: 4))
            talk.add(Conversation.task("small", number, cores: 1))
        }
        let order = (0..<25).compactMap { _ in talk.ask("w") }
        #expect((4...6).contains(order.filter { $0.hasPrefix("big") }.count), "\(order)")
    }

    @Test("nobody saves turns up while idle")
    func idle() {
        let talk = Conversation()
        talk.worker("w")
        for number in 0..<30 { talk.add(Conversation.task("busy", number)) }
        talk.add(Conversation.task("seldom", 0))
        for _ in 0..<20 { talk.ask("w") }
        for number in 1...10 { talk.add(Conversation.task("seldom", number)) }
        let order = (0..<6).compactMap { _ in talk.ask("w") }
        #expect(order.filter { $0.hasPrefix("seldom") }.count == 3, "\(order)")
    }

    @Test("the earliest deadline first within a share; a near one gets every other turn among shares")
    func deadlines() {
        let talk = Conversation()
        talk.worker("w")
        talk.add(Conversation.task("a", 1))
        talk.add(Conversation.task("a", 2, deadline: 9_000_000_000))
        talk.add(Conversation.task("a", 3, deadline: 8_000_000_000))
        #expect(talk.ask("w") == "a/3")
        for number in 1...3 { talk.add(Conversation.task("b", number)) }
        for number in 1...3 { talk.add(Conversation.task("late", number, deadline: 1_000_000_000)) }
        let order = (0..<6).compactMap { _ in talk.ask("w") }
        let places = order.enumerated().filter { $0.element.hasPrefix("late") }.map(\.offset)
        #expect(places.first == 0 && places.count == 3 && places[2] <= 4, "\(order)")
        #expect(order.contains { $0.hasPrefix("b") }, "a deadline takes no more than every other turn: \(order)")
    }

    @Test("reservations: what does not fit waits, and smaller ones go before it while it is young")
    func reservations() {
        let talk = Conversation()
        talk.worker("w", cores: 4, memory: 100)
        talk.add(Conversation.task("a", 1, cores: 3, memory: 10))
        talk.add(Conversation.task("a", 2, cores: 3, memory: 10))
        talk.add(Conversation.task("b", 1, cores: 1, memory: 10))
        #expect(talk.ask("w") == "a/1")
        #expect(talk.ask("w") == "b/1")
        #expect(talk.ask("w") == nil)
        let booked = Resources(millicores: 3000, memoryBytes: 10)
        #expect(
            talk.why("a/2") == .reservation(needed: booked, most: Resources(millicores: 0, memoryBytes: 80)))
        #expect(talk.match() == [])
        talk.finish("a/1")
        #expect(talk.match() == ["w a/2"])
    }

    @Test("what has waited long keeps a worker free, so that small ones do not starve it")
    func patience() {
        let talk = Conversation()
        talk.worker("w", cores: 4)
        for number in 1...4 { talk.add(Conversation.task("small", number, cores: 1)) }
        for _ in 1...4 { talk.ask("w") }
        talk.add(Conversation.task("big", 1, cores: 4))
        talk.finish("small/1")
        for number in 5...20 { talk.add(Conversation.task("small", number, cores: 1)) }
        #expect(talk.ask("w") == "small/5")
        talk.now += 61_000_000
        talk.worker("w", cores: 4)
        talk.finish("small/2")
        #expect(talk.ask("w") == nil, "it keeps itself free")
        #expect(talk.why("big/1") == .keptFree(worker: "w"))
        for number in [3, 4, 5] { talk.finish("small/\(number)") }
        #expect(talk.match() == ["w big/1"])
        talk.finish("big/1")
        #expect(talk.ask("w") == "small/6")
    }

    @Test("estimates are cut down to the worker, demands are not")
    func estimates() {
        let talk = Conversation()
        talk.worker("w", cores: 2, memory: 100)
        talk.add(Conversation.task("a", 1, cores: 8, memory: 500))
        #expect(talk.ask("w") == "a/1")
        #expect(talk.add(Conversation.task("a", 2, cores: 1, memory: 1)) == nil)
        #expect(talk.ask("w") == nil, "the estimate has the worker to itself")
        talk.finish("a/1")
        #expect(talk.match() == ["w a/2"])
        talk.finish("a/2")
        talk.add(Conversation.task("a", 3, memory: 500, isDemand: true))
        #expect(talk.ask("w") == nil)
        #expect(
            talk.why("a/3")
                == .tooLarge(
                    needed: Resources(memoryBytes: 500), largest: Resources(millicores: 2000, memoryBytes: 100)))
        talk.worker("large", cores: 2, memory: 1000)
        #expect(talk.ask("large") == "a/3")
    }

    @Test("a limit of concurrency holds over workers, and a lower one from then on")
    func concurrency() {
        let talk = Conversation()
        talk.dispatcher.setLimit(TaskLimit(concurrency: 2), of: "api", at: 0)
        talk.worker("v")
        talk.worker("w")
        for number in 1...4 { talk.add(Conversation.task("a", number, keys: ["api"])) }
        talk.add(Conversation.task("b", 1))
        #expect(talk.ask("v") == "a/1" && talk.ask("w") == "b/1" && talk.ask("w") == "a/2")
        #expect(talk.ask("w") == nil)
        #expect(talk.why("a/3") == .concurrency(key: "api", limit: 2))
        talk.finish("a/1")
        #expect(talk.match() == ["w a/3"])
        talk.dispatcher.setLimit(TaskLimit(concurrency: 1), of: "api", at: 0)
        talk.finish("a/2")
        #expect(talk.ask("w") == nil)
        talk.dispatcher.setLimit(nil, of: "api", at: 0)
        #expect(talk.match() == ["w a/4"])
    }

    @Test("a rate says when the next may begin")
    func rates() {
        let talk = Conversation()
        talk.dispatcher.setLimit(TaskLimit(ratePerSecond: 2, burst: 2), of: "api", at: 0)
        talk.worker("w")
        for number in 1...4 { talk.add(Conversation.task("a", number, keys: ["api"])) }
        #expect(talk.ask("w") == "a/1" && talk.ask("w") == "a/2" && talk.ask("w") == nil)
        #expect(talk.dispatcher.nextOpening(after: talk.now) == 500_000)
        #expect(talk.why("a/3") == .rate(key: "api", until: 500_000))
        #expect(talk.match() == [])
        talk.now = 500_000
        #expect(talk.match() == ["w a/3"])
        talk.now = 100_000_000
        talk.finish("a/1")
        #expect(talk.ask("w") == "a/4")
    }

    @Test("a draining worker finishes and takes nothing; released it goes on")
    func modes() {
        let talk = Conversation()
        talk.worker("w")
        talk.add(Conversation.task("a", 1))
        #expect(talk.ask("w") == "a/1")
        talk.dispatcher.setMode(.draining, of: "w", because: "a new disk")
        talk.add(Conversation.task("a", 2))
        #expect(talk.ask("w") == nil)
        #expect(
            talk.why("a/2")
                == .setAside([WaitReason.Worker(name: "w", mode: .draining, reason: "a new disk")]))
        #expect(talk.dispatcher.isHeld(Conversation.name("a/1")))
        talk.dispatcher.setMode(.active, of: "w", because: nil)
        #expect(talk.match() == ["w a/2"])
        // Known before it is heard of.
        talk.dispatcher.setMode(.quarantined, of: "v", because: "burns")
        talk.worker("v")
        talk.add(Conversation.task("a", 3))
        #expect(talk.ask("v") == nil)
    }

    @Test("failures in a row set a worker aside for a while, never the last one")
    func failures() {
        let talk = Conversation()
        talk.worker("w")
        func fail(_ execution: String) -> String? {
            talk.dispatcher.noteFailure(
                of: "w", queue: "work", execution: execution, cause: "no space", at: talk.now)?.reason
        }
        for number in 1...8 { #expect(fail("e\(number)") == nil, "it is the only one") }
        talk.worker("v")
        let wasAside = talk.dispatcher.noteSuccess(of: "w", queue: "work")
        #expect(!wasAside)
        for _ in 1...8 { #expect(fail("e1") == nil, "one execution may be at fault itself") }
        let reason = fail("e2")
        #expect(reason?.contains("no space") == true)
        talk.add(Conversation.task("a", 1))
        #expect(talk.ask("w") == nil)
        #expect(talk.dispatcher.standing(of: "w")?.aside == ["work": reason ?? ""])
        #expect(talk.dispatcher.nextOpening(after: 0) == 600_000_000)
        talk.now = 600_000_000
        #expect(talk.match() == ["w a/1"])
    }

    @Test("an attempt goes elsewhere where there is an elsewhere")
    func avoidance() {
        let talk = Conversation()
        talk.worker("w")
        talk.worker("v")
        talk.add(Conversation.task("a", 1, avoided: ["w"]))
        #expect(talk.ask("w") == nil)
        #expect(talk.ask("v") == "a/1")
        talk.finish("a/1")
        talk.dispatcher.setMode(.draining, of: "v", because: nil)
        #expect(talk.add(Conversation.task("a", 2, avoided: ["w"])) == "w")
    }

    @Test("what is parked is nobody's until somebody says so")
    func parking() {
        let talk = Conversation()
        talk.worker("w")
        #expect(talk.ask("w") == nil)
        talk.dispatcher.park(Conversation.name("a/1"), because: "it ended two workers")
        #expect(talk.match() == [])
        #expect(talk.why("a/1") == .parked(reason: "it ended two workers"))
        #expect(talk.unpark("a/1"))
        #expect(talk.add(Conversation.task("a", 1)) == "w")
        #expect(!talk.unpark("a/1"))
    }

    @Test("tasks that workers had before count from the start")
    func adoption() {
        let talk = Conversation()
        talk.dispatcher.setLimit(TaskLimit(concurrency: 1), of: "api", at: 0)
        talk.dispatcher.adopt(Conversation.task("a", 1, cores: 4, keys: ["api"]), worker: "w", at: 0)
        talk.worker("w", cores: 4)
        talk.add(Conversation.task("a", 2, keys: ["api"]))
        talk.add(Conversation.task("b", 1, cores: 1))
        #expect(talk.ask("w") == nil)
        talk.dispatcher.remove(Conversation.name("a/1"))
        #expect(Set(talk.match() + ["w \(talk.ask("w") ?? "")"]) == ["w a/2", "w b/1"])
    }

    @Test("the position counts those that go first")
    func positions() {
        let talk = Conversation()
        talk.worker("w")
        for number in 0..<100 { talk.add(Conversation.task("long", number)) }
        for number in 0..<3 { talk.add(Conversation.task("short", number)) }
        for text in ["short/2", "long/50", "long/2"] {
            guard case .turn(let position, workers: 1) = talk.why(text) else {
                Issue.record("\(text) waits for \(String(describing: talk.why(text)))")
                continue
            }
            let copy = Conversation(copying: talk)
            var order: [String] = []
            while order.last != text, let next = copy.ask("w") { order.append(next) }
            #expect(position == order.count, "\(text)")
        }
    }
}
