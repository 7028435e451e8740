import Foundation
import Glibc
import Postgres

/// PostgreSQL's own client, on the same server in the same run: the peer of every rate here.
public enum Pgbench {
    /// What one transaction does.
    public enum Transition: String {
        /// A row of 1 KiB is inserted.
        case row
        /// A row of 1 KiB is inserted and the line of its run updated: the smallest durable transition of an engine that
        /// keeps its runs' states in a table.
        case rowAndRun
    }

    /// Transactions a second, one commit each, synchronous_commit as the server has it, and processor seconds of the
    /// server for a thousand of them.
    ///
    /// - Parameter transactions: of each client. By count, not by time: pgbench's alarm signal is blocked in what a thread
    ///   of the pool starts.
    public static func rate(
        _ transition: Transition, url: String, clients: Int, transactions: Int, meter: CostMeter? = nil
    ) async throws -> (rate: Double, processorSecondsPerThousand: Double?) {
        let connection = try await PostgresConnection.connect(url, applicationName: "benchmark", deadline: .seconds(10))
        try await connection.script(
            """
            DROP TABLE IF EXISTS plain; DROP TABLE IF EXISTS plain_run;
            CREATE TABLE plain (execution_id uuid, seq bigint, writer text, at bigint, effects text,
                                PRIMARY KEY (execution_id, seq));
            CREATE TABLE plain_run (id int PRIMARY KEY, state text, at bigint);
            INSERT INTO plain_run SELECT number, 'A', 0 FROM generate_series(1, 10000) AS number;
            """, deadline: .seconds(10))
        await connection.close()
        let path = FileManager.default.temporaryDirectory.path + "/showrunner-benchmark-\(getpid()).sql"
        let insert =
            "INSERT INTO plain VALUES (gen_random_uuid(), 0, 'pgbench', 0, repeat('e', 1024)) ON CONFLICT DO NOTHING"
        let script =
            switch transition {
            case .row: insert + ";\n"
            case .rowAndRun:
                """
                \\set run random(1, 10000)
                BEGIN;
                \(insert);
                UPDATE plain_run SET state = 'B', at = at + 1 WHERE id = :run;
                COMMIT;

                """
            }
        try script.write(toFile: path, atomically: true, encoding: .utf8)
        defer { unlink(path) }
        let before = try meter?.read()
        let output = try await run([
            "pgbench", "-n", "-c", "\(clients)", "-j", "2", "-t", "\(transactions)", "-M",
            transition == .row ? "extended" : "prepared", "-f", path, url,
        ])
        guard let rate = output.firstMatch(of: /tps = ([0-9.]+)/).flatMap({ Double($0.1) }) else {
            throw Failure(reason: "pgbench failed: \(output)")
        }
        guard let before, let after = try meter?.read() else { return (rate, nil) }
        return (rate, (after.server - before.server) / Double(clients * transactions) * 1000)
    }

    /// What a program prints.
    private static func run(_ command: [String]) async throws -> String {
        try await onThread {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = command
            let pipe = Pipe()
            process.standardOutput = pipe
            process.standardError = FileHandle.standardError
            try process.run()
            let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}
