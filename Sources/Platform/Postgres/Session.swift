import CPostgres
import Glibc
import Synchronization

/// What others may know of a connection without asking its thread.
final class Standing: Sendable {
    let isOpen = Atomic(false)
}

/// The one owner of a `PGconn`, used on its connection's thread only.
final class Session {
    private var connection: OpaquePointer?
    private(set) var backendPID: Int32 = 0
    private var statements = StatementCache()
    let standing = Standing()
    private let thread: ConnectionThread

    init(on thread: ConnectionThread) { self.thread = thread }

    deinit { close() }

    var isOpen: Bool { connection != nil }

    /// The largest statement text and parameters in bytes. The server's own limit is 1 GB for one value.
    static let statementBytesLimit = 256 << 20

    func close() {
        if let connection { PQfinish(connection) }
        connection = nil
        standing.isOpen.store(false, ordering: .relaxed)
        statements = StatementCache()
    }

    // MARK: Opening

    func open(
        _ url: String, applicationName: String, settings: [String: String], until deadline: ContinuousClock.Instant
    ) throws(PostgresError) {
        // The spaces and backslashes of `options` are escaped by backslashes (libpq, "Parameter Key Words").
        let options = settings.sorted { $0.key < $1.key }.map { setting in
            var value = ""
            for character in setting.value {
                if character == " " || character == "\\" { value.append("\\") }
                value.append(character)
            }
            return "-c \(setting.key)=\(value)"
        }
        var parameters = [
            ("dbname", url), ("application_name", applicationName), ("client_encoding", "UTF8"),
            // A peer that vanished without a word is noticed by the deadlines; this frees the kernel's side.
            ("keepalives_idle", "30"),
        ]
        if !options.isEmpty { parameters.append(("options", options.joined(separator: " "))) }
        guard let connection = Self.start(parameters) else {
            throw PostgresError(outcome: .notSent, message: "libpq has no memory for a connection")
        }
        self.connection = connection
        PQsetNoticeReceiver(connection, { _, _ in }, nil)
        do throws(PostgresError) {
            try finishOpening(connection, until: deadline)
        } catch {
            close()
            throw error
        }
    }

    private static func start(_ parameters: [(String, String)]) -> OpaquePointer? {
        let keywords = parameters.map { strdup($0.0) }
        let values = parameters.map { strdup($0.1) }
        defer { for string in keywords + values { free(string) } }
        return PQconnectStartParams(
            keywords.map { UnsafePointer($0) } + [nil], values.map { UnsafePointer($0) } + [nil], 1)
    }

    private func finishOpening(
        _ connection: OpaquePointer, until deadline: ContinuousClock.Instant
    ) throws(PostgresError) {
        // "Loop thus: if PQconnectPoll last returned PGRES_POLLING_READING, wait until the socket is ready to read";
        // before the first call act as if it had returned PGRES_POLLING_WRITING (libpq, PQconnectStartParams).
        var status = PGRES_POLLING_WRITING
        guard PQstatus(connection) != CONNECTION_BAD else { throw connectFailure(connection) }
        while status != PGRES_POLLING_OK {
            let events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT
            guard try wait(for: Int16(events), until: deadline) else {
                throw PostgresError(outcome: .notSent, message: "PostgreSQL did not accept the connection in time")
            }
            status = PQconnectPoll(connection)
            guard status != PGRES_POLLING_FAILED else { throw connectFailure(connection) }
        }
        guard PQsetnonblocking(connection, 1) == 0 else { throw connectFailure(connection) }
        backendPID = PQbackendPID(connection)
        standing.isOpen.store(true, ordering: .relaxed)
    }

    private func connectFailure(_ connection: OpaquePointer) -> PostgresError {
        PostgresError(outcome: .notSent, message: "cannot connect to PostgreSQL: " + message(of: connection))
    }

    // MARK: Statements

