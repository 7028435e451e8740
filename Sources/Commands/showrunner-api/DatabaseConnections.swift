import Postgres

/// A few connections to one database, shared by all requests: made when needed, made again when lost.
actor DatabaseConnections {
    private let url: String
    private let applicationName: String
    private let limit: Int
    private var idle: [PostgresConnection] = []
    private var openCount = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var isClosed = false

    /// More requests than this waiting for a connection are refused: by then answers come too late.
    private static let waitingLimit = 256

    init(url: String, applicationName: String, limit: Int) {
        self.url = url
        self.applicationName = applicationName
        self.limit = limit
    }

    func query(
        _ sql: String, _ parameters: [PostgresValue], deadline: Duration
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

    func close() async {
        isClosed = true
        let connections = idle
        idle = []
        for connection in connections { await connection.close() }
    }

    private func take(deadline: Duration) async throws(PostgresError) -> PostgresConnection {
        while true {
            if isClosed { throw PostgresError(outcome: .notSent, message: "the service is stopping") }
            if let connection = idle.popLast() {
                if await connection.isHealthy() { return connection }
                openCount -= 1
                continue
            }
            if openCount < limit { return try await open(deadline: deadline) }
            guard waiting.count < Self.waitingLimit else {
                throw PostgresError(
                    outcome: .notSent, message: "\(waiting.count) requests wait for a database connection already")
            }
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    private func open(deadline: Duration) async throws(PostgresError) -> PostgresConnection {
        openCount += 1
        do throws(PostgresError) {
            return try await PostgresConnection.connect(
                url, applicationName: applicationName, settings: ["default_transaction_read_only": "on"],
                deadline: deadline)
        } catch {
            openCount -= 1
            wakeOne()
            throw error
        }
    }

    private func giveBack(_ connection: PostgresConnection) async {
        if await connection.isOpen, !isClosed {
            idle.append(connection)
        } else {
            await connection.close()
            openCount -= 1
        }
        wakeOne()
    }

    private func wakeOne() {
        if !waiting.isEmpty { waiting.removeFirst().resume() }
    }
}
