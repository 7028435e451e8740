import Glibc
import Postgres
import PostgresTestSupport
import Synchronization
import Testing

/// Tasks that prefer a connection's thread.
@Suite(.timeLimit(.minutes(2)))
struct ConnectionThreadTests {
    private static func thread() -> pthread_t { pthread_self() }

    private static func connect(_ url: String) async throws -> (PostgresConnection, any TaskExecutor) {
        let connection = try await PostgresConnection.connect(url, applicationName: "guests", deadline: .seconds(10))
        return (connection, try #require(connection.executor))
    }

    /// The executor of a connection that nobody has any more, and the thread that is about to end.
    private static func left(_ url: String) async throws -> (executor: any TaskExecutor, thread: pthread_t) {
        let (connection, executor) = try await connect(url)
        let home = await Task(executorPreference: executor) { thread() }.value
        _ = try await connection.query("SELECT 1", deadline: .seconds(10))
        return (executor, home)
    }

    /// Some of them while the thread ends: none is left in its queue.
    @Test func guestsOfAConnectionThatIsGoneGoElsewhere() async throws {
        let url = try await TestDatabase.empty()
        for _ in 0..<20 {
            let (executor, home) = try await Self.left(url)
            while await Task(executorPreference: executor, operation: { Self.thread() }).value == home {}
            let threads = await withTaskGroup(of: pthread_t.self, returning: Set<pthread_t>.self) { group in
                for _ in 0..<100 { group.addTask(executorPreference: executor) { Self.thread() } }
                return await group.reduce(into: []) { $0.insert($1) }
            }
            #expect(!threads.contains(home))
        }
    }

    /// What the thread gives itself wakes nobody, and is done all the same before it waits.
    @Test func guestsThatGuestsBringAreAllDone() async throws {
        let (connection, executor) = try await Self.connect(TestDatabase.empty())
        let count = await Task(executorPreference: executor) {
            let home = Self.thread()
            return await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<1000 { group.addTask(executorPreference: executor) { Self.thread() == home } }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
        }.value
        #expect(count == 1000)
        // The thread has its connection's work again.
        #expect(try await connection.query("SELECT 1 AS one", deadline: .seconds(10))[0].int("one") == 1)
    }

    /// What a guest has to do does not wait until the server has answered; the connection's next statement does.
    @Test func guestsRunWhileTheServerIsWaitedFor() async throws {
        let url = try await TestDatabase.empty()
        let (connection, executor) = try await Self.connect(url)
        let (holder, _) = try await Self.connect(url)
        _ = try await holder.query("SELECT pg_advisory_lock(1)", deadline: .seconds(10))
        async let held = connection.query("SELECT pg_advisory_lock(1), 'held' AS word", deadline: .seconds(60))
        let waiting = "SELECT count(*) AS count FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while try await holder.query(waiting, deadline: .seconds(10))[0].int("count") == 0 {}
        let words = Mutex<[String]>([])
        let next = await Task(executorPreference: executor) {
            words.withLock { $0.append("guest") }
            return Task {
                try await connection.query("SELECT 'next' AS word", deadline: .seconds(60))[0].text("word")
            }
        }.value
        #expect(words.withLock { $0 } == ["guest"])
        _ = try await holder.query("SELECT pg_advisory_unlock(1)", deadline: .seconds(10))
        #expect(try await held[0].text("word") == "held")
        #expect(try await next.value == "next")
    }

    /// Guests that keep coming while the server is waited for do not put the deadline off.
    @Test func guestsDoNotPutADeadlineOff() async throws {
        let url = try await TestDatabase.empty()
        let (connection, executor) = try await Self.connect(url)
        let (holder, _) = try await Self.connect(url)
        _ = try await holder.query("SELECT pg_advisory_lock(1)", deadline: .seconds(10))
        let isOver = Mutex(false)
        let guests = Task(executorPreference: executor) {
            while !isOver.withLock({ $0 }) { await Task.yield() }
        }
        let error = await #expect(throws: PostgresError.self) {
            try await connection.query("SELECT pg_advisory_lock(1)", deadline: .milliseconds(100))
        }
        #expect(error?.outcome == .unknown)
        isOver.withLock { $0 = true }
        await guests.value
    }
}
