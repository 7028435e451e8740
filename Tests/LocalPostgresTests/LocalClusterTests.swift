import Glibc
import LocalPostgres
import Postgres
import PostgresTestSupport
import TemporaryFolder
import Testing

@Suite(.serialized) struct LocalClusterTests {
    private func count(_ url: String) async throws -> Int {
        let connection = try await PostgresConnection.connect(
            url, applicationName: "cluster-tests", deadline: .seconds(10))
        return try await connection.query("SELECT FROM t", deadline: .seconds(10)).count
    }

    private func insert(_ url: String) async throws {
        let connection = try await PostgresConnection.connect(
            url, applicationName: "cluster-tests", deadline: .seconds(10))
        try await connection.script(
            "CREATE TABLE IF NOT EXISTS t (n int); INSERT INTO t VALUES (1)", deadline: .seconds(10))
    }

    @Test func dataOutlivesStopKillAndStart() async throws {
        let directory = try TemporaryFolder()
        let cluster = TestDatabase.ownServer(in: directory)
        try await cluster.start()
        try await cluster.createDatabase("house")
        try await cluster.createDatabase("house")
        let url = await cluster.url(database: "house")
        try await insert(url)
        let first = try #require(await cluster.pid)

        try await cluster.stop()
        #expect(await cluster.pid == nil)
        #expect(!Processes.isRunning(first))

        try await cluster.start()
        #expect(try await count(url) == 1)
        let second = try #require(await cluster.pid)
        // A session is open while the server is killed, so an orphan holds its memory for a while.
        let session = try await PostgresConnection.connect(url, applicationName: "orphan", deadline: .seconds(10))
        Processes.signal(second, SIGKILL)
        #expect(await cluster.waitUntilDown() == "signal 9")
        try await cluster.start()
        #expect(try await count(url) == 1)
        #expect(await !session.isHealthy())
        try await cluster.stop()
    }

    @Test func settingsAreTheDurableOnes() async throws {
        let directory = try TemporaryFolder()
        let cluster = LocalCluster(directory: directory.path, initialisation: ["--no-sync"])
        try await cluster.start()
        let connection = try await PostgresConnection.connect(
            cluster.url(database: "postgres"), applicationName: "cluster-tests", deadline: .seconds(10))
        for (name, value) in [
            ("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on"), ("TimeZone", "UTC"),
            ("shared_buffers", "32MB"), ("max_connections", "50"), ("listen_addresses", ""),
            ("cluster_name", "showrunner"), ("data_checksums", "on"), ("server_encoding", "UTF8"),
        ] {
            let row = try await connection.query(
                "SELECT current_setting($1) AS value", [.text(name)], deadline: .seconds(5))
            #expect(row[0].text("value") == value, "\(name)")
        }
        await connection.close()
        try await cluster.stop()
    }

    @Test func longDirectoryGetsAShortSocket() async throws {
        let directory = try TemporaryFolder()
        #expect(chmod(directory.path, 0o711) == 0)
        let long = directory.path + "/" + String(repeating: "a-long-name", count: 10)
        let cluster = LocalCluster(directory: long, settings: ["fsync": "off"], initialisation: ["--no-sync"])
        try await cluster.start()
        let url = await cluster.url(database: "postgres")
        #expect(url.contains("host=%2Ftmp%2Fshowrunner-"))
        try await insert(url)
        let pid = try #require(await cluster.pid)
        try await cluster.stop()
        #expect(!Processes.isRunning(pid))
        let socket = try #require(url.split(separator: "%2F").last?.prefix { $0 != "&" })
        #expect(access("/tmp/\(socket)", F_OK) != 0, "the socket's folder is left behind")
    }

    @Test func twoClustersInOneDirectoryAreRefused() async throws {
        let directory = try TemporaryFolder()
        let cluster = TestDatabase.ownServer(in: directory)
        try await cluster.start()
        let error = await #expect(throws: LocalPostgresError.self) {
            try await TestDatabase.ownServer(in: directory).start()
        }
        #expect(error?.code == .directoryUnusable)
        #expect(error?.message.contains("another process runs a cluster in this directory") == true)
        try await cluster.stop()
    }

    /// As after a kill -9 of the supervisor: the server still runs, its supervisor's lock is gone.
    @Test func serverWithoutSupervisorIsStopped() async throws {
        let directory = try TemporaryFolder()
        let orphaned = TestDatabase.ownServer(in: directory)
        try await orphaned.start()
        let url = await orphaned.url(database: "postgres")
        try await insert(url)
        let first = try #require(await orphaned.pid)
        #expect(unlink(directory.path + "/postgres.lock") == 0)

        let cluster = TestDatabase.ownServer(in: directory)
        try await cluster.start()
        #expect(await orphaned.waitUntilDown() == "exit status 0")
        #expect(await cluster.pid != first)
        #expect(try await count(url) == 1)
        try await cluster.stop()
    }

    @Test func pidFileOfAnotherProgramIsLeftAlone() async throws {
        let directory = try TemporaryFolder()
        let cluster = TestDatabase.ownServer(in: directory)
        try await cluster.start()
        let pid = try #require(await cluster.pid)
        Processes.signal(pid, SIGKILL)
        _ = await cluster.waitUntilDown()
        // The number of a killed server belongs to this test by now.
        let file = try #require(fopen(directory.path + "/postgres/postmaster.pid", "r+"))
        fputs("\(getpid())\n", file)
        fclose(file)
        try await cluster.start()
        #expect(await cluster.pid != nil)
        try await cluster.stop()
    }

    @Test(.enabled(if: geteuid() == 0, "only root lends the account"))
    func untraversableParentIsOneSentence() async throws {
        let directory = try TemporaryFolder()
        #expect(chmod(directory.path, 0o700) == 0)
        let error = await #expect(throws: LocalPostgresError.self) {
            try await LocalCluster(directory: directory.path + "/data").start()
        }
        #expect(error?.code == .directoryUnusable)
        #expect(error?.message.contains("may not enter \(directory.path):") == true)
    }

    @Test func brokenSettingIsReported() async throws {
        let directory = try TemporaryFolder()
        let cluster = LocalCluster(
            directory: directory.path, settings: ["shared_buffers": "a lot"], initialisation: ["--no-sync"])
        let error = await #expect(throws: LocalPostgresError.self) { try await cluster.start() }
        #expect(error?.code == .startFailed)
        #expect(error?.message.contains("shared_buffers") == true)
    }
}