    func query(
        _ sql: String, _ parameters: [PostgresValue], until deadline: ContinuousClock.Instant
    ) throws(PostgresError) -> PostgresResult {
        let wire = try PostgresParameters(parameters)
        try checkStatement(sql, bytes: wire.arena.count)
        let connection = try ready()
        let key = StatementCache.Key(sql: sql, types: wire.types)
        switch statements.use(key) {
        case .plain: return try send(connection, sql, wire, until: deadline)
        case .prepare(let name): try prepare(connection, key, as: name, until: deadline)
        case .prepared: break
        }
        do throws(PostgresError) {
            return try send(connection, sql, wire, prepared: statements.name(of: key), until: deadline)
        } catch {
            // What the statement gives has another shape since a table was changed, or somebody has discarded it. It was
            // not carried out.
            guard error.outcome == .refused(sqlstate: "0A000") || error.outcome == .refused(sqlstate: "26000") else {
                throw error
            }
            statements.giveUp(key)
            // A transaction that it stood in has failed; the next one sends it as it is.
            guard PQtransactionStatus(connection) == PQTRANS_IDLE else { throw error }
            return try send(connection, sql, wire, until: deadline)
        }
    }

    private func prepare(
        _ connection: OpaquePointer, _ key: StatementCache.Key, as name: String, until deadline: ContinuousClock.Instant
    ) throws(PostgresError) {
        do throws(PostgresError) {
            let sent = PQsendPrepare(connection, name, key.sql, Int32(key.types.count), key.types)
            _ = try finish(connection, sent: sent == 1, until: deadline)
            statements.keep(key, name)
        } catch {
            // Whatever became of the preparation, the statement itself was not sent.
            guard error.outcome == .unknown else { throw error }
            throw PostgresError(outcome: .notSent, message: error.message)
        }
    }

    private func send(
        _ connection: OpaquePointer, _ sql: String, _ wire: PostgresParameters, prepared name: String? = nil,
        until deadline: ContinuousClock.Instant
    ) throws(PostgresError) -> PostgresResult {
        let sent = wire.arena.withUnsafeBytes { arena in
            let values = wire.offsets.map { offset in
                // An empty arena still needs an address: a null pointer would mean SQL null.
                offset.map { (arena.baseAddress ?? UnsafeRawPointer(bitPattern: 1))! + $0 }?
                    .assumingMemoryBound(to: CChar.self)
            }
            let count = Int32(wire.offsets.count)
            guard let name else {
                return PQsendQueryParams(
                    connection, sql, count, wire.types, values, wire.lengths, wire.formats, 0)
            }
            return PQsendQueryPrepared(connection, name, count, values, wire.lengths, wire.formats, 0)
        }
        return try finish(connection, sent: sent == 1, until: deadline)
    }

    func script(_ sql: String, until deadline: ContinuousClock.Instant) throws(PostgresError) -> PostgresResult {
        try checkStatement(sql, bytes: 0)
        let connection = try ready()
        return try finish(connection, sent: PQsendQuery(connection, sql) == 1, until: deadline)
    }

    private func checkStatement(_ sql: String, bytes: Int) throws(PostgresError) {
        guard sql.utf8.count + bytes <= Self.statementBytesLimit else {
            throw PostgresError(
                outcome: .notSent,
                message: "a statement of \(sql.utf8.count + bytes) bytes, the limit is \(Self.statementBytesLimit)")
        }
        precondition(!sql.utf8.contains(0), "a statement's text contains U+0000, behind which nothing would be sent")
    }

    /// The connection, after a look whether the server has ended it meanwhile: what was never sent needs no finding out.
    private func ready() throws(PostgresError) -> OpaquePointer {
        let connection = try opened()
        if PQtransactionStatus(connection) == PQTRANS_IDLE, !isHealthy() {
            throw PostgresError(outcome: .notSent, message: "the server has ended the connection")
        }
        return connection
    }

    private func opened() throws(PostgresError) -> OpaquePointer {
        guard let connection else {
            throw PostgresError(outcome: .notSent, message: "the connection to PostgreSQL is closed")
        }
        return connection
    }

    private func finish(
        _ connection: OpaquePointer, sent: Bool, until deadline: ContinuousClock.Instant
    ) throws(PostgresError) -> PostgresResult {
        do throws(PostgresError) {
            // libpq may have written a part of the statement before it failed, so even this is not "not sent".
            guard sent else { throw lost(connection) }
            try flush(connection, until: deadline)
            return try receive(connection, until: deadline)
        } catch {
            if error.outcome == .unknown { close() }
            throw error
        }
    }

    private func flush(_ connection: OpaquePointer, until deadline: ContinuousClock.Instant) throws(PostgresError) {
        while true {
            let status = PQflush(connection)
            if status == 0 { return }
            guard status == 1 else { throw lost(connection) }
            // Read as well: a server that is itself waiting to be read would never read the rest (libpq, PQflush).
            guard try wait(for: Int16(POLLIN | POLLOUT), until: deadline) else { throw missed() }
            guard PQconsumeInput(connection) == 1 else { throw lost(connection) }
        }
    }

