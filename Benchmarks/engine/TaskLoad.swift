import Foundation
import Glibc
import Load
import Synchronization

/// Executions of three tasks in a row, started at a steady rate whatever the engine answers, their tasks done at once by
/// workers that speak `/worker/v1`. What is measured: how long after a worker sends one task's result the execution's
/// next task is in a worker's hands.
///
/// The engine must know the step `validate` and have no other worker for it: `showrunner up --workers 0`.
struct TaskLoad {
    let port: UInt16
    /// Tasks a second.
    let rate: Int
    /// Long polls at the same time.
    let workers: Int
    let seconds: Int
    /// The engine's, as a libpq connection URI; nil where commits are not counted.
    let database: String?

    /// When the result before was sent, by execution.
    private final class Sent: Sendable {
        struct State {
            var results: [String: ContinuousClock.Instant] = [:]
            var gaps: [Double] = []
            var tasks = 0
        }
        let state = Mutex(State())
    }

    func run() async throws {
        let setUp = try Caller(port: port)
        let mark = String(UInt32.random(in: 0 ... .max), radix: 16)
        let task = #"\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::showrunner:validate\""#
        let definition =
            #"{\"StartAt\":\"A\",\"States\":{\"A\":{\#(task),\"Next\":\"B\"},\"B\":{\#(task),\"Next\":\"C\"},\"C\":{\#(task),\"End\":true}}}"#
        try setUp.call(
            "CreateStateMachine",
            #"{"name":"task-\#(mark)","roleArn":"arn:aws:iam::000000000000:role/benchmark","definition":"\#(definition)"}"#
        )
        let start = #"{"stateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:task-\#(mark)"}"#
        let sent = Sent()
        var commits: Commits?
        if let database { commits = try await Commits.begin(database) }
        let end = ContinuousClock.now.advanced(by: .seconds(seconds))
        let (port, rate) = (self.port, self.rate)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<workers {
                group.addTask { try await onThread { try Self.work(port, number, until: end, sent) } }
            }
            // Several starters, since each waits for its answer and the rate must not.
            let starters = 8
            for starter in 0..<starters {
                group.addTask {
                    try await onThread {
                        let caller = try Caller(port: port)
                        let period = Duration.seconds(3) * starters / rate
                        var due = ContinuousClock.now + period * starter / starters
                        while due < end {
                            let wait = due - .now
                            if wait > .zero { usleep(UInt32(wait / .microseconds(1))) }
                            try caller.call("StartExecution", start)
                            due += period
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let (gaps, tasks) = sent.state.withLock { ($0.gaps.sorted(), $0.tasks) }
        try await commits?.tell(tasks: tasks)
        print("task, \(rate) tasks a second asked for, \(workers) polls: \(tasks / seconds) a second done")
        print(
            "result sent until the next task is in a worker's hands: p50 \(digits(gaps.quantile(0.5))) ms, "
                + "p99 \(digits(gaps.quantile(0.99))) ms, of \(gaps.count)")
    }

    private static func work(
        _ port: UInt16, _ number: Int, until end: ContinuousClock.Instant, _ sent: Sent
    ) throws {
        let caller = try Caller(port: port)
        let poll =
            #"{"worker":"load-\#(number)","incarnation":"\#(getpid())-\#(number)","version":"0","steps":["validate"],"slots":1,"waitSeconds":1}"#
        while .now < end {
            let offer = try caller.post("/worker/v1/poll", poll)
            let now = ContinuousClock.now
            guard let token = offer.firstMatch(of: /"token":"([^"]*)"/)?.1,
                let execution = offer.firstMatch(of: /"execution":"([^"]*)"/)?.1
            else { continue }
            let key = String(execution)
            sent.state.withLock { state in
                if let before = state.results[key] { state.gaps.append((now - before) / .milliseconds(1)) }
                state.results[key] = .now
            }
            try caller.post("/worker/v1/complete", #"{"token":"\#(token)","output":{}}"#)
            sent.state.withLock { $0.tasks += 1 }
        }
    }
}

/// Transactions that write into the engine's database, without those that it makes of its own accord (the lease, starts asked
/// for by SQL).
private struct Commits {
    let url: String
    let before: Int64
    let began: ContinuousClock.Instant
    /// A second, with nothing to do.
    let idle: Double

    /// Looks at an idle engine first, for some renewals of its lease.
    static func begin(_ url: String) async throws -> Commits {
        let (first, began) = (try await ServerCounters.read(url).commits, ContinuousClock.now)
        try await Task.sleep(for: .seconds(12))
        let (before, now) = (try await ServerCounters.read(url).commits, ContinuousClock.now)
        return Commits(
            url: url, before: before, began: now, idle: Double(before - first) / ((now - began) / .seconds(1)))
    }

    func tell(tasks: Int) async throws {
        let commits = Double(try await ServerCounters.read(url).commits - before)
        let own = idle * ((ContinuousClock.now - began) / .seconds(1))
        print(
            "commits: \(digits((commits - own) / Double(max(1, tasks)))) a task, beside \(digits(idle)) a second of an idle engine"
        )
    }
}
