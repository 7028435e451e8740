import Journal
import OrderedCollections
import Postgres

/// The database server in time: when a statement arrives, does its work and is answered, and everything that goes wrong
/// in between. Unchecked: all happens on the scheduler's thread.
final class ModelServer: @unchecked Sendable {
    let database = ModelDatabase()
    let trace: Trace
    /// One statement in so many meets a fault; nil when none does.
    var faultOneIn: Int?
    /// Nobody can connect, and what was connected is not any more.
    private(set) var isDown = false
    private var dice: Dice
    private var backends: OrderedDictionary<Int64, Backend> = [:]
    private var lastPID: Int64 = 0
    /// Statements that hold the row of the lease FOR KEY SHARE.
    private var sharers: Set<Int> = []
    /// Statements that wait to lock that row FOR UPDATE.
    private var exclusives: [() -> Void] = []
    /// Keys that statements under way are inserting.
    private let keys = ModelLocks()
    /// How many appends each client has under way.
    private var appends: [String: Int] = [:]
    private var slowUntil: Int64 = 0
    /// Statements that waited for each other.
    private(set) var deadlocks: [String] = []
    private var statementCount = 0
    /// Clients whose next append with a task's success is lost on its way; what is done then, with the places of such rows.
    private var losses: [String: ([(id: String, seq: Int64)]) -> Void] = [:]
    /// Clients whose next renewal of the lease takes long.
    private var lateRenewals: Set<String> = []

    init(seed: UInt64, trace: Trace) {
        dice = Dice(seed: seed)
        self.trace = trace
    }

    /// A server process: it goes on with what it was given whether or not its client is still there.
    final class Backend {
        let pid: Int64
        let startedAt: String
        var isFrozen = false
        /// Told to end by pg_terminate_backend.
        var isTold = false
        var isGone = false
        /// Ends the statement under way without its work.
        var abort: (() -> Void)?

        init(pid: Int64, startedAt: String) {
            self.pid = pid
            self.startedAt = startedAt
        }
    }

    func accept() -> Backend? {
        guard !isDown else { return nil }
        lastPID += 1
        let backend = Backend(pid: lastPID, startedAt: "\(database.now)")
        backends[lastPID] = backend
        return backend
    }

    /// Every process of it is gone, as after `kill -9` of the postmaster; it is up again later.
    func goDown(for microseconds: Int64) {
        guard !isDown else { return }
        trace.note("server down")
        trace.count("server down")
        isDown = true
        for backend in Array(backends.values) { end(backend) }
        Scheduler.shared.after(microseconds) {
            self.isDown = false
            self.trace.note("server up")
        }
    }

    private func end(_ backend: Backend) {
        backend.isGone = true
        backends[backend.pid] = nil
        backend.abort?()
    }

    /// Loses the next append of a client that has a task's success in a later row than the first.
    func loseSuccess(of client: String, _ then: @escaping ([(id: String, seq: Int64)]) -> Void) {
        losses[client] = then
    }

    func loseNothing(of client: String) { losses[client] = nil }

    func delayRenewal(of client: String) { lateRenewals.insert(client) }

    /// The places of an append's rows with a task's success in them, but for first rows.
    private static func successes(_ parameters: [PostgresValue]) -> [(id: String, seq: Int64)] {
        let given = Parameters(parameters)
        let (ids, seqs, effects) = (given.texts(3), given.ints(4), given.texts(6))
        return ids.indices.compactMap { index in
            guard let id = ids[index], let seq = seqs[index], seq > 0,
                effects[index]?.contains("\"taskSucceeded\"") == true
            else { return nil }
            return (id, seq)
        }
    }

    enum Answer {
        case result(PostgresResult)
        case error(sqlstate: String)
        /// The connection is lost.
        case lost
    }

    /// The disk is slow for a while: what is under way holds its locks for longer.
    func beSlow(for microseconds: Int64) { slowUntil = Scheduler.shared.now + microseconds }

