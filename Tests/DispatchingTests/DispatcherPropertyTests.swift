import Dispatching
import SeededNumbers
import Testing

@Suite("Whatever happens to a dispatcher")
struct DispatcherPropertyTests {
    struct Worker {
        let capacity: Resources?
        let labels: [String: String]
        var mode = WorkerMode.active
    }

    @Test("no task is lost or handed out twice, no limit or capacity exceeded, and all end", arguments: 0..<16)
    func invariants(seed: Int) {
        var dice = SplitMix64(seed: UInt64(seed))
        let talk = Conversation()
        let limits = ["x": 2, "y": 3]
        for (key, limit) in limits {
            talk.dispatcher.setLimit(
                TaskLimit(concurrency: limit, ratePerSecond: key == "y" ? 5 : nil, burst: 2), of: key, at: 0)
        }
        var workers: [String: Worker] = [:]
        for number in 0..<4 {
            workers["w\(number)"] = Worker(
                capacity: number == 0
                    ? nil : Resources(millicores: 1000 * Int.random(in: 2...8, using: &dice), memoryBytes: 100),
                labels: number % 2 == 0 ? ["gpu": "yes"] : [:])
        }
        var waiting: [String: ReadyTask] = [:]
        var running: [String: (task: ReadyTask, worker: String)] = [:]
        var done: Set<String> = []
        var added = 0

        func got(_ text: String, _ worker: String) {
            guard let task = waiting.removeValue(forKey: text) else {
                Issue.record("seed \(seed): \(text) was handed out and did not wait")
                return
            }
            running[text] = (task, worker)
            #expect(workers[worker]?.mode == .active)
            #expect(task.labels.allSatisfy { workers[worker]?.labels[$0.key] == $0.value })
            for (key, limit) in limits {
                #expect(running.values.count { $0.task.limitKeys.contains(key) } <= limit, "seed \(seed): \(key)")
            }
            let mine = running.values.filter { $0.worker == worker }
            if let capacity = workers[worker]?.capacity, mine.count > 1 {
                let cores = mine.reduce(0) {
                    $0 + min($1.task.reservation.amount.millicores, capacity.millicores)
                }
                #expect(cores <= capacity.millicores, "seed \(seed): \(worker) has \(cores)")
            }
        }
        func see() {
            for (name, worker) in workers {
                talk.dispatcher.see(
                    name, labels: worker.labels, capacity: worker.capacity, queues: ["work", "other"], at: talk.now)
            }
        }
        func hand(_ matches: [String]) {
            for match in matches {
                let parts = match.split(separator: " ").map(String.init)
                got(parts[1], parts[0])
            }
        }

        for step in 0..<700 {
            talk.now += Int64.random(in: 0...200_000, using: &dice)
            if step % 100 == 0 { see() }
            switch Int.random(in: 0..<10, using: &dice) {
            case 0...3 where added < 200:
                added += 1
                let task = Conversation.task(
                    "s\(Int.random(in: 0..<5, using: &dice))", added,
                    queue: Bool.random(using: &dice) ? "work" : "other",
                    priority: Int.random(in: 3...6, using: &dice),
                    deadline: Bool.random(using: &dice) ? Int64.random(in: 0...9_000_000_000, using: &dice) : nil,
                    cores: Int.random(in: 0...9, using: &dice),
                    labels: Int.random(in: 0..<4, using: &dice) == 0 ? ["gpu": "yes"] : [:],
                    keys: ["x", "y", "z"].filter { _ in Int.random(in: 0..<4, using: &dice) == 0 })
                let text = Conversation.text(task.name)
                waiting[text] = task
                if let worker = talk.add(task) { got(text, worker) }
            case 4, 5:
                let name = "w\(Int.random(in: 0..<4, using: &dice))"
                if talk.polls(of: name) < 2, let text = talk.ask(name, queues: ["work", "other"]) {
                    got(text, name)
                }
            case 6, 7:
                if let text = running.keys.sorted().randomElement(using: &dice) {
                    running[text] = nil
                    done.insert(text)
                    talk.finish(text)
                    hand(talk.match())
                }
            case 8:
                // Stopped by somebody.
                if let text = waiting.keys.sorted().randomElement(using: &dice), Bool.random(using: &dice) {
                    waiting[text] = nil
                    done.insert(text)
                    talk.dispatcher.remove(Conversation.name(text))
                }
            default:
                let name = "w\(Int.random(in: 1..<4, using: &dice))"
                let mode = WorkerMode.allCases.randomElement(using: &dice) ?? .active
                workers[name]?.mode = mode
                talk.dispatcher.setMode(mode, of: name, because: "a test")
                hand(talk.match())
            }
            #expect(talk.dispatcher.readyCount == waiting.count && talk.dispatcher.heldCount == running.count)
            if let text = waiting.keys.min(), talk.why(text) == nil {
                Issue.record("seed \(seed): \(text) waits without a reason")
            }
        }
        // With all workers there and time going on, everything ends.
        for name in workers.keys {
            workers[name]?.mode = .active
            talk.dispatcher.setMode(.active, of: name, because: nil)
        }
        var rounds = 0
        while !waiting.isEmpty || !running.isEmpty, rounds < 5000 {
            rounds += 1
            talk.now += 1_000_000
            see()
            hand(talk.match())
            for name in workers.keys.sorted() where talk.polls(of: name) < 2 {
                if let text = talk.ask(name, queues: ["work", "other"]) { got(text, name) }
            }
            if let text = running.keys.min() {
                running[text] = nil
                done.insert(text)
                talk.finish(text)
            }
        }
        #expect(waiting.isEmpty && running.isEmpty && done.count == added, "seed \(seed): \(waiting.keys)")
        #expect(talk.dispatcher.readyCount == 0 && talk.dispatcher.heldCount == 0)
    }

    @Test("between any two turns of a share that has work, the others have a bounded number", arguments: 0..<8)
    func noStarvation(seed: Int) {
        var dice = SplitMix64(seed: UInt64(seed) &+ 1000)
        let talk = Conversation()
        talk.worker("w")
        let shares = (0..<6).map { "s\($0)" }
        var number = 0
        var left: [String: Int] = [:]
        func add(_ share: String) {
            number += 1
            left[share, default: 0] += 1
            // A share has one priority; each below has fewer turns, and some.
            talk.add(Conversation.task(share, number, priority: share == "s0" ? 4 : 5, cores: 1))
        }
        for share in shares { for _ in 0..<Int.random(in: 1...60, using: &dice) { add(share) } }
        var waited: [String: Int] = [:]
        for _ in 0..<300 {
            if Int.random(in: 0..<3, using: &dice) == 0 { add(shares.randomElement(using: &dice) ?? "s1") }
            guard let text = talk.ask("w") else { continue }
            let share = String(text.split(separator: "/")[0])
            left[share, default: 0] -= 1
            talk.finish(text)
            for other in shares {
                waited[other] = other == share || left[other] == 0 ? 0 : waited[other, default: 0] + 1
            }
            for (other, turns) in waited {
                #expect(turns <= (other == "s0" ? 8 : 6), "seed \(seed): \(other) waits for \(turns) turns")
            }
        }
    }
}
