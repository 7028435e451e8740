/// A bounded number of connections, shared by many tasks.
///
/// A connection is looked at before it is given out, so one that died while idle is replaced without anybody noticing.
/// Connections are made when first needed. Those who wait are served in the order they came.
public actor PostgresPool {
    private enum Turn {
        case connection(PostgresConnection)
        /// The right to make a connection.
        case place
        case failure(PostgresError)
    }

    private let url: String
    private let applicationName: String
    private let settings: [String: String]
    private let size: Int
    private let connectDeadline: Duration
    private var idle: [PostgresConnection] = []
    /// Connections idle, in use and being made.
    private var count = 0
    private var waiting: [Int: CheckedContinuation<Turn, Never>] = [:]
    private var order: [Int] = []
    private var nextTicket = 0
    private var isClosed = false

    /// - Parameters:
    ///   - url: a libpq connection URI.
    ///   - size: the most connections at a time.
    ///   - settings: server settings of each session; see ``PostgresConnection/connect(_:applicationName:settings:deadline:)``.
    ///   - connectDeadline: for making one connection.
    public init(
        url: String, applicationName: String, size: Int, settings: [String: String] = [:],
        connectDeadline: Duration = .seconds(5)
    ) {
        precondition(size > 0, "a pool of \(size) connections")
        self.url = url
        self.applicationName = applicationName
        self.size = size
        self.settings = settings
        self.connectDeadline = connectDeadline
    }

    /// Lends a connection to `body`. A transaction the body leaves open ends with the connection.
    ///
    /// - Parameter deadline: for waiting until a connection is free.
    /// - Throws: `.notSent` where none became free in time, where connecting failed, or after ``close()``; and what the
    ///   body throws.
    public func withConnection<Value: Sendable>(
        deadline: Duration, _ body: @Sendable (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        let connection = try await take(deadline: deadline)
        do {
            let value = try await body(connection)
            await giveBack(connection)
            return value
        } catch {
            await giveBack(connection)
            throw error
        }
    }

    /// Sends one statement on a free connection.
    ///
    /// - Parameter deadline: for waiting and, again, for the statement.
    public func query(
        _ sql: String, _ parameters: [PostgresValue] = [], deadline: Duration
    ) async throws(PostgresError) -> PostgresResult {
        let connection = try await take(deadline: deadline)
        do throws(PostgresError) {
            let result = try await connection.query(sql, parameters, deadline: deadline)
            await giveBack(connection)
            return result
        } catch {
            await giveBack(connection)
            throw error
        }
    }

    /// Closes the idle connections at once and the others when they come back. Nothing is lent any more.
    public func close() async {
        isClosed = true
        let turned = order.compactMap { waiting.removeValue(forKey: $0) }
        order = []
        for continuation in turned { continuation.resume(returning: .failure(Self.closed)) }
        let closing = idle
        idle = []
        count -= closing.count
        for connection in closing { await connection.close() }
    }

    private static let closed = PostgresError(outcome: .notSent, message: "the connection pool is closed")

    private func take(deadline: Duration) async throws(PostgresError) -> PostgresConnection {
        let until = ContinuousClock.now.advanced(by: deadline)
        while true {
            if isClosed { throw Self.closed }
            let turn: Turn
            if let connection = idle.popLast() {
                turn = .connection(connection)
            } else if count < size {
                count += 1
                turn = .place
            } else {
                turn = await wait(until: until)
            }
            switch turn {
            case .connection(let connection):
                if await connection.isHealthy() { return connection }
                passPlaceOn()
            case .place:
                do throws(PostgresError) {
                    return try await PostgresConnection.connect(
                        url, applicationName: applicationName, settings: settings, deadline: connectDeadline)
                } catch {
                    passPlaceOn()
                    throw error
                }
            case .failure(let error):
                throw error
            }
        }
    }

    private func wait(until: ContinuousClock.Instant) async -> Turn {
        nextTicket += 1
        let ticket = nextTicket
        let timer = Task {
            try await Task.sleep(until: until, clock: .continuous)
            self.expire(ticket)
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { continuation in
            waiting[ticket] = continuation
            order.append(ticket)
        }
    }

    private func expire(_ ticket: Int) {
        guard let continuation = waiting.removeValue(forKey: ticket) else { return }
        order.removeAll { $0 == ticket }
        let message = "no connection became free in time: all \(size) are in use and \(order.count) callers wait"
        continuation.resume(returning: .failure(PostgresError(outcome: .notSent, message: message)))
    }

    private func nextWaiting() -> CheckedContinuation<Turn, Never>? {
        order.isEmpty ? nil : waiting.removeValue(forKey: order.removeFirst())
    }

    private func giveBack(_ connection: PostgresConnection) async {
        guard await connection.isHealthy(), !isClosed else {
            await connection.close()
            passPlaceOn()
            return
        }
        if let next = nextWaiting() { next.resume(returning: .connection(connection)) } else { idle.append(connection) }
    }

    /// A connection is no more: somebody who waits may make another.
    private func passPlaceOn() {
        if let next = nextWaiting() { next.resume(returning: .place) } else { count -= 1 }
    }
}
