import Foundation
import Glibc

/// The engine's canonical workloads, each next to pgbench on the same server in the same run.
///
///     engine-benchmark hop [--open COUNT] [--seconds SECONDS] [PLACE]
///     engine-benchmark fan-out [--items COUNT] [--concurrency COUNT] [--seconds SECONDS] [PLACE]
///     engine-benchmark held-snapshot [--open COUNT] [--seconds SECONDS] [PLACE]
///     engine-benchmark ended-executions [--count COUNT] [--open COUNT] [--seconds SECONDS] [PLACE]
///     engine-benchmark upload-day [--runs COUNT] [--rate A_SECOND] [--workers COUNT] [PLACE]
///     engine-benchmark starvation [--chunks COUNT] [--small COUNT] [--workers COUNT] [--rounds COUNT] [PLACE]
///     engine-benchmark task PORT [--rate TASKS] [--workers COUNT] [--seconds SECONDS] [--database URL]
///
/// All but `task` run an engine in this process: their tasks are answered in the engine's process, those of `upload-day` and
/// `starvation` by workers that poll there. PLACE says where its journal is:
///
/// - `--directory DIRECTORY`: on a private server with fsync there (default: a new one under the working directory), which
///   should lie on the disk to be measured.
/// - `--database URL`: in a database of its own, removed afterwards, on a server of this machine that somebody has started:
///   with another disk, or one whose flushes are made slow. The URI's role has to be one that may create databases and end
///   sessions.
///
/// `task` speaks HTTP with a running engine, as workers and starters do; with that engine's database it also tells the
/// commits a task.
@main
struct EngineBenchmark {
    static func main() async throws {
        var arguments = CommandLine.arguments.dropFirst()
        guard let workload = arguments.popFirst() else { refuse() }
        var options: [String: String] = [:]
        var operands: [String] = []
        while let argument = arguments.popFirst() {
            if argument.hasPrefix("--") {
                guard let value = arguments.popFirst() else { refuse() }
                options[String(argument.dropFirst(2))] = value
            } else {
                operands.append(argument)
            }
        }
        let given = options
        @Sendable func number(_ name: String, _ standard: Int) -> Int {
            guard let text = given[name] else { return standard }
            guard let number = Int(text), number > 0 else { refuse() }
            return number
        }
        guard given["directory"] == nil || given["database"] == nil else { refuse() }
        let place: Place = given["database"].map { .database($0) } ?? .directory(given["directory"])
        let seconds = number("seconds", 10)
        switch workload {
        case "hop":
            try await EngineStage.with(place) { stage in
                try await Hop.run(stage, open: number("open", 256), seconds: seconds)
            }
        case "fan-out":
            try await EngineStage.with(place) { stage in
                try await FanOut.run(
                    stage, items: number("items", 1000), concurrency: number("concurrency", 40), seconds: seconds)
            }
        case "held-snapshot":
            try await EngineStage.with(place) { stage in
                try await Burden.heldSnapshot(stage, open: number("open", 256), seconds: number("seconds", 60))
            }
        case "ended-executions":
            try await EngineStage.with(place) { stage in
                try await Burden.finishedExecutions(
                    stage, count: number("count", 1_000_000), open: number("open", 256), seconds: seconds)
            }
        case "upload-day":
            try await EngineStage.with(place) { stage in
                try await UploadDay.run(
                    stage, runs: number("runs", 1000), rate: number("rate", 50), workers: number("workers", 16))
            }
        case "starvation":
            try await EngineStage.with(place) { stage in
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
}
