import Foundation
import Glibc
import Postgres

/// What work costs: processor seconds of this process and of a PostgreSQL server, and what the server wrote.
public struct CostMeter: Sendable {
    public struct Reading: Sendable {
        /// Processor seconds, user and system, of this process.
        public var own: Double
        /// The same of the server with all its backends, those that ended among them.
        public var server: Double
    }

    private let postmaster: Int32

    /// - Parameter postmaster: the server's process id.
    public init(postmaster: Int32) { self.postmaster = postmaster }

    public func read() throws -> Reading {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let own =
            Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
        var ticks = try Self.ticks(of: postmaster, withEnded: true)
        for entry in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let pid = Int32(entry), let parent = Self.parent(of: pid), parent == postmaster else { continue }
            // A backend may end between the two looks; the postmaster counts it from then on.
            do { ticks += try Self.ticks(of: pid, withEnded: false) } catch { continue }
        }
        return Reading(own: own, server: Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK))))
    }

    /// The fields behind the name of /proc/PID/stat (proc(5)), which begin with field 3.
    private static func fields(of pid: Int32) throws -> [Substring] {
        let text = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        guard let end = text.lastIndex(of: ")") else { throw Failure(reason: "no process \(pid)") }
        return text[text.index(end, offsetBy: 2)...].split(separator: " ")
    }

    /// The server that a backend belongs to; nil where it is no process of this machine.
    static func postmaster(of backend: Int32) -> Int32? {
        func isPostgres(_ pid: Int32) -> Bool {
            do {
                return try String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8).hasPrefix("postgres")
            } catch { return false }
        }
        guard isPostgres(backend), let parent = parent(of: backend), isPostgres(parent) else { return nil }
        return parent
    }

    private static func parent(of pid: Int32) -> Int32? {
        do { return Int32(try fields(of: pid)[1]) } catch { return nil }
    }

    private static func ticks(of pid: Int32, withEnded: Bool) throws -> Int {
        let fields = try fields(of: pid)
        return fields[withEnded ? 11...14 : 11...12].reduce(0) { $0 + (Int($1) ?? 0) }
    }
}

/// What the server counts.
public struct ServerCounters: Sendable {
    /// Transactions that wrote something: numbers of transactions that were given out, which is told at once.
    public var commits: Int64
    /// Of the database's tables. Sessions tell it late: see ``settled(_:)``.
    public var rowsInserted: Int64
    public var walBytes: Int64

    public static func read(_ url: String) async throws -> ServerCounters {
        let connection = try await PostgresConnection.connect(url, applicationName: "benchmark", deadline: .seconds(10))
        let counters = try await read(connection)
        await connection.close()
        return counters
    }

    private static func read(_ connection: PostgresConnection) async throws -> ServerCounters {
        let rows = try await connection.query(
            """
            SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS commits,
                   (SELECT coalesce(sum(n_tup_ins), 0)::bigint FROM pg_stat_user_tables) AS inserted,
                   pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint AS wal
            """, deadline: .seconds(10))
        return ServerCounters(
            commits: rows[0].int("commits"), rowsInserted: rows[0].int("inserted"), walBytes: rows[0].int("wal"))
    }

    /// The same once every session has told its rows: one that has something left to tell when it falls idle does so ten
    /// seconds later (PostgreSQL 15, PGSTAT_IDLE_INTERVAL).
    public static func settled(_ url: String) async throws -> ServerCounters {
        let connection = try await PostgresConnection.connect(url, applicationName: "benchmark", deadline: .seconds(10))
        for _ in 1...6 {
            let left = try await connection.query(
                """
                SELECT coalesce(max(10500 - (extract(epoch FROM clock_timestamp() - state_change) * 1000)::bigint), 0) AS left
                  FROM pg_stat_activity
                 WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
                """, deadline: .seconds(10))[0].int("left")
            guard left > 0 else {
                let counters = try await read(connection)
                await connection.close()
                return counters
            }
            try await Task.sleep(for: .milliseconds(left))
        }
        throw Failure(reason: "sessions of the database go on writing, so that their rows can't be counted")
    }
}

public func - (after: ServerCounters, before: ServerCounters) -> ServerCounters {
    ServerCounters(
        commits: after.commits - before.commits, rowsInserted: after.rowsInserted - before.rowsInserted,
        walBytes: after.walBytes - before.walBytes)
}

/// Milliseconds that the disk under a folder takes for `fdatasync` of 8 KiB appended, sorted.
public func flushTimes(in directory: String, count: Int = 200) throws -> [Double] {
    let path = directory + "/flush-\(getpid())"
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Failure(reason: "\(path): \(String(cString: strerror(errno)))") }
    defer {
        close(descriptor)
        unlink(path)
    }
    let page = [UInt8](repeating: 1, count: 8192)
    var times: [Double] = []
    for _ in 0..<count {
        let before = ContinuousClock.now
        guard write(descriptor, page, page.count) == page.count, fdatasync(descriptor) == 0 else {
            throw Failure(reason: "\(path): \(String(cString: strerror(errno)))")
        }
        times.append((ContinuousClock.now - before) / .milliseconds(1))
    }
    return times.sorted()
}

extension [Double] {
    /// Of sorted values; 0 of none.
    public func quantile(_ part: Double) -> Double {
        isEmpty ? 0 : self[Swift.min(count - 1, Int(Double(count) * part))]
    }
}

public func digits(_ value: Double, _ places: Int = 2) -> String { String(format: "%.\(places)f", value) }
