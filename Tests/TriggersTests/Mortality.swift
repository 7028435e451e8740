import Journal
import Postgres
import Synchronization

/// What an engine's process is to its database: it speaks, and its statements are counted, until it dies at a named one.
final class Mortality: Sendable {
    private struct State {
        var isMeant: (@Sendable (String, [PostgresValue]) -> Bool)?
        /// Whether it dies after that statement was done, and before its answer is heard.
        var isDone = false
        var isDead = false
        var statements: [String] = []
        var mourner: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    var isDead: Bool { state.withLock { $0.isDead } }

    func arm(_ isMeant: @escaping @Sendable (String, [PostgresValue]) -> Bool, isDone: Bool) {
        state.withLock { state in
            state.isMeant = isMeant
            state.isDone = isDone
        }
    }

    /// Waits until it is dead.
    func death() async {
        await withCheckedContinuation { continuation in
            let isDead = state.withLock { state in
                if !state.isDead { state.mourner = continuation }
                return state.isDead
            }
            if isDead { continuation.resume() }
        }
    }

    /// Forgets the statements so far.
    func forget() { state.withLock { $0.statements = [] } }

    func count(_ isMeant: (String) -> Bool) -> Int { state.withLock { $0.statements.count(where: isMeant) } }

    private func die() {
        let mourner = state.withLock { state in
            state.isDead = true
            defer { state.mourner = nil }
            return state.mourner
        }
        mourner?.resume()
    }

    fileprivate func passing(
        _ sql: String, _ parameters: [PostgresValue], _ body: () async throws(PostgresError) -> PostgresResult
    ) async throws(PostgresError) -> PostgresResult {
        let (isMeant, isDone) = state.withLock { state in
            state.statements.append(sql)
            return (state.isMeant?(sql, parameters) == true, state.isDone)
        }
        if isMeant, !isDone { die() }
        if isDead { throw Self.death }
        let result = try await body()
        if isMeant { die() }
        if isDead { throw Self.death }
        return result
    }

    private static let death = PostgresError(outcome: .unknown, message: "the process is dead")
}

struct MortalConnection: JournalConnection {
    let real: PostgresConnection
    let mortality: Mortality

    static func connector(_ mortality: Mortality) -> JournalConnector {
        { (url, name, settings, deadline) async throws(PostgresError) in
            MortalConnection(
                real: try await PostgresConnection.connect(
                    url, applicationName: name, settings: settings, deadline: deadline), mortality: mortality)
        }
    }

    func query(
        _ sql: String, _ parameters: [PostgresValue], deadline: Duration
    ) async throws(PostgresError) -> PostgresResult {
        try await mortality.passing(sql, parameters) { () async throws(PostgresError) in
            try await real.query(sql, parameters, deadline: deadline)
        }
    }

    var isOpen: Bool { real.isOpen }
    func close() async { await real.close() }
}
