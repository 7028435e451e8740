import Engine
import Foundation
import Glibc
import Journal
import Load
import LocalPostgres
import Logging
import Postgres

/// Where the journal of a benchmark's engine is.
enum Place: Sendable {
    /// On a private server there; nil for a new directory, which is removed afterwards.
    case directory(String?)
    /// On the server of this URI, in a database of its own.
    case database(String)
}

/// What a workload works with.
struct EngineStage: Sendable {
    let engine: Engine
    let answers: Answers
    let url: String
    let meter: CostMeter

    /// An engine of its own.
    static func with(_ place: Place, _ body: @Sendable (EngineStage) async throws -> Void) async throws {
        switch place {
        case .directory(let given):
            let directory = given ?? "engine-benchmark.\(getpid())"
            let cluster = LocalCluster(directory: directory, settings: ["max_connections": "100"])
            try await cluster.start()
            guard let postmaster = await cluster.pid else { throw Failure(reason: "the server does not run") }
            let flushes = try flushTimes(in: directory)
            print(
                "flush of 8 KiB: median \(digits(flushes.quantile(0.5))) ms, p99 \(digits(flushes.quantile(0.99))) ms")
            try await serve(await cluster.url(database: "postgres"), postmaster, body)
            try await cluster.stop()
            if given == nil { try FileManager.default.removeItem(atPath: directory) }
        case .database(let server):
            let database = try await BorrowedDatabase.create(on: server)
            do {
                let commits = try await commitTimes(url: database.url)
                print(
                    "commit of 8 KiB, alone: median \(digits(commits.quantile(0.5))) ms, "
                        + "p99 \(digits(commits.quantile(0.99))) ms")
                try await serve(database.url, database.postmaster, body)
            } catch {
                try await database.remove()
                throw error
            }
            try await database.remove()
        }
    }

    private static func serve(
        _ url: String, _ postmaster: Int32, _ body: @Sendable (EngineStage) async throws -> Void
    ) async throws {
        var logger = Logger(label: "benchmark")
        logger.logLevel = .warning
        let journal = Journal(url: url, incarnation: "benchmark-\(getpid())", log: logger)
        try await journal.migrate()
        let answers = Answers()
        let engine = Engine(journal: journal, log: logger, contracts: [UploadDay.step], serviceTasks: [answers])
        try await engine.activate(holder: "benchmark", isDead: { _ in true })
        try await engine.loadMachines()
        await engine.beginServing()
        print("load before: \(try load())")
        try await body(
            EngineStage(engine: engine, answers: answers, url: url, meter: CostMeter(postmaster: postmaster)))
        print("load after: \(try load())")
        await engine.stop()
        await journal.close(deadline: .seconds(10))
    }

    /// Rows of the journal.
    func appends() async throws -> Int {
        let connection = try await PostgresConnection.connect(
            url, applicationName: "benchmark", deadline: .seconds(10))
        let rows = try await connection.query("SELECT count(*) AS n FROM showrunner.journal", deadline: .seconds(60))
        await connection.close()
        return Int(rows[0].int("n"))
    }

    /// What pgbench does on the same server.
    func tellPeer() async throws {
        let peer = try await Pgbench.rate(.rowAndRun, url: url, clients: 16, transactions: 1000, meter: meter)
        print(
            "pgbench, 16 clients: \(Int(peer.rate)) transitions a second, processor of the server "
                + "\(digits(peer.processorSecondsPerThousand ?? 0, 3)) s for 1,000")
    }

    private static func load() throws -> String {
        try String(contentsOfFile: "/proc/loadavg", encoding: .utf8).trimmingCharacters(in: .newlines)
    }
}
