import Dispatching
import Glibc
import SeededNumbers

/// What a small title pays for a large one that is already there, and what a task costs the dispatcher. Workers are
/// modelled: a chunk takes 20 to 40 s of virtual time, from a seed.
///
/// `swift run -c release --package-path Benchmarks dispatch-benchmark`
@main
struct DispatchBenchmark {
    static func main() {
        measureStarvation()
        measureCost()
    }

    private static let large = 10_000
    private static let small = 10

    /// One title with 10,000 chunks, one with 10 that comes ten minutes later, same priority.
    private static func measureStarvation() {
        print("seconds until the small title's 10 chunks are done; medians of 21 seeds")
        print("workers  alone  in turns  slow-down  first come, first served")
        for workers in [4, 16, 64] {
            var alone: [Double] = []
            var turns: [Double] = []
            var queue: [Double] = []
            for seed in 0..<21 as Range<UInt64> {
                alone.append(play(seed, workers: workers, large: 0, hasShares: true))
                turns.append(play(seed, workers: workers, large: large, hasShares: true))
                queue.append(play(seed, workers: workers, large: large, hasShares: false))
            }
            let slowDown = zip(turns, alone).map { $0 / $1 }
            print(
                "\(workers)  \(rounded(median(alone)))  \(rounded(median(turns)))  \(rounded(median(slowDown)))"
                    + " (worst \(rounded(slowDown.max() ?? 0)))  \(rounded(median(queue)))")
        }
    }

    /// Seconds from the small title's coming to its last chunk's end.
    private static func play(_ seed: UInt64, workers: Int, large: Int, hasShares: Bool) -> Double {
        var dice = SplitMix64(seed: seed)
        var dispatcher = Dispatcher()
        var now: Int64 = 0
        let arrival: Int64 = 600_000_000
        /// When a task's worker is done with it.
        var ends: [(at: Int64, worker: Int, task: TaskName)] = []
        var idle = Array(0..<workers)
        var left = small
        func add(_ share: String, _ count: Int) {
            for number in 0..<count {
                let name = TaskName(execution: share, entry: number)
                let task = ReadyTask(name: name, queue: "transcode", share: hasShares ? share : "all")
                _ = dispatcher.add(task, at: now)
            }
        }
        func feed() {
            for worker in 0..<workers {
                dispatcher.see("\(worker)", labels: [:], capacity: nil, queues: ["transcode"], at: now)
            }
            while let worker = idle.last,
                let task = dispatcher.ask(
                    Poll(id: UInt64(worker), worker: "\(worker)", queues: ["transcode"]), at: now)
            {
                idle.removeLast()
                ends.append((now + Int64.random(in: 20_000_000...40_000_000, using: &dice), worker, task.name))
            }
        }
        add("large", large)
        feed()
        var hasArrived = false
        while left > 0 {
            let next = ends.indices.min { ends[$0].at < ends[$1].at }
            if !hasArrived, next.map({ ends[$0].at > arrival }) ?? true {
                now = arrival
                hasArrived = true
                add("small", small)
            } else if let next {
                let end = ends.remove(at: next)
                now = end.at
                idle.append(end.worker)
                dispatcher.finish(end.task)
                if end.task.execution == "small" { left -= 1 }
            } else {
                preconditionFailure("tasks wait and nobody works")
            }
            feed()
        }
        return Double(now - arrival) / 1_000_000
    }

    /// Processor time of a task's way through the dispatcher: ready, asked for, done.
    private static func measureCost() {
        print("microseconds a task, by ready tasks and shares")
        for (count, shares) in [(100, 10), (10_000, 10), (100_000, 10), (100_000, 10_000)] {
            var dispatcher = Dispatcher()
            dispatcher.see("w", labels: [:], capacity: nil, queues: ["transcode"], at: 0)
            let names = (0..<count).map { TaskName(execution: "share \($0 % shares)", entry: $0) }
            let began = processorSeconds()
            for name in names {
                _ = dispatcher.add(ReadyTask(name: name, queue: "transcode", share: name.execution), at: 0)
            }
            var done = 0
            while let task = dispatcher.ask(Poll(id: 0, worker: "w", queues: ["transcode"]), at: 0) {
                dispatcher.finish(task.name)
                done += 1
            }
            precondition(done == count, "every task is handed out once")
            print("\(count) in \(shares): \(rounded((processorSeconds() - began) / Double(count) * 1_000_000))")
        }
    }

    private static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1_000_000_000
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    private static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}
