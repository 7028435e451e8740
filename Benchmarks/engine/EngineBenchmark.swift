import Engine
import Foundation
import Glibc
import Journal
import Load
import LocalPostgres
import Logging

/// The engine's canonical workloads, each next to pgbench on the same server in the same run.
///
///     engine-benchmark hop [--open COUNT] [--seconds SECONDS] [--directory DIRECTORY]
///     engine-benchmark fan-out [--items COUNT] [--concurrency COUNT] [--seconds SECONDS] [--directory DIRECTORY]
///     engine-benchmark held-snapshot [--open COUNT] [--seconds SECONDS] [--directory DIRECTORY]
///     engine-benchmark ended-executions [--count COUNT] [--open COUNT] [--seconds SECONDS] [--directory DIRECTORY]
///     engine-benchmark upload-day [--runs COUNT] [--rate A_SECOND] [--workers COUNT] [--directory DIRECTORY]
///     engine-benchmark starvation [--chunks COUNT] [--small COUNT] [--workers COUNT] [--rounds COUNT] [--directory DIRECTORY]
///     engine-benchmark task PORT [--rate TASKS] [--workers COUNT] [--seconds SECONDS] [--database URL]
///
/// All but `task` run an engine in this process on a private server with fsync in DIRECTORY (default: a new one under
/// the working directory), which should lie on the disk to be measured: their tasks are answered in the engine's
/// process, those of `upload-day` and `starvation` by workers that poll there. `task` speaks HTTP with a running engine, as
/// workers and starters do; with that engine's database it also tells the commits a task.
@main
struct EngineBenchmark {
    static func main() async throws {
        var arguments = CommandLine.arguments.dropFirst()
        guard let workload = arguments.popFirst() else { refuse() }
        var options: [String: String] = [:]
        var operands: [String] = []
        while let argument = arguments.popFirst() {
            if argument.hasPrefix("--"), let value = arguments.popFirst() {
                options[String(argument.dropFirst(2))] = value
            } else {
                operands.append(argument)
            }
        }
        let given = options
        @Sendable func number(_ name: String, _ standard: Int) -> Int { given[name].flatMap { Int($0) } ?? standard }
        let seconds = number("seconds", 10)
        switch workload {
        case "hop":
            try await withEngine(in: given["directory"]) { stage in
                try await Hop.run(stage, open: number("open", 256), seconds: seconds)
            }
        case "fan-out":
            try await withEngine(in: given["directory"]) { stage in
                try await FanOut.run(
                    stage, items: number("items", 1000), concurrency: number("concurrency", 40), seconds: seconds)
            }
        case "held-snapshot":
            try await withEngine(in: given["directory"]) { stage in
                try await Burden.heldSnapshot(stage, open: number("open", 256), seconds: number("seconds", 60))
            }
        case "ended-executions":
            try await withEngine(in: given["directory"]) { stage in
                try await Burden.finishedExecutions(
                    stage, count: number("count", 1_000_000), open: number("open", 256), seconds: seconds)
            }
        case "upload-day":
            try await withEngine(in: given["directory"]) { stage in
                try await UploadDay.run(
                    stage, runs: number("runs", 1000), rate: number("rate", 50), workers: number("workers", 16))
            }
        case "starvation":
            try await withEngine(in: given["directory"]) { stage in
                try await Starvation.run(
                    stage, chunks: number("chunks", 10_000), small: number("small", 10), workers: number("workers", 8),
                    rounds: number("rounds", 21))
            }
        case "task":
            guard let port = operands.first.flatMap({ UInt16($0) }) else { refuse() }
            try await TaskLoad(
                port: port, rate: number("rate", 60), workers: number("workers", 8), seconds: seconds,
                database: given["database"]
            )
            .run()
        default: refuse()
        }
    }

    private static func refuse() -> Never {
        FileHandle.standardError.write(
            Data(
                """
                usage: engine-benchmark hop|fan-out|held-snapshot|ended-executions|upload-day|starvation|task PORT [--NAME VALUE]...
                (the source says which)

                """.utf8))
        exit(2)
    }

    /// An engine of its own on a server of its own.
    private static func withEngine(
        in place: String?, _ body: @Sendable (EngineStage) async throws -> Void
    ) async throws {
        let directory = place ?? "engine-benchmark.\(getpid())"
        let cluster = LocalCluster(directory: directory, settings: ["max_connections": "100"])
        try await cluster.start()
        let url = await cluster.url(database: "postgres")
        guard let postmaster = await cluster.pid else { throw Failure(reason: "the server does not run") }
        var logger = Logger(label: "benchmark")
        logger.logLevel = .warning
        let journal = Journal(url: url, incarnation: "benchmark-\(getpid())", log: logger)
        try await journal.migrate()
        let answers = Answers()
        let engine = Engine(journal: journal, log: logger, contracts: [UploadDay.step], serviceTasks: [answers])
        try await engine.activate(holder: "benchmark", isDead: { _ in true })
        try await engine.loadMachines()
        await engine.beginServing()
        let flushes = try flushTimes(in: directory)
        print("flush of 8 KiB: median \(digits(flushes.quantile(0.5))) ms, p99 \(digits(flushes.quantile(0.99))) ms")
        print("load before: \(try load())")
        try await body(
            EngineStage(engine: engine, answers: answers, url: url, meter: CostMeter(postmaster: postmaster)))
        print("load after: \(try load())")
        await engine.stop()
        await journal.close(deadline: .seconds(10))
        try await cluster.stop()
        if place == nil { try FileManager.default.removeItem(atPath: directory) }
    }

    private static func load() throws -> String {
        try String(contentsOfFile: "/proc/loadavg", encoding: .utf8).trimmingCharacters(in: .newlines)
    }
}

/// What a workload works with.
struct EngineStage: Sendable {
    let engine: Engine
    let answers: Answers
    let url: String
    let meter: CostMeter
}

/// What one stretch of work took.
struct Cost {
    var seconds: Double
    var engine: Double
    var server: Double
    var counters: ServerCounters

    static func measure(_ stage: EngineStage, _ body: () async throws -> Void) async throws -> Cost {
        // Counters are complete once every backend has been idle for a second.
        try await Task.sleep(for: .milliseconds(1500))
        let countersBefore = try await ServerCounters.read(stage.url)
        let before = try stage.meter.read()
        let began = ContinuousClock.now
        try await body()
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        let after = try stage.meter.read()
        try await Task.sleep(for: .milliseconds(1500))
        let counters = try await ServerCounters.read(stage.url)
        return Cost(
            seconds: seconds, engine: after.own - before.own, server: after.server - before.server,
            counters: counters - countersBefore)
    }

    /// Prints what `count` of something cost.
    func tell(_ name: String, _ count: Int) {
        let thousands = Double(count) / 1000
        print(
            """
            \(count) \(name) in \(digits(seconds, 1)) s: \(Int(Double(count) / seconds)) a second
            for 1,000: processor \(digits((engine + server) / thousands, 3)) s (engine \(digits(engine / thousands, 3)), \
            server \(digits(server / thousands, 3))), \(Int(Double(counters.commits) / thousands)) commits, \
            \(Int(Double(counters.rowsInserted) / thousands)) rows, \(Int(Double(counters.walBytes) / thousands / 1024)) KiB of WAL
            """)
        fflush(nil)
    }
}