    /// Some are slower than others, so that batches begin at all moments of each other. No dice: other events stay what they were.
    private func slowness(of number: Int) -> Int64 {
        Scheduler.shared.now < slowUntil ? Int64(1 + number % 5) * 40_000 : 0
    }

    private enum Fault: CaseIterable {
        case requestLost, replyLost, lateCommit, frozen, serialization, shutdown
    }

    /// Takes a statement from a client; the answer comes later, or never.
    func receive(
        _ sql: String, _ parameters: [PostgresValue], on backend: Backend, for client: String,
        didWork: @escaping () -> Void, answer: @escaping (Answer) -> Void
    ) {
        statementCount += 1
        let number = statementCount
        let kind = StatementKind(sql)
        var fault: Fault? =
            if let faultOneIn, dice.once(in: faultOneIn) { Fault.allCases.randomElement(using: &dice) } else { nil }
        if kind.isAppend, let loss = losses[client] {
            let places = Self.successes(parameters)
            if !places.isEmpty {
                losses[client] = nil
                fault = .requestLost
                loss(places)
            }
        }
        if kind.isRenewal, lateRenewals.remove(client) != nil { fault = .lateCommit }
        trace.note("\(client) #\(number) \(kind.name(parameters))\(fault.map { " fault \($0)" } ?? "")")
        if let fault { trace.count("fault \(fault)") }
        let (there, work, back) = (dice.delay(upTo: 20_000), dice.delay(upTo: 20_000), dice.delay(upTo: 20_000))
        let answer: (Answer) -> Void = { [trace] given in
            if fault == .replyLost { trace.note("\(client) #\(number) reply lost") }
            let sent: Answer = if case .result = given, fault == .replyLost { .lost } else { given }
            Scheduler.shared.after(back) { answer(sent) }
        }
        Scheduler.shared.after(there) { [self] in
            guard !backend.isGone, fault != .requestLost else { return answer(.lost) }
            switch fault {
            case .serialization: return answer(.error(sqlstate: "40001"))
            case .shutdown:
                end(backend)
                return answer(.error(sqlstate: "57P01"))
            default: break
            }
            if kind.isAppend {
                appends[client, default: 0] += 1
                if appends[client] == 2 { trace.count("batches at once") }
            }
            begin(
                sql, parameters, number, on: backend,
                work: extra(fault, backend) + work + slowness(of: number),
                isOver: { [self] in if kind.isAppend { appends[client, default: 1] -= 1 } }, didWork, answer)
        }
    }

    /// How much longer a fault makes a statement's work.
    private func extra(_ fault: Fault?, _ backend: Backend) -> Int64 {
        switch fault {
        // Server-side time-outs end what takes longer.
        case .lateCommit: return dice.roll(1_000_000...9_500_000)
        case .frozen:
            backend.isFrozen = true
            let length = dice.roll(2_000_000...40_000_000)
            Scheduler.shared.after(length) { [self] in
                backend.isFrozen = false
                // Told to end while it slept: it may have been past the point of no return.
                if backend.isTold, dice.once(in: 2) { end(backend) }
            }
            return length
        default: return 0
        }
    }

    private func begin(
        _ sql: String, _ parameters: [PostgresValue], _ number: Int, on backend: Backend, work: Int64,
        isOver end: @escaping () -> Void, _ didWork: @escaping () -> Void, _ answer: @escaping (Answer) -> Void
    ) {
        let lock = ModelDatabase.lock(of: sql)
        let findsLease = lock == .shared && database.findsLease(parameters)
        if findsLease { sharers.insert(number) }
        var isOver = false
        let leave = { [self] in
            isOver = true
            backend.abort = nil
            end()
            keys.release(number)
            if sharers.remove(number) != nil, sharers.isEmpty { wakeExclusives() }
        }
        backend.abort = {
            leave()
            answer(.lost)
        }
        let finish = { [self] in
            guard !isOver else { return }
            // Committed before anybody who waits for it goes on.
            database.foundLease = findsLease
            let result = result(of: sql, parameters)
            leave()
            answer(.result(result))
            didWork()
        }
        let wanted = database.keys(of: sql, parameters)
        let step = work / Int64(wanted.count + 1)
        /// Takes one key after the other, and holds them until it commits.
        func goOn(_ rest: ArraySlice<ModelLocks.Key>) {
            Scheduler.shared.after(step) { [self] in
                guard !isOver else { return }
                guard let key = rest.first else {
                    if lock == .exclusive, !sharers.isEmpty {
                        trace.count("takeover waited")
                        exclusives.append(finish)
                    } else {
                        finish()
                    }
                    return
                }
                // What is there already is no matter of locks.
                if database.has(key) { return goOn(rest.dropFirst()) }
                let isHeld = keys.take(key, for: number) { goOn(rest) }
                if isHeld { return goOn(rest.dropFirst()) }
                trace.note("#\(number) waits for \(key)")
                trace.count(key.isName ? "waited for a name" : "waited for a row")
                watch(number, { isOver }) { [self] sqlstate in
                    leave()
                    trace.note("#\(number) is ended: \(sqlstate)")
                    answer(.error(sqlstate: sqlstate))
                }
            }
        }
        goOn(wanted[...])
    }

