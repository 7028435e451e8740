import Engine
import Journal
import Logging
import Metrics
import ServiceLifecycle

/// Tells how much waits and how the database is, as metrics, and says in the log what somebody should look at.
struct EngineWatch: Service {
    let engine: Engine
    let journal: Journal
    let log: Logger

    func run() async throws {
        var told: [String] = []
        var queues: Set<String> = []
        var round = 0
        while !Task.isShuttingDownGracefully {
            do { try await cancelWhenGracefulShutdown { try await Task.sleep(for: .seconds(5)) } } catch { return }
            guard await engine.isReady else { continue }
            let depths = await engine.depths()
            Self.record("showrunner_executions", Double(depths.executions), [("where", "memory")])
            Self.record("showrunner_executions", Double(depths.coldExecutions), [("where", "cold")])
            // A queue that is empty has to be told as empty, too.
            queues.formUnion(depths.readyTasks.keys)
            for queue in queues {
                Self.record("showrunner_ready_tasks", Double(depths.readyTasks[queue] ?? 0), [("queue", queue)])
            }
            if queues.count > 1_000 { queues = Set(depths.readyTasks.keys) }
            Self.record("showrunner_parked_tasks", Double(depths.parkedTasks))
            Self.record("showrunner_workers_aside", Double(depths.asideWorkers))
            Self.record("showrunner_leased_tasks", Double(depths.leasedTasks))
            Self.record("showrunner_stuck_tasks", Double(depths.stuckTasks))
            Self.record("showrunner_waiting_polls", Double(depths.waitingPolls))
            Self.record("showrunner_postponed_children", Double(depths.postponedChildren))
            Self.record("showrunner_timers", Double(depths.timers))
            Self.record("showrunner_stale_answers", Double(depths.staleAnswers))
            Self.record("showrunner_snapshots", Double(depths.snapshots))
            // Looking at the server costs more, and nothing there changes in seconds.
            round += 1
            guard round % 6 == 1 else { continue }
            await look(&told)
        }
    }

    private func look(_ told: inout [String]) async {
        let health: DatabaseHealth
        do { health = try await journal.databaseHealth() } catch {
            log.debug("the database's health is not known", metadata: ["error": "\(error)"])
            return
        }
        Self.record("showrunner_database_oldest_snapshot_seconds", Double(health.oldestSnapshot) / 1e6)
        Self.record("showrunner_database_rows", Double(health.deadRows), [("state", "dead")])
        Self.record("showrunner_database_rows", Double(health.liveRows), [("state", "live")])
        Self.record("showrunner_database_replication_lag_bytes", Double(health.replicationLag))
        Self.record("showrunner_waiting_starts", Double(health.waitingStarts))
        let warnings = health.warnings
        // Once as long as it lasts; figures in it change from look to look.
        let kinds = warnings.map { String($0.filter { !$0.isNumber }) }
        for (warning, kind) in zip(warnings, kinds) where !told.contains(kind) { log.warning("\(warning)") }
        told = kinds
    }

    private static func record(_ label: String, _ value: Double, _ dimensions: [(String, String)] = []) {
        Gauge(label: label, dimensions: dimensions).record(value)
    }
}
