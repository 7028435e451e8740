import CatalogStore
import Engine
import Forwarding
import Glibc
import HTTPServer
import Journal
import Logging
import Postgres
import Schedules
import ServiceLifecycle
import StatesLanguage

/// The engine's life: wait for the database and the lease, load, serve, keep the lease, give it back.
struct EngineService: Service {
    let engine: Engine
    let journal: Journal
    let forwarder: Forwarder
    /// Where other engines reach this one.
    let address: String
    let databaseURL: String
    let workflows: [WorkflowFile]
    let schedules: [Schedule]
    let contentKeys: ContentKeyVault
    let log: Logger

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await serve()
        } onGracefulShutdown: {
            // What comes from now on is for whoever comes next.
            forwarder.stop()
            // Long polls and streams end first, so that the HTTP server has nothing to wait for.
            Task { await engine.stop() }
        }
    }

    private func serve() async throws {
        try await migrate()
        do {
            try await cancelWhenGracefulShutdown {
                try await engine.activate(holder: Self.holder, address: address, isDead: Self.isDead) { active in
                    guard let active else { return forwarder.takeOver() }
                    forwarder.standBy(
                        behind: ActiveEngine(incarnation: active.incarnation, address: active.address))
                }
            }
        } catch is CancellationError {
            // Told to stop while standing by: there is nothing to give back.
            await journal.close(deadline: .seconds(2))
            return
        }
        try await engine.loadMachines()
        for workflow in workflows {
            try await engine.deploy(name: workflow.name, machine: workflow.machine, definition: workflow.definition)
        }
        try await engine.deploySchedules(schedules)
        await engine.beginServing()
        forwarder.serve()
        let renewal = Task { await renewContentKeys() }
        defer { renewal.cancel() }
        let inbox = Task { await Self.watchInbox(engine, log) }
        defer { inbox.cancel() }
        try await holdLease()
        await engine.stop()
        await journal.close(deadline: .seconds(10))
        do { try await journal.releaseLease() } catch {
            log.warning("the lease was not given back; it runs out", metadata: ["error": "\(error)"])
        }
    }

    /// After a change of the master key; what a database that is away leaves undone, the next start does.
    private func renewContentKeys() async {
        do { try await contentKeys.renew() } catch {
            log.error("content keys were not sealed anew", metadata: ["error": "\(error)"])
        }
    }

    private func migrate() async throws {
        try await journal.migrate()
        let connection = try await PostgresConnection.connect(
            databaseURL, applicationName: "showrunner-migrate", deadline: .seconds(30))
        do {
            try await CatalogStore.migrate(connection)
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
    }

    /// Makes the starts that are asked for by SQL. Looking is all there is: a notification in the asking transaction would
    /// make all commits of the database wait for each other.
    private static func watchInbox(_ engine: Engine, _ log: Logger) async {
        var trouble = false
        while !Task.isCancelled {
            do {
                if try await engine.makeRequestedStarts() { continue }
                trouble = false
            } catch {
                if !trouble { log.warning("starts asked for by SQL wait", metadata: ["error": "\(error)"]) }
                trouble = true
            }
            do { try await Task.sleep(for: .milliseconds(500)) } catch { return }
        }
    }

    /// Renews the lease until shutdown. Losing it ends the process at once, whoever finds out first, a renewal or an
    /// append: what it holds in memory may be stale.
    private func holdLease() async throws {
        let keeper = Task { try await keepLease() }
        // Returns with the loss, or when the journal is closed.
        Task {
            await journal.waitUntilLeaseIsLost()
            guard await journal.leaseIsLost else { return }
            forwarder.stop()
            await engine.noteLeaseLost()
            keeper.cancel()
        }
        try await keeper.value
        guard await journal.leaseIsLost else { return }
        throw CommandFailure(
            await journal.databaseHasGoneBack
                ? "the database has gone back in time; start the engine again to go on with what is there"
                : "another engine has taken over")
    }

    /// Refused starts are kept for so long, in microseconds.
    private static let refusalPeriod: Int64 = 30 * 86_400 * 1_000_000

    private func keepLease() async throws {
        var nextPartitions = ContinuousClock.now.advanced(by: .seconds(3_600))
        while !Task.isShuttingDownGracefully {
            do { try await cancelWhenGracefulShutdown { try await Task.sleep(for: .seconds(3)) } } catch { return }
            do {
                let began = await engine.time
                guard try await journal.renewLease() else {
                    throw CommandFailure("another engine has taken over")
                }
                await engine.noteLeaseRenewed(at: began)
                if .now > nextPartitions {
                    // First, so that it is told where they can't be made.
                    try await journal.checkPartitions()
                    try await journal.createPartitions()
                    try await journal.checkPartitions()
                    _ = try await journal.removeStartRefusals(olderThan: await engine.time - Self.refusalPeriod)
                    nextPartitions = .now.advanced(by: .seconds(3_600))
                }
            } catch let error as PostgresError {
                // The lease is ours until somebody else takes it, and nobody can while the database is away.
                log.warning("the lease was not renewed; trying again", metadata: ["error": "\(error)"])
            }
        }
    }

    /// `host:boot:namespace:pid:start`, which tells an engine on the same machine whether the holder still runs.
    static var holder: String {
        "\(hostName):\(bootID):\(processNamespace):\(getpid()):\(startTime(of: getpid()) ?? "0")"
    }

    /// Whether a holder is a process of this machine's present boot that has ended for certain: there is none of its
    /// number, or one that was started at another time. What can't be looked at may run.
    @Sendable static func isDead(_ holder: String) -> Bool {
        let parts = holder.split(separator: ":").map(String.init)
        guard parts.count == 5, parts[0] == hostName, parts[1] == bootID, parts[2] == processNamespace,
            let pid = pid_t(parts[3])
        else { return false }
        // A process of another user may be hidden in /proc, and is not hidden from this.
        if kill(pid, 0) != 0, errno == ESRCH { return true }
        return startTime(of: pid).map { $0 != parts[4] } ?? false
    }

    /// Containers may share name and boot of their host and number their processes from 1, each for itself.
    private static let processNamespace: String = {
        var buffer = [CChar](repeating: 0, count: 64)
        let count = readlink("/proc/self/ns/pid", &buffer, buffer.count)
        guard count > 0 else { return "unknown" }
        let digits = buffer.prefix(count).map { UInt8(bitPattern: $0) }.filter { (0x30...0x39).contains($0) }
        return String(decoding: digits, as: UTF8.self)
    }()

    static let hostName: String = {
        var buffer = [CChar](repeating: 0, count: 256)
        gethostname(&buffer, buffer.count - 1)
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()

    private static let bootID: String = {
        guard let bytes = firstBytes(of: "/proc/sys/kernel/random/boot_id") else { return "unknown" }
        return String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
    }()

    /// Field 22 of /proc/PID/stat (proc(5)): two processes with the same pid differ in it.
    private static func startTime(of pid: pid_t) -> String? {
        guard let bytes = firstBytes(of: "/proc/\(pid)/stat"), let end = bytes.lastIndex(of: UInt8(ascii: ")")) else {
            return nil
        }
        let fields = String(decoding: bytes[(end + 1)...], as: UTF8.self).split(separator: " ")
        return fields.count > 19 ? String(fields[19]) : nil
    }

    private static func firstBytes(of path: String) -> [UInt8]? {
        do { return try FileBytes.read(path, limit: 64 << 10) } catch { return nil }
    }
}