    /// Ends a statement that waits for one that waits for it, or that has waited for too long.
    private func watch(_ number: Int, _ isOver: @escaping () -> Bool, _ end: @escaping (String) -> Void) {
        // deadlock_timeout
        Scheduler.shared.after(1_000_000) { [self] in
            guard !isOver(), let circle = keys.circle(of: number) else { return }
            trace.count("deadlock")
            deadlocks.append(circle)
            end("40P01")
        }
        // statement_timeout
        Scheduler.shared.after(10_000_000) { [self] in
            if !isOver(), keys.isWaiting(number) { end("57014") }
        }
    }

    private func wakeExclusives() {
        let woken = exclusives
        exclusives = []
        for action in woken { action() }
    }

    private func result(of sql: String, _ parameters: [PostgresValue]) -> PostgresResult {
        guard sql.contains("pg_terminate_backend") else { return database.execute(sql, parameters) }
        guard case .intArray(let pids) = parameters[0] else { preconditionFailure("no process ids: \(parameters)") }
        var told: [[String?]] = []
        for pid in pids {
            guard let pid, let backend = backends[pid] else { continue }
            told.append(["\(pid)", "t"])
            backend.isTold = true
            // One that is frozen hears of it later; one that works may be past the point of no return.
            if !backend.isFrozen, dice.once(in: 2) { end(backend) }
        }
        return Table(["pid": .bigint, "is_told": .boolean], told).result
    }
}

/// What a statement is, for the trace.
private struct StatementKind {
    private let word: String
    let isAppend: Bool
    let isRenewal: Bool

    init(_ sql: String) {
        isAppend = sql.contains("AS given (execution_id, seq, at, effects")
        let words = [
            ("AS given (execution_id, seq, at, effects", "append"), ("SELECT $3, $4, $2, $5, $6", "publish"),
            ("SELECT given.ordinal", "verdict"), ("pg_terminate_backend", "terminate"),
            ("INSERT INTO showrunner.lease", "take lease"), ("UPDATE showrunner.lease", "renew lease"),
            ("DELETE FROM showrunner.lease", "release lease"), ("renewed_at", "look at lease"),
            ("AS wanted (execution_id, next_seq)", "load many"),
            ("showrunner.cold", "cold"), ("showrunner.snapshot", "snapshot"), ("FROM showrunner.journal", "load"),
            ("clock_timestamp()", "clock"),
        ]
        isRenewal = sql.contains("UPDATE showrunner.lease")
        word = words.first { sql.contains($0.0) }?.1 ?? String(sql.prefix(60).split(separator: "\n")[0])
    }

    func name(_ parameters: [PostgresValue]) -> String {
        switch word {
        case "append":
            let given = Parameters(parameters)
            let rows = zip(given.texts(3), given.ints(4)).map { "\(($0 ?? "").suffix(6)):\($1 ?? -1)" }
            return "append \(given.text(2)) \(rows.joined(separator: " "))"
        case "publish":
            let given = Parameters(parameters)
            return "publish \(given.text(2)) \(given.text(3).suffix(6)):\(given.int(4))"
        case "load": return "load \(Parameters(parameters).text(1).suffix(6))"
        default: return word
        }
    }
}

