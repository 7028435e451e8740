import Glibc
import Journal
import LocalPostgres
import Logging
import Postgres

/// Appends per second through the journal, next to pgbench's own on the same server in the same run.
///
///     journal-benchmark [SECONDS] [DIRECTORY]
///
/// Runs a private server with fsync in DIRECTORY (default: a new one under the working directory), which should lie on
/// the disk to be measured. Each caller appends to an execution of its own as fast as it is answered: 1 KB of effects and
/// no list line, which is what most rows are.
@main
struct JournalBenchmark {
    static func main() async throws {
        let arguments = CommandLine.arguments
        let seconds = arguments.count > 1 ? Int(arguments[1]) ?? 5 : 5
        let directory = arguments.count > 2 ? arguments[2] : "journal-benchmark.\(getpid())"
        let cluster = LocalCluster(directory: directory, settings: ["max_connections": "100"])
        try await cluster.start()
        let url = await cluster.url(database: "postgres")
        print("callers  connections  appends/s  p50 ms  p99 ms")
        for connections in [1, 2, 4] {
            for callers in [1, 16, 256] {
                try await measure(url, callers: callers, connections: connections, seconds: seconds)
            }
        }
        try await pgbench(url, directory: directory, seconds: seconds)
        try await cluster.stop()
    }

    /// The same insert, one transaction each, by PostgreSQL's own client.
    private static func pgbench(_ url: String, directory: String, seconds: Int) async throws {
        let connection = try await PostgresConnection.connect(url, applicationName: "benchmark", deadline: .seconds(10))
        try await connection.script(
            """
            CREATE TABLE IF NOT EXISTS plain (execution_id uuid, seq bigint, writer text, at bigint, effects text,
                                              PRIMARY KEY (execution_id, seq))
            """, deadline: .seconds(10))
        await connection.close()
        let path = directory + "/insert.sql"
        guard let file = fopen(path, "w") else { preconditionFailure("cannot write \(path)") }
        fputs(
            """
            INSERT INTO plain VALUES (gen_random_uuid(), 0, 'pgbench', 0, repeat('e', 1024)) ON CONFLICT DO NOTHING

            """, file)
        fclose(file)
        for clients in [1, 16, 64] {
            print("pgbench, \(clients) clients")
            fflush(nil)
            // By count, not by time: pgbench's alarm signal is blocked in what a thread of the pool starts.
            let command = "pgbench -n -c \(clients) -j 2 -t \(seconds * 50) -M extended -f '\(path)' '\(url)'"
            guard system(command + " | grep -E '^(tps|latency average)'") == 0 else {
                preconditionFailure("pgbench failed: \(command)")
            }
        }
    }

    private static func measure(_ url: String, callers: Int, connections: Int, seconds: Int) async throws {
        var settings = JournalSettings()
        settings.appendConnections = connections
        let journal = Journal(
            url: url, incarnation: "benchmark-\(callers)-\(connections)", log: Logger(label: "benchmark"),
            settings: settings)
        try await journal.migrate()
        guard try await journal.takeLease(holder: "benchmark", isStillHeldAfter: .zero) == .taken else {
            preconditionFailure("nobody else uses this server")
        }
        let effects = String(repeating: "e", count: 1024)
        let end = ContinuousClock.now.advanced(by: .seconds(seconds))
        let started = ContinuousClock.now
        let latencies = await withTaskGroup(of: [Double].self) { group in
            for caller in 0..<callers {
                group.addTask {
                    var latencies: [Double] = []
                    let hex = String(caller + 4096 * (callers + 4096 * connections), radix: 16)
                    let id = "019ac800-0000-7000-8000-" + String(repeating: "0", count: 12 - hex.count) + hex
                    var seq: Int64 = 0
                    while .now < end {
                        let before = ContinuousClock.now
                        let outcome = await journal.append(
                            JournalRow(executionID: id, seq: seq, at: seq, effects: effects))
                        precondition(outcome == .committed, "\(outcome)")
                        latencies.append((ContinuousClock.now - before) / .milliseconds(1))
                        seq += 1
                    }
                    return latencies
                }
            }
            return await group.reduce(into: []) { $0 += $1 }.sorted()
        }
        let elapsed = (ContinuousClock.now - started) / .seconds(1)
        func digits(_ value: Double) -> String { String((value * 10).rounded() / 10) }
        print(
            callers, connections, Int(Double(latencies.count) / elapsed), digits(latencies[latencies.count / 2]),
            digits(latencies[latencies.count * 99 / 100]), separator: "\t")
        fflush(nil)
        await journal.close(deadline: .seconds(10))
    }
}
