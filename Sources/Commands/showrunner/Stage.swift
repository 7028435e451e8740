import Cryptography
import Glibc
import HTTP
import JSON
import LocalPostgres
import Logging
import Supervision
import WorkerProgram
import WorkerProtocol

/// Everything that `up` runs: the private PostgreSQL, the engine, the viewers' service, the media workers and the data
/// worker.
actor Stage {
    nonisolated let engineURL: String
    nonisolated let viewerURL: String
    private let data: String
    private let port: Int
    private let workers: Int
    private let workflows: String
    private let store: String
    private let requestQuotas: String?
    private let allowedAddresses: [String]
    /// What the engine and the viewers' service have in their environment beside this process's.
    private let masterKeyEnvironment: [String: String]
    private let log: Logger
    private let cluster: LocalCluster
    private let supervisor: Supervisor
    private let client = HTTPClient()
    private var guarding: Task<Void, Never>?
    private var hasCluster = false

    init(
        data: String, port: Int, workers: Int, workflows: String, store: String?, requestQuotas: String?,
        allowedAddresses: [String], environment: [String: String], log: Logger
    ) throws {
        engineURL = "http://127.0.0.1:\(port)"
        viewerURL = "http://127.0.0.1:\(port + 1)"
        self.data = try Self.prepare(data)
        self.port = port
        self.workers = workers
        self.workflows = workflows
        self.store = store ?? self.data + "/objects"
        self.requestQuotas = requestQuotas
        self.allowedAddresses = allowedAddresses
        masterKeyEnvironment = try Self.masterKey(in: self.data, environment)
        self.log = log
        for port in [port, port + 1] { try LoopbackPort(port).requireFree() }
        cluster = LocalCluster(directory: self.data)
        supervisor = try Supervisor(directory: self.data + "/run", log: log)
    }

    // MARK: Start

    /// Starts everything and returns when all of it serves, or when a stop signal has come.
    func start(stopping signals: StopSignals) async throws {
        try await cluster.start()
        hasCluster = true
        await notePostgres()
        try await cluster.createDatabase("showrunner")
        guarding = Task { await guardCluster() }
        let database = await cluster.url(database: "showrunner")
        let showrunner = try Places.companion("showrunner")
        let shares = MachineCapacity.shares(mediaWorkers: max(1, workers), scratch: data)
        await supervisor.start(
            SupervisedProgram(
                name: "engine", executable: showrunner,
                arguments: [
                    "engine", "--database", database, "--port", "\(port)", "--store", store, "--workflows", workflows,
                    "--spool", data + "/uploads", "--viewer", viewerURL,
                ] + (requestQuotas.map { ["--request-quotas", $0] } ?? []), environment: masterKeyEnvironment,
                stopPatience: .seconds(25)))
        await supervisor.start(
            SupervisedProgram(
                name: "api", executable: try Places.companion("showrunner-api"),
                arguments: [
                    "--database", database.replacingUser(with: "showrunner_api"), "--store", store, "--port",
                    "\(port + 1)",
                ], environment: masterKeyEnvironment))
        await supervisor.start(
            SupervisedProgram(
                name: Self.dataWorker, executable: showrunner,
                // Its steps wait for others more than they compute, so several go at a time.
                arguments: [
                    "data-worker", "--database", database.replacingUser(with: "showrunner_data"), "--slots", "4",
                ] + allowedAddresses.flatMap { ["--allow-private-addresses", $0] }
                    + workerArguments(Self.dataWorker, offering: shares.dataWorker), stopPatience: .seconds(15)))
        let worker = try Places.companion("showrunner-worker")
        for name in mediaWorkers {
            await supervisor.start(
                SupervisedProgram(
                    name: name, executable: worker,
                    arguments: workerArguments(name, offering: shares.mediaWorker) + [
                        "--scratch", "\(data)/scratch/\(name)", "--allow-local-sources",
                    ], stopPatience: .seconds(15)))
        }
        try await waitUntilReady(signals)
    }

    /// The key that seals secrets: the environment's, else one in the data directory, made at the first start.
    private static func masterKey(
        in directory: String, _ environment: [String: String]
    ) throws(CryptoError) -> [String: String] {
        guard try KeyRing.environment(environment) == nil else { return [:] }
        let path = directory + "/master.key"
        try KeyRing.makeFile(path)
        return ["SHOWRUNNER_MASTER_KEY_FILE": path]
    }

    private static let dataWorker = "data-worker"

    private var mediaWorkers: [String] { workers == 0 ? [] : (1...workers).map { "worker-\($0)" } }

    /// Each worker answers health checks on a free port, which its file tells.
    private func workerArguments(_ name: String, offering share: WorkerCapacity) -> [String] {
        [
            "--engine", engineURL, "--store", store, "--name", name, "--drain-seconds", "5", "--port-file",
            "\(data)/run/\(name).port", "--offer-cores", "\(max(0.001, Double(share.millicores) / 1000))",
            "--offer-memory", "\(share.memoryBytes)", "--offer-scratch", "\(share.scratchBytes)",
        ]
    }

    /// Asks until all answer. Each ask waits a little longer than the last, up to a quarter of a second.
    private func waitUntilReady(_ signals: StopSignals) async throws {
        let deadline = ContinuousClock.now.advanced(by: .seconds(120))
        var pause = Duration.milliseconds(20)
        while true {
            if await signals.isStopped { return }
            let missing = await missing()
            if missing.isEmpty { return }
            if let (name, reason) = await supervisor.failing(after: 4) {
                throw CommandFailure("\(name) does not start (\(reason)); its reason stands above")
            }
            guard .now < deadline else {
                throw CommandFailure("after two minutes these do not serve: \(missing.joined(separator: ", "))")
            }
            try await Task.sleep(for: pause)
            pause = min(pause * 3 / 2, .milliseconds(250))
        }
    }

    /// The names of what does not serve yet. Who waits for others is asked when these serve.
    private func missing() async -> [String] {
        guard await answers(engineURL + "/readyz") else { return ["engine"] }
        guard await answers(viewerURL + "/readyz") else { return ["api"] }
        let ready = await readyWorkers()
        return (mediaWorkers + [Self.dataWorker]).filter { !ready.contains($0) }
    }

    private func answers(_ url: String) async -> Bool {
        do { return try await client.send(HTTPRequest("GET", url)).status == 200 } catch { return false }
    }

    /// Names of the workers that the engine knows and that say themselves that they are ready.
    private func readyWorkers() async -> Set<String> {
        do {
            var names: Set<String> = []
            for worker in try await fetch("/console/api/workers")["workers"]?.arrayValue ?? [] {
                guard let name = worker["name"]?.stringValue, let address = worker["address"]?.stringValue,
                    await answers(address + "/readyz")
                else { continue }
                names.insert(name)
            }
            return names
        } catch {
            return []
        }
    }

    private func fetch(_ path: String) async throws -> JSON {
        let response = try await client.send(HTTPRequest("GET", engineURL + path))
        guard response.status == 200 else { throw CommandFailure("the engine answers \(response.status)") }
        return try JSON(parsing: response.body)
    }

    // MARK: PostgreSQL

    private func notePostgres() async {
        if let pid = await cluster.pid { await supervisor.writePidFile(of: "postgres", pid: pid) }
    }

    /// Starts PostgreSQL again whenever it ends by itself.
    private func guardCluster() async {
        var reported: String?
        while !Task.isCancelled {
            let end = await cluster.waitUntilDown()
            if Task.isCancelled { return }
            if reported == nil {
                log.warning("PostgreSQL ended; starting it again", metadata: ["reason": "\(end)"])
            }
            do {
                try await cluster.start()
                await notePostgres()
                if reported != nil { log.notice("PostgreSQL runs again") }
                reported = nil
            } catch {
                // Once per reason, not once per try: a full disk may stay full over a night.
                let reason = "\(error)"
                if reason != reported {
                    log.error("PostgreSQL does not start; trying on", metadata: ["error": "\(reason)"])
                }
                reported = reason
                do { try await Task.sleep(for: .seconds(2)) } catch { return }
            }
        }
    }

    // MARK: Stop

    /// Ends everything: first who makes work, last what keeps it.
    func stop() async {
        await supervisor.stop(mediaWorkers + [Self.dataWorker])
        await supervisor.stop("api")
        await supervisor.stop("engine")
        guarding?.cancel()
        do { try await cluster.stop() } catch {
            log.error("PostgreSQL did not stop", metadata: ["error": "\(error)"])
        }
        // Where the cluster belongs to another `up`, so does the pid file.
        if hasCluster { await supervisor.removePidFile(of: "postgres") }
    }

    /// Returns when at least one run has ended and none is open: 0 if all succeeded, else 1.
    func waitUntilIdle() async throws -> Int32 {
        while true {
            try await Task.sleep(for: .milliseconds(500))
            do {
                let open = try await fetch("/console/api/runs?status=RUNNING&limit=1")
                guard open["items"]?.arrayValue?.isEmpty == true else { continue }
                let ended = try await fetch("/console/api/runs?limit=1")["items"]?.arrayValue ?? []
                guard !ended.isEmpty else { continue }
                for status in ["FAILED", "TIMED_OUT", "ABORTED"] {
                    let bad = try await fetch("/console/api/runs?status=\(status)&limit=1")
                    if bad["items"]?.arrayValue?.isEmpty == false { return 1 }
                }
                return 0
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                // The engine is being started again; the next look tells.
                continue
            }
        }
    }

    // MARK: Checks

    /// Makes the data directory and what lies in it; gives its path with links resolved.
    private static func prepare(_ path: String) throws(CommandFailure) -> String {
        // As root the server runs under another account, which has to pass through here.
        let mode: mode_t = geteuid() == 0 ? 0o711 : 0o700
        try make(path, mode)
        guard let resolved = realpath(path, nil) else {
            throw CommandFailure("\(path) can't be resolved: \(String(cString: strerror(errno)))")
        }
        defer { free(resolved) }
        let directory = String(cString: resolved)
        try make(directory + "/run", 0o755)
        return directory
    }

    private static func make(_ path: String, _ mode: mode_t) throws(CommandFailure) {
        var built = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            built += "/\(part)"
            if mkdir(built, built == path ? mode : 0o755) == 0 || errno == EEXIST { continue }
            throw CommandFailure("the directory \(built) can't be made: \(String(cString: strerror(errno)))")
        }
        guard access(path, R_OK | W_OK | X_OK) == 0 else {
            throw CommandFailure("the directory \(path) can't be written: \(String(cString: strerror(errno)))")
        }
    }
}

extension String {
    /// A connection URI with another user.
    fileprivate func replacingUser(with user: String) -> String {
        guard let scheme = firstRange(of: "://"), let at = firstIndex(of: "@") else { return self }
        return self[..<scheme.upperBound] + user + self[at...]
    }

    private func firstRange(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
