import Foundation
import JSON
import Journal
import Logging
import Postgres
import PostgresTestSupport
import TemporaryFolder
import Testing

extension EndToEnd {
    @Suite struct RetentionTests {
        /// A database with a run in each of two months, which are so long over.
        private static func database(monthsAgo: [Int]) async throws -> (url: String, labels: [String]) {
            let url = try await TestDatabase.empty()
            let journal = Journal(
                url: url, incarnation: "test", log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            try await journal.migrate()
            await journal.close(deadline: .seconds(10))
            let connection = try await PostgresConnection.connect(url, applicationName: "test", deadline: .seconds(10))
            var labels: [String] = []
            for ago in monthsAgo {
                let month = try await OldMonth(monthsAgo: ago, on: connection)
                _ = try await connection.script(
                    """
                    INSERT INTO showrunner.journal (execution_id, seq, writer, at, effects)
                    SELECT \(month.lowestID), seq, 'writer', 1, '["x"]' FROM generate_series(0, 1) AS seq;
                    """, deadline: .seconds(10))
                labels.append(month.label.replacingOccurrences(of: "_", with: "-"))
            }
            await connection.close()
            return (url, labels)
        }

        @Test("a month that can't be moved fails the command, and those that were moved before are told")
        func fails() async throws {
            let (url, labels) = try await Self.database(monthsAgo: [4, 3])
            let store = try TemporaryFolder()
            // Where the second month's objects would go there is a file.
            _ = try store.make("journal")
            let file = try store.write("journal/\(labels[1])", [])
            let command = [
                "retention", "--database", url, "--store", store.path, "--keep-months", "2", "--json",
            ]
            let dry = try await Program.run(Binaries.showrunner, command + ["--dry-run"])
            #expect(dry.status == 0 && dry.errors == "", "\(dry)")
            #expect(
                try JSON(parsing: dry.output) == [
                    "months": .array(labels.map { ["month": .string($0), "moves": true] })
                ])

            let ended = try await Program.run(Binaries.showrunner, command)
            #expect(ended.status == 1 && ended.errors.split(separator: "\n").count == 1, "\(ended)")
            #expect(try JSON(parsing: ended.output) == ["months": [["month": .string(labels[0]), "rows": 2]]])

            // It goes on where it was.
            try FileManager.default.removeItem(atPath: file)
            let again = try await Program.run(Binaries.showrunner, command)
            #expect(again.status == 0 && again.errors == "", "\(again)")
            #expect(try JSON(parsing: again.output) == ["months": [["month": .string(labels[1]), "rows": 2]]])
        }
    }
}
