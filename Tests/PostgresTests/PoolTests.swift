import Postgres
import PostgresTestSupport
import Synchronization
import Testing

@Suite struct PoolTests {
    /// Who was in, and how many at a time.
    private final class Seen: Sendable {
        private let state = Mutex<(inUse: Int, most: Int, pids: Set<Int32>)>((0, 0, []))

        func enter(_ pid: Int32) {
            state.withLock { state in
                state.inUse += 1
                state.most = max(state.most, state.inUse)
                state.pids.insert(pid)
            }
        }

        func leave() { state.withLock { $0.inUse -= 1 } }
        var most: Int { state.withLock { $0.most } }
        var pids: Set<Int32> { state.withLock { $0.pids } }
    }

    @Test func neverMoreConnectionsThanItsSize() async throws {
        let url = try await TestDatabase.empty()
        let pool = PostgresPool(url: url, applicationName: "pool", size: 3)
        let seen = Seen()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<60 {
                group.addTask {
                    try await pool.withConnection(deadline: .seconds(30)) { connection in
                        let pid = await connection.backendPID
                        seen.enter(pid)
                        _ = try await connection.query("SELECT 1", deadline: .seconds(10))
                        seen.leave()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(seen.most <= 3)
        #expect(seen.pids.count <= 3)
        await pool.close()
    }

    @Test func waitingEndsAtTheDeadline() async throws {
        let pool = PostgresPool(url: try await TestDatabase.empty(), applicationName: "pool", size: 1)
        try await pool.withConnection(deadline: .seconds(10)) { _ in
            let error = await #expect(throws: PostgresError.self) {
                try await pool.query("SELECT 1", deadline: .milliseconds(20))
            }
            #expect(error?.outcome == .notSent)
            #expect(error?.message.contains("all 1 are in use") == true)
        }
        #expect(try await pool.query("SELECT 1 AS one", deadline: .seconds(10))[0].int("one") == 1)
        await pool.close()
    }

    @Test func deadConnectionIsReplaced() async throws {
        let url = try await TestDatabase.empty()
        let pool = PostgresPool(url: url, applicationName: "pool", size: 1)
        let pid = try await pool.query("SELECT pg_backend_pid() AS pid", deadline: .seconds(10))[0].int("pid")
        let other = try await PostgresConnection.connect(url, applicationName: "other", deadline: .seconds(10))
        _ = try await other.query("SELECT pg_terminate_backend($1::int, 10000)", [.int(pid)], deadline: .seconds(15))
        #expect(try await pool.query("SELECT pg_backend_pid() AS pid", deadline: .seconds(10))[0].int("pid") != pid)
        await pool.close()
    }

    @Test func openTransactionIsNotPassedOn() async throws {
        let url = try await TestDatabase.empty()
        let pool = PostgresPool(url: url, applicationName: "pool", size: 1)
        try await pool.withConnection(deadline: .seconds(10)) { connection in
            _ = try await connection.script("CREATE TABLE t (n int)", deadline: .seconds(10))
            _ = try await connection.script("BEGIN; INSERT INTO t VALUES (1)", deadline: .seconds(10))
        }
        #expect(try await pool.query("SELECT FROM t", deadline: .seconds(10)).isEmpty)
        await pool.close()
    }

    @Test func failedConnectingFreesThePlace() async throws {
        let pool = PostgresPool(
            url: "postgresql://postgres@/x?host=/tmp/showrunner-nobody-here", applicationName: "pool", size: 1)
        for _ in 0..<3 {
            let error = await #expect(throws: PostgresError.self) {
                try await pool.query("SELECT 1", deadline: .seconds(5))
            }
            #expect(error?.message.contains("cannot connect") == true)
        }
        await pool.close()
        await #expect(throws: PostgresError(outcome: .notSent, message: "the connection pool is closed")) {
            try await pool.query("SELECT 1", deadline: .seconds(5))
        }
    }
}