/// One connection of a process to the server.
final class ModelConnection: JournalConnection, @unchecked Sendable {
    private let server: ModelServer
    private let backend: ModelServer.Backend
    private let client: Client
    private(set) var isOpen = true

    private init(_ server: ModelServer, _ backend: ModelServer.Backend, _ client: Client) {
        self.server = server
        self.backend = backend
        self.client = client
    }

    static func connect(_ server: ModelServer, _ client: Client) async throws(PostgresError) -> ModelConnection {
        await client.pause(upTo: 20_000)
        guard let backend = server.accept() else {
            throw PostgresError(outcome: .notSent, message: "the server does not answer")
        }
        return ModelConnection(server, backend, client)
    }

    func query(
        _ sql: String, _ parameters: [PostgresValue], deadline: Duration
    ) async throws(PostgresError) -> PostgresResult {
        if backend.isGone { isOpen = false }
        guard isOpen else { throw PostgresError(outcome: .notSent, message: "the connection is closed") }
        if sql.contains("pg_backend_pid()") {
            return Table(
                ["pid": .bigint, "started_at": .text, "timeline": .bigint, "position": .bigint],
                [["\(backend.pid)", backend.startedAt, "1", "1"]]
            ).result
        }
        let answer: Result<PostgresResult, PostgresError> = await withUnsafeContinuation { continuation in
            send(sql, parameters, deadline) { continuation.resume(returning: $0) }
        }
        return try answer.get()
    }

    private func send(
        _ sql: String, _ parameters: [PostgresValue], _ deadline: Duration,
        _ resume: @escaping (Result<PostgresResult, PostgresError>) -> Void
    ) {
        var isAnswered = false
        let answer: (Result<PostgresResult, PostgresError>) -> Void = { [client] result in
            client.host.deliver {
                guard !isAnswered else { return }
                isAnswered = true
                resume(result)
            }
        }
        let crash = client.crash(before: sql)
        if crash == .beforeSending { return client.host.die() }
        server.receive(
            sql, parameters, on: backend, for: client.host.name,
            didWork: { [client] in if crash == .afterCommit { client.host.die() } },
            answer: { [self] given in
                switch given {
                case .result(let result): answer(.success(result))
                case .error(let sqlstate):
                    if sqlstate == "57P01" { isOpen = false }
                    answer(.failure(PostgresError(outcome: .refused(sqlstate: sqlstate), message: "refused")))
                case .lost:
                    isOpen = false
                    answer(.failure(PostgresError(outcome: .unknown, message: "the connection is lost")))
                }
            })
        if crash == .afterSending { return client.host.die() }
        Scheduler.shared.after(deadline.wholeMicroseconds) { [self] in
            client.host.deliver { [self] in
                guard !isAnswered else { return }
                isOpen = false
                server.trace.count("missed deadline")
                answer(.failure(PostgresError(outcome: .unknown, message: "the deadline has passed")))
            }
        }
    }

    func close() async { isOpen = false }
}

/// The process at the client's end of connections, which may be told to die at one of its statements.
final class Client: @unchecked Sendable {
    enum Crash: CaseIterable { case beforeSending, afterSending, afterCommit }

    let host: Host
    private var dice: Dice
    private var statements = 0
    private let crashAt: Int?

    init(_ host: Host, crashAt: Int?, dice: Dice) {
        self.host = host
        self.crashAt = crashAt
        self.dice = dice
    }

    /// Whether the process dies at this statement, and when.
    func crash(before sql: String) -> Crash? {
        statements += 1
        guard statements == crashAt else { return nil }
        return Crash.allCases.randomElement(using: &dice)
    }

    /// Some time on the way.
    func pause(upTo limit: Int64) async {
        let microseconds = dice.delay(upTo: limit)
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            Scheduler.shared.after(microseconds) { [host] in host.deliver { continuation.resume() } }
        }
    }
}