    /// Reads results until libpq says the statement is over. The first error wins over what came before it.
    private func receive(
        _ connection: OpaquePointer, until deadline: ContinuousClock.Instant
    ) throws(PostgresError) -> PostgresResult {
        var last: ResultStorage?
        var failure: PostgresError?
        while true {
            while PQisBusy(connection) == 1 {
                guard try wait(for: Int16(POLLIN), until: deadline) else { throw missed() }
                guard PQconsumeInput(connection) == 1 else { throw lost(connection) }
            }
            guard let result = PQgetResult(connection) else { break }
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
                last = ResultStorage(owning: result)
            case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                preconditionFailure("COPY is not spoken by this connection")
            default:
                failure = failure ?? error(result, connection)
                PQclear(result)
            }
            if PQstatus(connection) == CONNECTION_BAD { break }
        }
        if let failure { throw failure }
        guard PQstatus(connection) != CONNECTION_BAD, let last else { throw lost(connection) }
        return PostgresResult(last)
    }

    // MARK: Errors

    private func error(_ result: OpaquePointer, _ connection: OpaquePointer) -> PostgresError {
        // The field codes are macros Swift does not import (postgres_ext.h, PG_DIAG_*).
        func field(_ code: Unicode.Scalar) -> String? {
            PQresultErrorField(result, Int32(code.value)).map { String(cString: $0) }
        }
        let sqlstate = field("C")
        let severity = field("V") ?? field("S")
        let message = field("M") ?? self.message(of: connection)
        // An error that ends the session may have struck after the commit's record was durable: then nobody knows.
        // 40003 says so itself, class 08 is libpq's own report of a lost connection.
        let isUnknown =
            severity == "FATAL" || severity == "PANIC" || sqlstate == nil || sqlstate == "40003"
            || sqlstate?.hasPrefix("08") == true || PQstatus(connection) == CONNECTION_BAD
        return PostgresError(
            outcome: isUnknown ? .unknown : .refused(sqlstate: sqlstate ?? ""), message: message, detail: field("D"),
            hint: field("H"), constraint: field("n"))
    }

    private func lost(_ connection: OpaquePointer) -> PostgresError {
        PostgresError(outcome: .unknown, message: "the connection to PostgreSQL was lost: " + message(of: connection))
    }

    private func missed() -> PostgresError {
        PostgresError(outcome: .unknown, message: "PostgreSQL did not answer before the deadline")
    }

    private func message(of connection: OpaquePointer) -> String {
        var message = PQerrorMessage(connection).map { String(cString: $0) } ?? ""
        while message.last?.isWhitespace == true { message.removeLast() }
        return message.split(separator: "\n").joined(separator: "; ")
    }

    // MARK: Waiting

    func isHealthy() -> Bool {
        guard let connection else { return false }
        // An idle connection has nothing to say: readable means a notice, a changed setting or the end. Before the end
        // comes a message that says why, so it takes more than one look; a server that only talks is bounded.
        for _ in 0..<16 {
            var socket = pollfd(fd: PQsocket(connection), events: Int16(POLLIN), revents: 0)
            if poll(&socket, 1, 0) == 0, PQtransactionStatus(connection) == PQTRANS_IDLE { return true }
            guard PQconsumeInput(connection) == 1, PQstatus(connection) == CONNECTION_OK else { break }
        }
        close()
        return false
    }

    /// Waits until the socket is ready; false when the deadline passed first. The socket is asked for each time, because
    /// it changes while libpq tries one address after the other, and once more after the deadline: what came in time counts,
    /// though the thread had something else to do then.
    private func wait(
        for events: Int16, until deadline: ContinuousClock.Instant
    ) throws(PostgresError) -> Bool {
        while true {
            let left = max(.zero, deadline - .now) / .milliseconds(1)
            let socket = pollfd(fd: PQsocket(try opened()), events: events, revents: 0)
            switch thread.wait(for: socket, milliseconds: Int32(min(left.rounded(.up), 3_600_000))) {
            case .ready: return true
            case .notYet: if left == 0 { return false }
            case .failed(let number):
                throw PostgresError(
                    outcome: .unknown, message: "poll on PostgreSQL's socket: \(String(cString: strerror(number)))")
            }
        }
    }
}
