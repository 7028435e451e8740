import Foundation
import Glibc
import Postgres

/// A new database on a server that somebody else has started: with another disk, or settings of its own. It is removed
/// afterwards, and nothing else there is touched.
public struct BorrowedDatabase: Sendable {
    /// A libpq connection URI.
    public let url: String
    /// The server's process id.
    public let postmaster: Int32
    private let server: String
    private let name: String

    /// - Parameter server: a libpq connection URI of a role that may create databases. The server has to run on this machine,
    ///   where its processor time can be read.
    public static func create(on server: String) async throws -> BorrowedDatabase {
        guard server.hasPrefix("postgresql://") || server.hasPrefix("postgres://") else {
            throw Failure(reason: "--database has to be a URI (postgresql://...), and not '\(server)'")
        }
        let name = "showrunner_benchmark_\(getpid())"
        let connection = try await PostgresConnection.connect(
            server, applicationName: "benchmark", deadline: .seconds(10))
        do {
            let backend = Int32(
                try await connection.query("SELECT pg_backend_pid()::bigint AS pid", deadline: .seconds(10))[0]
                    .int("pid"))
            guard let postmaster = CostMeter.postmaster(of: backend) else {
                throw Failure(reason: "the server of --database does not run on this machine")
            }
            try await connection.script("CREATE DATABASE \(name)", deadline: .seconds(60))
            await connection.close()
            // The last one of a name holds.
            return BorrowedDatabase(
                url: server + (server.contains("?") ? "&" : "?") + "dbname=\(name)", postmaster: postmaster,
                server: server, name: name)
        } catch {
            await connection.close()
            throw error
        }
    }

    /// Nobody may use it any more; sessions that are left are ended.
    public func remove() async throws {
        let connection = try await PostgresConnection.connect(
            server, applicationName: "benchmark", deadline: .seconds(10))
        try await connection.script("DROP DATABASE \(name) WITH (FORCE)", deadline: .seconds(60))
        await connection.close()
    }
}

/// Milliseconds that a server takes for a transaction that inserts 8 KiB and waits for their flush, one after the other,
/// sorted: the flush, and a round trip.
public func commitTimes(url: String, count: Int = 200) async throws -> [Double] {
    let connection = try await PostgresConnection.connect(url, applicationName: "benchmark", deadline: .seconds(10))
    try await connection.script("CREATE TABLE flushed (page text)", deadline: .seconds(10))
    var times: [Double] = []
    for _ in 0..<count {
        let before = ContinuousClock.now
        // From random digits, which do not compress.
        _ = try await connection.query(
            """
            INSERT INTO flushed SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 256)
            """, deadline: .seconds(10))
        times.append((ContinuousClock.now - before) / .milliseconds(1))
    }
    try await connection.script("DROP TABLE flushed", deadline: .seconds(10))
    await connection.close()
    return times.sorted()
}
