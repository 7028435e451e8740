import Foundation
import Journal
import LocalPostgres
import Postgres
import TemporaryFolder
import Testing

/// A database that has lost what it acknowledged.
@Suite struct HistoryTests {
    /// The server's files are put back to what they were a row before, under an engine that goes on.
    @Test func nothingIsWrittenToADatabaseThatWentBack() async throws {
        let folder = try TemporaryFolder()
        let (files, earlier) = (folder.place("postgres"), folder.place("earlier"))
        let cluster = LocalCluster(directory: folder.path)
        let id = IDs.execution()

        try await cluster.start()
        let url = await cluster.url(database: "postgres")
        let journal = Journal(url: url, incarnation: "engine-1", log: silent)
        try await journal.migrate()
        #expect(try await journal.takeLease(holder: "test", isStillHeldAfter: .seconds(30)) == .taken)
        #expect(await journal.append(.first(id)) == .committed)
        try await cluster.stop()
        // As the server's account left them: owners and modes belong to them.
        try await run("cp", "-a", files, earlier)

        // A server that was away and comes back is none that went back.
        try await cluster.start()
        // More than a record that was written in part, and nothing that can be compressed much.
        let much = (1...60_000).map { String($0 &* 2_654_435_761 % 1_000_003) }.joined()
        #expect(await journal.append(.later(id, 1, effects: much)) == .committed)
        #expect(try await journal.renewLease())
        try await cluster.stop()

        try await run("rm", "-r", files)
        try await run("mv", earlier, files)
        try await cluster.start()
        #expect(await journal.append(.later(id, 2)) == .superseded)
        #expect(await journal.databaseHasGoneBack)
        await journal.waitUntilLeaseIsLost()
        await #expect(throws: PostgresError.self) { try await journal.renewLease() }
        await journal.close(deadline: .seconds(5))

        let next = Journal(url: url, incarnation: "engine-2", log: silent)
        #expect(try await next.load(id).map(\.seq) == [0])
        await next.close(deadline: .seconds(5))
        try await cluster.stop()
    }

    private func run(_ command: String...) async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        let status: Int32 = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        #expect(status == 0, "\(command)")
    }
}
