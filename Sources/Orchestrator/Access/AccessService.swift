import Journal
import Logging
import Postgres
public import ServiceLifecycle

/// Keeps the keys in memory as the database has them, notes which were used, and lets old audit rows go.
public struct AccessService: Service {
    private let access: Access
    private static let interval = Duration.seconds(5)

    public init(_ access: Access) { self.access = access }

    public func run() async throws {
        var failing: String?
        var isTold = false
        var nextRemoval = ContinuousClock.now
        while !Task.isShuttingDownGracefully {
            do throws(AccessError) {
                try await access.load()
                try await noteUse()
                if .now >= nextRemoval {
                    try await removeOldRows()
                    nextRemoval = .now.advanced(by: .seconds(86_400))
                }
                (failing, isTold) = (nil, false)
            } catch {
                // Keys that were read go on working. While an engine starts, its tables may not be there yet: what fails
                // once is no news.
                if failing == error.message, !isTold {
                    access.log.warning("the access keys are not up to date", metadata: ["reason": "\(error.message)"])
                    isTold = true
                }
                failing = error.message
            }
            do { try await cancelWhenGracefulShutdown { try await Task.sleep(for: Self.interval) } } catch { break }
        }
        do throws(AccessError) { try await noteUse() } catch {
            access.log.warning("the last uses of access keys are not noted", metadata: ["reason": "\(error.message)"])
        }
    }

    private func noteUse() async throws(AccessError) {
        let used = access.keys.takeUsed()
        guard !used.isEmpty else { return }
        let day = access.authentication.now().dayText
        try await asking { () async throws(PostgresError) in
            try await access.journal.noteUse(ofAccessKeys: used, on: day)
        }
    }

    private func removeOldRows() async throws(AccessError) {
        let moment = access.authentication.now() - Int64(access.settings.auditDays) * 86_400_000_000
        while try await asking({ () async throws(PostgresError) in
            try await access.journal.removeAudit(olderThan: moment)
        }) > 0 {}
    }
}
