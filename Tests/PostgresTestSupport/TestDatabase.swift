import Glibc
import LocalPostgres
import Postgres
import Synchronization
import TemporaryFolder

/// Databases for tests on a real private server, one server per process, started by the first who asks.
///
/// The server writes without fsync: the tests end processes, never the machine.
public enum TestDatabase {
    /// A new, empty database; the server goes away with the process, and the database with it.
    public static func empty() async throws -> String {
        try await SharedServer.shared.database(template: nil)
    }

    /// A new copy of a database that was prepared once per process.
    ///
    /// - Parameters:
    ///   - template: names the preparation.
    ///   - prepare: fills the template; must close its connections.
    public static func copy(
        of template: String, prepare: @escaping @Sendable (_ url: String) async throws -> Void
    ) async throws -> String {
        try await SharedServer.shared.copy(of: template, prepare: prepare)
    }

    /// A server of the test's own, to be killed or frozen, in a directory of its own.
    public static func ownServer(in folder: TemporaryFolder, fsync: Bool = false) -> LocalCluster {
        LocalCluster(
            directory: folder.path,
            // Suites of all rooms share one server, and each test has several connections.
            settings: ["fsync": fsync ? "on" : "off", "max_connections": "600"], initialisation: ["--no-sync"])
    }
}

private actor SharedServer {
    static let shared = SharedServer()

    private var starting: Task<LocalCluster, any Error>?
    private var templates: [String: Task<Void, any Error>] = [:]
    private var count = 0

    /// A file system in memory with room for a hundred small databases, where there is one: copying and removing them is
    /// most of what the tests would wait for.
    private static var memory: String? {
        var status = statvfs()
        guard statvfs("/dev/shm", &status) == 0, status.f_bavail * status.f_bsize > 4 << 30 else { return nil }
        return "/dev/shm"
    }

    private func cluster() async throws -> LocalCluster {
        if let starting { return try await starting.value }
        let task = Task {
            let folder = try TemporaryFolder(in: Self.memory ?? "/tmp")
            let cluster = TestDatabase.ownServer(in: folder)
            try await cluster.start()
            AtExit.end(server: await cluster.pid, folder)
            return cluster
        }
        starting = task
        return try await task.value
    }

    func database(template: String?) async throws -> String {
        let cluster = try await cluster()
        count += 1
        let name = "test_\(count)"
        try await cluster.createDatabase(name, template: template)
        return await cluster.url(database: name)
    }

    func copy(of template: String, prepare: @escaping @Sendable (String) async throws -> Void) async throws -> String {
        let name = "template_\(template)"
        let cluster = try await cluster()
        let task =
            templates[template]
            ?? Task {
                try await cluster.createDatabase(name)
                try await prepare(await cluster.url(database: name))
            }
        templates[template] = task
        try await task.value
        return try await database(template: name)
    }
}

public struct TestSupportError: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

/// Swift Testing has no hook after the last test, so the shared server ends with the process.
private enum AtExit {
    private static let server = Mutex<(pid: pid_t, folder: TemporaryFolder)?>(nil)

    static func end(server pid: pid_t?, _ folder: TemporaryFolder) {
        guard let pid else { return }
        server.withLock { $0 = (pid, folder) }
        atexit {
            guard let (pid, folder) = AtExit.server.withLock({ $0 }) else { return }
            kill(pid, SIGQUIT)
            // The cluster's own thread takes the process away; it is gone when its number is.
            for _ in 0..<500 where kill(pid, 0) == 0 { usleep(10_000) }
            folder.remove()
        }
    }
}
