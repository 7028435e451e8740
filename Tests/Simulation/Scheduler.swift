@_spi(ExperimentalCustomExecutors) import _Concurrency
import Glibc
import HeapModule
import SeededNumbers

/// Runs every job of the process on one thread, in an order that the seed chooses, under a clock of its own.
///
/// It is the process's default executor, so actors and tasks come here unchanged. Among the jobs that are ready, one is
/// drawn; when none is, time jumps to the next instant at which something is due. Unchecked: nothing here is ever touched
/// from another thread, and a job that comes from one traps.
final class Scheduler: TaskExecutor, @unchecked Sendable {
    /// The process has one.
    static let shared = Scheduler()

    private let thread = pthread_self()
    private var ready: [UnownedJob] = []
    private var due: Heap<Due> = []
    private var dueCount: UInt64 = 0
    /// Draws the order of jobs; one of its own, so that a scenario's numbers do not depend on how many jobs there are.
    private var dice = Dice(seed: 0)
    /// Microseconds since the scenario began.
    private(set) var now: Int64 = 0
    private(set) var jobs = 0

    private struct Due: Comparable {
        let at: Int64
        /// First come, first served within one instant.
        let order: UInt64
        let action: () -> Void

        static func < (left: Due, right: Due) -> Bool { (left.at, left.order) < (right.at, right.order) }
        static func == (left: Due, right: Due) -> Bool { left.order == right.order }
    }

    /// Makes this the process's executor: to be called before anything asynchronous happens.
    static func install() { _createExecutors(factory: Executors.self) }

    func enqueue(_ job: consuming ExecutorJob) {
        precondition(
            pthread_equal(thread, pthread_self()) != 0,
            "a job came from another thread: something blocks or sleeps past the clock")
        ready.append(UnownedJob(job))
    }

    /// Does something once so many microseconds have passed.
    func after(_ microseconds: Int64, _ action: @escaping () -> Void) {
        dueCount += 1
        due.insert(Due(at: now + max(0, microseconds), order: dueCount, action: action))
    }

    /// Runs until a condition holds. False when nothing is left to do, or `limit` is reached, before it does.
    func run(seed: UInt64, limit: Int64, until isDone: () -> Bool) -> Bool {
        dice = Dice(seed: seed)
        var atOnce = 0
        while !isDone() {
            if let job = next() {
                jobs += 1
                atOnce += 1
                if atOnce > Self.jobsAtOnce { return false }
                job.runSynchronously(on: asUnownedTaskExecutor())
            } else if let next = due.popMin(), next.at <= limit {
                now = max(now, next.at)
                atOnce = 0
                next.action()
            } else {
                return false
            }
        }
        return true
    }

    /// With more of them at one instant something goes round in a circle, and time stands still.
    private static let jobsAtOnce = 200_000

    private func next() -> UnownedJob? {
        guard !ready.isEmpty else { return nil }
        // The order among those left does not matter: one of them is drawn again.
        ready.swapAt(Int.random(in: 0..<ready.count, using: &dice), ready.count - 1)
        return ready.removeLast()
    }

    /// Forgets what a former scenario has left: its jobs and what it waited for.
    func reset() {
        ready = []
        due = []
        now = 0
        jobs = 0
    }
}

private enum Executors: ExecutorFactory {
    static var mainExecutor: any MainExecutor { PlatformExecutorFactory.mainExecutor }
    static var defaultExecutor: any TaskExecutor { Scheduler.shared }
}

/// Numbers that a printed seed gives again, and what is drawn from them.
struct Dice: RandomNumberGenerator {
    private var numbers: SplitMix64

    init(seed: UInt64) { numbers = SplitMix64(seed: seed) }

    mutating func next() -> UInt64 { numbers.next() }

    /// True once in so many times.
    mutating func once(in count: Int) -> Bool { Int.random(in: 0..<count, using: &self) == 0 }

    mutating func roll(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &self) }

    /// Mostly short, now and then longer by orders of magnitude, in microseconds.
    mutating func delay(upTo limit: Int64) -> Int64 {
        let magnitude = Int.random(in: 0...3, using: &self)
        return roll(0...max(1, limit >> (magnitude * 4)))
    }
}
