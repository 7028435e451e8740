@testable import Engine
import JSON
import Journal
import Postgres
import Schedules
import StatesLanguage
import Synchronization
import Testing
import YAML

/// Time that stands still until it is told to go on; each process has a boot clock of its own that shows it.
final class StandingTime: Sendable {
    private struct Sleeper {
        let process: Int
        let deadline: Int64
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now: Int64 = 0
        var count = 0
        var sleepers: [Int: Sleeper] = [:]
        var cancelled: Set<Int> = []
    }

    private let state = Mutex(State())

    /// Microseconds since the beginning.
    var now: Int64 { state.withLock { $0.now } }

    /// When those of a process who sleep are to be woken.
    func deadlines(of process: Int) -> [Int64] {
        state.withLock { $0.sleepers.values.filter { $0.process == process }.map(\.deadline) }
    }

    func advance(to instant: Int64) {
        let due = state.withLock { state in
            state.now = max(state.now, instant)
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for number in due.keys { state.sleepers[number] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    fileprivate func sleep(until deadline: Int64, process: Int) async throws {
        let number = state.withLock { state in
            state.count += 1
            return state.count
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let result: Result<Void, any Error>? = state.withLock { state in
                    if state.cancelled.remove(number) != nil { return .failure(CancellationError()) }
                    if deadline <= state.now { return .success(()) }
                    state.sleepers[number] = Sleeper(
                        process: process, deadline: deadline, continuation: continuation)
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: number)
                if sleeper == nil { state.cancelled.insert(number) }
                return sleeper
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }
}

/// The boot clock of one process.
struct StandingClock: Clock {
    struct Instant: InstantProtocol {
        var microseconds: Int64

        func advanced(by duration: Duration) -> Instant {
            Instant(microseconds: microseconds + Int64((duration / .microseconds(1)).rounded(.up)))
        }
        func duration(to other: Instant) -> Duration { .microseconds(other.microseconds - microseconds) }
        static func < (left: Instant, right: Instant) -> Bool { left.microseconds < right.microseconds }
    }

    let time: StandingTime
    let process: Int

    var now: Instant { Instant(microseconds: time.now) }
    var minimumResolution: Duration { .microseconds(1) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try await time.sleep(until: deadline.microseconds, process: process)
    }
}

/// What an engine's process is to its database: it speaks until it dies at a named point.
final class Mortality: Sendable {
    /// Where a process dies: before a statement leaves it, or after it was done and before its answer is heard.
    struct Point: Sendable, Hashable, CustomStringConvertible {
        enum Statement: String, Sendable, CaseIterable {
            /// A schedule keeps that it fires.
            case fireKept
            /// The first row of an execution is appended.
            case firstRow
            /// A schedule keeps that an execution has started.
            case startKept
            /// The last row of an execution is appended.
            case lastRow
            /// A schedule keeps that an execution has ended.
            case endKept
        }

        let statement: Statement
        let isDone: Bool

        var description: String { "\(isDone ? "after" : "before") \(statement)" }

        static let all = Statement.allCases.flatMap {
            [Point(statement: $0, isDone: false), Point(statement: $0, isDone: true)]
        }
    }

    private struct State {
        var point: Point?
        var isDead = false
        /// Executions that the schedules' kept states say run, and whether they are known to.
        var running: [String: [String: Bool]] = [:]
    }

    private let state = Mutex(State())

    var isDead: Bool { state.withLock { $0.isDead } }
    func die() { state.withLock { $0.isDead = true } }
    func arm(_ point: Point) { state.withLock { $0.point = point } }

    static let death = PostgresError(outcome: .unknown, message: "the process is dead")

    func passing<Value: Sendable>(
        _ sql: String, _ parameters: [PostgresValue], _ body: () async throws(PostgresError) -> Value
    ) async throws(PostgresError) -> Value {
        let statements = self.statements(sql, parameters)
        let isDone = state.withLock { state -> Bool? in
            guard !state.isDead, let point = state.point, statements.contains(point.statement) else { return nil }
            if !point.isDone { state.isDead = true }
            return point.isDone
        }
        if isDead { throw Self.death }
        let value = try await body()
        if isDone == true { die() }
        if isDead { throw Self.death }
        return value
    }

    /// What a statement is among those that a fire makes.
    private func statements(_ sql: String, _ parameters: [PostgresValue]) -> Set<Point.Statement> {
        if sql.contains("INSERT INTO showrunner.schedule"), case .text(let name) = parameters[1],
            case .text(let text) = parameters[2]
        {
            let document: JSON
            do { document = try JSON(parsing: text) } catch { preconditionFailure("a state is JSON: \(error)") }
            var running: [String: Bool] = [:]
            for run in document["running"]?.arrayValue ?? [] {
                running[run["name"]?.stringValue ?? ""] = run["confirmed"] == true
            }
            return state.withLock { state in
                let before = state.running.updateValue(running, forKey: name) ?? [:]
                var found: Set<Point.Statement> = []
                if running.contains(where: { !$0.value && before[$0.key] == nil }) { found.insert(.fireKept) }
                if running.contains(where: { $0.value && before[$0.key] == false }) { found.insert(.startKept) }
                if before.contains(where: { running[$0.key] == nil }) { found.insert(.endKept) }
                return found
            }
        }
        guard sql.contains("AS given (execution_id, seq, at, effects"), case .textArray(let rows) = parameters[5] else {
            return []
        }
        var found: Set<Point.Statement> = []
        for case let row? in rows {
            if row.contains("executionStarted") { found.insert(.firstRow) }
            if row.contains("executionSucceeded") { found.insert(.lastRow) }
        }
        return found
    }
}

private struct MortalConnection: JournalConnection {
    let connection: PostgresConnection
    let mortality: Mortality
    /// Microseconds since 1970.
    let databaseTime: @Sendable () -> Int64

    func query(
        _ sql: String, _ parameters: [PostgresValue], deadline: Duration
    ) async throws(PostgresError) -> PostgresResult {
        // The database's clock is the test's.
        if sql.contains("AS now"), !sql.contains("FROM showrunner") {
            if mortality.isDead { throw Mortality.death }
            return PostgresResult(columns: [("now", .bigint)], rows: [["\(databaseTime())"]])
        }
        return try await mortality.passing(sql, parameters) { () async throws(PostgresError) in
            try await connection.query(sql, parameters, deadline: deadline)
        }
    }

    var isOpen: Bool { connection.isOpen }
    func close() async { await connection.close() }
}

/// A database, a clock for it and one for machines, and engines that come and go.
final class ScheduleWorld: Sendable {
    let stage: Stage
    let clock = StandingTime()
    /// How far the database's clock is ahead of what the boot clock has counted since the beginning, in microseconds.
    let jump = Mutex<Int64>(0)
    private let engines = Mutex(0)

    /// 2026-11-28T00:00:00Z.
    static let begin: EpochSeconds = 1_795_824_000

    /// Machines with a state that passes time.
    static let machines = [
        "quick": #"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#,
        "half-minute": #"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":30,"End":true}}}"#,
        "quarter": #"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":880,"End":true}}}"#,
    ]

    init() async throws { stage = try await Stage() }

    /// Seconds since 1970, as the database's clock shows them.
    var time: EpochSeconds { EpochSeconds(databaseTime / 1_000_000) }

    private var databaseTime: Int64 {
        Int64(Self.begin) * 1_000_000 + clock.now + jump.withLock { $0 }
    }

    struct Running: Sendable {
        let engine: Engine
        let journal: Journal
        let mortality: Mortality
        let process: Int
    }

    static func schedules(_ yaml: String) throws -> [Schedule] {
        let (schedules, problems) = Schedule.read(try YAMLDocument.parse(Array(yaml.utf8))) { (_) in nil }
        return try #require(schedules, "\(problems.map { $0.text(file: "schedules.yaml") })")
    }

    /// An engine that serves; whoever was active before it has died.
    func engine(_ schedules: [Schedule]) async throws -> Running {
        let number = engines.withLock { number in
            number += 1
            return number
        }
        let mortality = Mortality()
        let journal = Journal(
            url: stage.url, incarnation: "e\(number)", log: silent,
            connector: { (url, name, settings, deadline) async throws(PostgresError) in
                MortalConnection(
                    connection: try await PostgresConnection.connect(
                        url, applicationName: name, settings: settings, deadline: deadline),
                    mortality: mortality, databaseTime: { self.databaseTime })
            })
        let engine = Engine(
            journal: journal, log: silent, contracts: [],
            bootClock: StandingClock(time: clock, process: number))
        try await engine.activate(holder: "e\(number)", isDead: { _ in true })
        try await engine.loadMachines()
        for (name, definition) in Self.machines.sorted(by: { $0.key < $1.key }) {
            let machine = try #require(Definition.read(json: definition).machine)
            try await engine.deploy(name: name, machine: machine, definition: try JSON(parsing: definition))
        }
        try await engine.deploySchedules(schedules)
        await engine.beginServing()
        return Running(engine: engine, journal: journal, mortality: mortality, process: number)
    }

    /// What a dead process leaves behind is forgotten.
    func bury(_ running: Running) async {
        running.mortality.die()
        await running.engine.stop()
        await running.journal.close(deadline: .zero)
    }

    /// Waits until the engine has nothing to do before time passes, and all in it that wait for time sleep; or it is dead.
    func settle(_ running: Running) async {
        while !running.mortality.isDead {
            let timers = await running.engine.timersWhenQuiet()
            if let timers, clock.deadlines(of: running.process).count >= timers { return }
            await Task.yield()
        }
    }

    /// Lets time pass, from one thing that happens to the next; ends early when the engine dies.
    func pass(seconds: Int, _ running: Running) async {
        let end = clock.now + Int64(seconds) * 1_000_000
        await settle(running)
        while !running.mortality.isDead, clock.now < end {
            clock.advance(to: min(end, clock.deadlines(of: running.process).min() ?? end))
            await settle(running)
        }
    }

    /// The executions of all engines: names with their status, by name.
    func executions() async throws -> [(name: String, status: String)] {
        try await stage.query("SELECT name, status FROM showrunner.execution_list ORDER BY name, started_at").map {
            ($0.text("name"), $0.text("status"))
        }
    }
}

extension Engine {
    /// How many timers run when nothing is left to be done before time passes; nil while something is.
    func timersWhenQuiet() -> Int? {
        let time = scheduleTime
        let isIdle = scheduling.entries.values.allSatisfy { entry in
            entry.mailbox.isEmpty && !entry.isDeciding && entry.underWay.isEmpty
                // What is set aside is asked to stop again and again.
                && (entry.state.unconfirmed.isEmpty || !suspects.isEmpty) && (entry.wakeTime ?? .max) > time
                && entry.state.running.count == scheduling.watched.values.count { $0.schedule == entry.schedule.name }
        }
        let isSampled = scheduling.entries.isEmpty || now - scheduling.clock.lookedAt < 60_000_000
        let isQuiet =
            isIdle && isSampled && scheduling.armedAt == scheduling.entries.values.compactMap(\.wakeTime).min()
            && (alarms.min?.at ?? .max) > now
            && runs.values.allSatisfy { !$0.isAppending && $0.mailbox.isEmpty }
            && scheduling.watched.keys.count { arn in !runs.values.contains { $0.execution.arn == arn } }
                <= cold.total + suspects.count
        guard isQuiet else { return nil }
        return [
            armedAt != nil, scheduling.armedAt != nil, !scheduling.entries.isEmpty, cold.letsGo, cold.nextDue != nil,
        ].count { $0 }
    }
}
