import Encodings
import Glibc
import Postgres
import SeededNumbers

/// A private PostgreSQL server for one machine: initialised when absent, run as a child of this process, reachable only
/// through a Unix socket that no other account may open.
///
/// In the directory lie `postgres/` (the cluster), `postgres.log` and `postgres.log.1`, `postgres.lock`, and `socket/`,
/// unless the path is too long for a socket. When this process is killed the server shuts down by itself; one that is
/// still there is stopped by the next start.
public actor LocalCluster {
    /// The directory with all links resolved, once started; before that as given.
    private var directory: String
    private let settings: [String: String]
    private let initialisation: [String]
    private var lock: DirectoryLock?
    private var log: BoundedLog?
    private var child: ChildProcess?
    private var socketDirectory = ""

    /// - Parameters:
    ///   - directory: absolute or relative to the working directory; created when absent.
    ///   - settings: server settings beside or instead of ours, for tests.
    ///   - initialisation: further arguments of `initdb`, for tests.
    public init(directory: String, settings: [String: String] = [:], initialisation: [String] = []) {
        self.directory = directory
        self.settings = settings
        self.initialisation = initialisation
    }

    /// The server's process id, or nil while it does not run.
    public var pid: Int32? { child.flatMap { $0.end == nil ? $0.pid : nil } }

    /// The connection URI of a database. Valid from the first ``start(deadline:)`` on and the same over restarts.
    public func url(database: String) -> String {
        precondition(!socketDirectory.isEmpty, "the cluster has not been started")
        return "postgresql://postgres@/\(PercentEncoding.encode(database))"
            + "?host=\(PercentEncoding.encode(socketDirectory))&port=\(Self.port)"
    }

    private static let port = 5432
    private static let logBytesLimit = 8 << 20
    /// What `initdb` writes (40 MB), a database beside the templates (8 MB), and room for some WAL segments of 16 MB.
    private static let newClusterBytes: Int64 = 128 << 20
    /// A WAL segment, without which a server that was killed can't finish its recovery, and some pages.
    private static let startBytes: Int64 = 24 << 20
    /// `sockaddr_un.sun_path` has 108 bytes with the NUL (unix(7)).
    private static let socketPathBytesLimit = 107

    // MARK: Starting

    /// Starts the server and returns when it answers. An earlier server in the same directory is stopped first; while
    /// processes of one that was killed still hold its memory, starting is tried again.
    public func start(deadline: Duration = .seconds(60)) async throws(LocalPostgresError) {
        precondition(pid == nil, "the server runs already")
        let account = try ServerAccount.current()
        try prepareDirectory(account)
        let data = directory + "/postgres"
        if lock == nil { lock = try DirectoryLock(directory + "/postgres.lock") }
        let log = self.log ?? BoundedLog(path: directory + "/postgres.log", limit: Self.logBytesLimit)
        self.log = log
        try removeLeftovers()
        try await stopPredecessor(data)
        let isNew = Files.status(data + "/PG_VERSION") == nil
        try requireSpace(isNew ? Self.newClusterBytes : Self.startBytes, for: isNew ? "a new database" : "PostgreSQL")
        if Files.status(data + "/PG_VERSION") == nil { try await initialise(data, account, log) }
        let programs = try ServerPrograms.find(version: clusterVersion(data))
        try prepareSocketDirectory(account)
        let until = ContinuousClock.now.advanced(by: deadline)
        while true {
            log.forgetTail()
            let child = try await ChildProcess.start(
                account.command(programs.directory + "/postgres", ["-D", data] + arguments()),
                log: log)
            self.child = child
            if try await answers(child, until: until) { return }
            // Processes of a killed server notice its end within seconds. Deleting postmaster.pid instead would let two
            // servers write one cluster.
            let tail = log.tail
            let isPassing = tail.contains("pre-existing shared memory block") || tail.contains("another postmaster")
            guard isPassing, .now < until else {
                throw failure(.startFailed, "PostgreSQL did not start in \(data): \(Self.reason(child, tail))", tail)
            }
            await Self.pause(.milliseconds(250))
        }
    }

    private func arguments() -> [String] {
        // A list of names in double quotes, so that the path may hold commas (guc.c, SplitDirectoriesString).
        let quoted =
            "\""
            + socketDirectory.split(separator: "\"", omittingEmptySubsequences: false)
            .joined(separator: "\"\"") + "\""
        let own = [
            "listen_addresses": "", "unix_socket_directories": quoted, "unix_socket_permissions": "0700",
            "port": "\(Self.port)", "max_connections": "50", "shared_buffers": "32MB", "fsync": "on",
            "synchronous_commit": "on", "full_page_writes": "on", "timezone": "UTC", "log_timezone": "UTC",
            "log_destination": "stderr", "logging_collector": "off", "log_line_prefix": "%m [%p] ",
            "cluster_name": "showrunner",
        ]
        return own.merging(settings) { $1 }.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
    }

    /// True when the server answers, false when it has ended.
    private func answers(
        _ child: ChildProcess, until: ContinuousClock.Instant
    ) async throws(LocalPostgresError) -> Bool {
        var last = "it did not listen"
        while child.end == nil {
            do {
                let connection = try await PostgresConnection.connect(
                    url(database: "postgres"), applicationName: "showrunner-start", deadline: .seconds(5))
                let answer = try await connection.query("SELECT pg_is_in_recovery()", deadline: .seconds(5))
                await connection.close()
                if answer.first?.bool(0) == false { return true }
            } catch {
                last = error.description
            }
            guard .now < until else {
                try await stop()
                throw LocalPostgresError(.startFailed, "PostgreSQL did not answer in time: \(last)")
            }
            await Self.pause(.milliseconds(20))
        }
        return false
    }

    /// PostgreSQL tells of a full disk in many lines, and its first start leaves nothing to repair; one sentence before
    /// is better.
    private func requireSpace(_ needed: Int64, for what: String) throws(LocalPostgresError) {
        guard let free = Files.freeBytes(directory), free < needed else { return }
        throw LocalPostgresError(
            .noSpace,
            "the disk is full: \(free >> 20) MiB are free for \(directory), and \(what) needs \(needed >> 20) MiB; "
                + "make room there")
    }

    /// A server's end as an error; what it says of a full disk is for one sentence again.
    private func failure(_ code: LocalPostgresError.Code, _ message: String, _ tail: String) -> LocalPostgresError {
        // strerror(ENOSPC) and strerror(EDQUOT), as PostgreSQL's lines end.
        guard tail.contains("No space left on device") || tail.contains("Disk quota exceeded") else {
            return LocalPostgresError(code, message)
        }
        let free = Files.freeBytes(directory).map { "\($0 >> 20) MiB are free" } ?? "nothing is free"
        return LocalPostgresError(
            .noSpace, "the disk is full: \(free) for \(directory), and PostgreSQL needs more; make room there")
    }

    private static func reason(_ child: ChildProcess, _ tail: String) -> String {
        let lines = tail.split(separator: "\n").suffix(6).joined(separator: "; ")
        return lines.isEmpty ? "\(child.end.map(\.description) ?? "it runs"), without a word" : lines
    }

    /// Creates a database if there is none of this name.
    ///
    /// - Parameter template: the database to copy.
    public func createDatabase(_ name: String, template: String? = nil) async throws(PostgresError) {
        let connection = try await PostgresConnection.connect(
            url(database: "postgres"), applicationName: "showrunner-create", deadline: .seconds(10))
        let existing = try await connection.query(
            "SELECT FROM pg_database WHERE datname = $1", [.text(name)], deadline: .seconds(10))
        if existing.isEmpty {
            let source = template.map { " TEMPLATE \(Self.quotedIdentifier($0))" } ?? ""
            do throws(PostgresError) {
                try await connection.script(
                    "CREATE DATABASE \(Self.quotedIdentifier(name))\(source)", deadline: .seconds(60))
            } catch {
                // Somebody else was faster.
                guard error.sqlstate == "42P04" || error.sqlstate == "23505" else { throw error }
            }
        }
        await connection.close()
    }

    // MARK: Stopping

    /// Ends the server: sessions are ended and rolled back, a checkpoint is written; if that takes too long it is stopped
    /// at once, which costs a recovery at the next start and no data.
    public func stop(deadline: Duration = .seconds(15)) async throws(LocalPostgresError) {
        defer { lock = nil }
        guard let child else { return }
        for (signal, patience) in [(SIGINT, deadline), (SIGQUIT, .seconds(5)), (SIGKILL, .seconds(5))] {
            child.signal(signal)
            if await child.wait(deadline: patience) != nil {
                self.child = nil
                // A folder of ours under /tmp is not left behind; in the directory it may stay.
                if !socketDirectory.hasPrefix(directory + "/") { rmdir(socketDirectory) }
                return
            }
        }
        throw LocalPostgresError(.stopFailed, "PostgreSQL, process \(child.pid), does not end")
    }

    /// Returns when the server is not running any more, with a few words on how it ended. Returns at once if it is not
    /// running now.
    public func waitUntilDown() async -> String {
        guard let child else { return "not started" }
        return await child.wait()?.description ?? "not started"
    }

    /// A server of this directory whose parent was killed is ours to stop: it cannot be supervised any more.
    private func stopPredecessor(_ data: String) async throws(LocalPostgresError) {
        guard let pid = Self.postmaster(of: data) else { return }
        for (signal, patience) in [(SIGINT, Duration.seconds(15)), (SIGQUIT, .seconds(5))] {
            kill(pid, signal)
            let until = ContinuousClock.now.advanced(by: patience)
            while .now < until {
                if Self.postmaster(of: data) != pid { return }
                await Self.pause(.milliseconds(50))
            }
        }
        throw LocalPostgresError(.stopFailed, "an earlier PostgreSQL, process \(pid), still runs in \(data)")
    }

    /// The process that serves this cluster by its pid file, if it lives and really does: the file outlives a killed
    /// server, and the number may be another program's by now. Its command line is readable to all, its folder is not.
    private static func postmaster(of data: String) -> pid_t? {
        guard let line = Files.text(data + "/postmaster.pid")?.split(separator: "\n").first, let pid = pid_t(line),
            pid > 0, let command = Files.text("/proc/\(pid)/cmdline")
        else { return nil }
        let words = command.split(separator: "\0").map(String.init)
        guard words.first?.hasSuffix("/postgres") == true, words.contains(data) else { return nil }
        return pid
    }

    // MARK: Directories

    private func prepareDirectory(_ account: ServerAccount) throws(LocalPostgresError) {
        let existed = Files.status(directory) != nil
        try Files.createDirectory(directory, mode: account.isLent ? 0o711 : 0o700)
        directory = try Files.realPath(directory)
        guard let status = Files.status(directory), Files.isDirectory(status) else {
            throw LocalPostgresError(.directoryUnusable, "\(directory) is not a directory")
        }
        // Not a directory that belongs to everybody, such as /tmp.
        if account.isLent, existed, status.st_mode & S_ISVTX == 0, status.st_mode & 0o7777 != 0o711 {
            guard chmod(directory, 0o711) == 0 else {
                throw LocalPostgresError(.directoryUnusable, "cannot set the mode of \(directory): \(Files.reason())")
            }
        }
        try account.checkReach(directory)
    }

    /// A start that was killed while it initialised leaves an unfinished cluster. The lock says nobody is at work on it.
    private func removeLeftovers() throws(LocalPostgresError) {
        for entry in Files.entries(directory) where entry.hasPrefix("postgres.new-") {
            try Files.removeTree(directory + "/" + entry)
        }
    }

    private func initialise(
        _ data: String, _ account: ServerAccount, _ log: BoundedLog
    ) async throws(LocalPostgresError) {
        let programs = try ServerPrograms.find(version: nil)
        let unfinished = directory + "/postgres.new-\(getpid())"
        guard mkdir(unfinished, 0o700) == 0 else {
            throw LocalPostgresError(.directoryUnusable, "cannot create \(unfinished): \(Files.reason())")
        }
        try account.own(unfinished)
        log.forgetTail()
        let child = try await ChildProcess.start(
            account.command(
                programs.directory + "/initdb",
                [
                    "-D", unfinished, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8",
                    "--data-checksums", "--no-instructions",
                ] + initialisation), log: log)
        guard await child.wait() == .exited(0) else {
            throw failure(
                .initialisationFailed, "initdb failed in \(directory): \(Self.reason(child, log.tail))", log.tail)
        }
        guard rename(unfinished, data) == 0 else {
            throw LocalPostgresError(.directoryUnusable, "cannot rename \(unfinished): \(Files.reason())")
        }
    }

    private func clusterVersion(_ data: String) throws(LocalPostgresError) -> Int {
        let text = Files.text(data + "/PG_VERSION").map { $0.prefix { $0.isNumber } } ?? ""
        guard let version = Int(text) else {
            throw LocalPostgresError(.directoryUnusable, "\(data) is not a PostgreSQL cluster")
        }
        return version
    }

    private func prepareSocketDirectory(_ account: ServerAccount) throws(LocalPostgresError) {
        let suffix = "/.s.PGSQL.\(Self.port).lock"
        socketDirectory = directory + "/socket"
        if socketDirectory.utf8.count + suffix.utf8.count > Self.socketPathBytesLimit {
            socketDirectory = "/tmp/showrunner-\(geteuid())-\(String(FNV1a(directory.utf8).value, radix: 16))"
        }
        if mkdir(socketDirectory, 0o700) == 0 { try account.own(socketDirectory) }
        // /tmp is everybody's: what lies there already may be somebody else's trap.
        guard let status = Files.status(socketDirectory), Files.isDirectory(status), status.st_uid == account.uid,
            status.st_mode & 0o7777 == 0o700
        else {
            throw LocalPostgresError(
                .directoryUnusable, "\(socketDirectory) is not a directory that only the server's account may enter")
        }
    }

    private static func quotedIdentifier(_ name: String) -> String {
        "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    /// Waits, or returns early in a cancelled task: every caller looks at its own deadline.
    private static func pause(_ duration: Duration) async {
        do { try await Task.sleep(for: duration) } catch { await Task.yield() }
    }
}
