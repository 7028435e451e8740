import ArgumentParser
import EngineClient
import JSON
import TerminalOutput

extension RunsCommand {
    struct RedriveAll: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "redrive-all",
            abstract: "Redrive runs that failed or timed out, all that are meant: after an outage, for instance.",
            discussion: """
                One after the other, as 'runs redrive' does each. Looks through the latest 10,000 that failed, and as \
                many that timed out; runs that were stopped, and those that can't be redriven any more, are left out. \
                Exit code 1 when the engine refuses one.

                Example:
                  showrunner runs redrive-all --machine ingest \\
                    --error Showrunner.StorageUnavailable --since 24h --dry-run
                """)

        @OptionGroup var filter: RunFilter
        @Option(help: "Only runs that ended with this error.")
        var error: String?
        @Option(help: "At most so many, the latest, 1 to 10000.")
        var limit = 1000
        @Flag(help: "Only tell which runs are meant.")
        var dryRun = false
        @OptionGroup var change: ChangeReason
        @OptionGroup var engine: EngineOptions

        func validate() throws {
            guard filter.machine != nil || filter.isSearch || error != nil else {
                throw ValidationError("say which runs are meant: --machine, --error, --since or --search")
            }
            guard (1...RunFilter.mostSearched).contains(limit) else {
                throw ValidationError("--limit has to be from 1 to \(RunFilter.mostSearched)")
            }
        }

        func run() async throws {
            let client = try engine.client(change)
            let meant = try await find(client)
            if meant.isEmpty {
                try await filter.requireMachine(client)
                if !engine.json { return Terminal.error("no such run") }
            }
            if dryRun {
                if engine.json { return Terminal.json(["runs": .array(meant.map(JSON.string))]) }
                for arn in meant { Terminal.line(arn) }
                return
            }
            var (redriven, refused): ([JSON], [JSON]) = ([], [])
            // What has been redriven is told even where the engine goes away meanwhile.
            defer {
                if engine.json { Terminal.json(["redriven": .array(redriven), "refused": .array(refused)]) }
            }
            for arn in meant {
                do throws(EngineClientError) {
                    _ = try await client.call("RedriveExecution", ["executionArn": .string(arn)])
                    redriven.append(.string(arn))
                    if !engine.json { Terminal.line("redriven \(arn)") }
                } catch {
                    guard error.code == .refused, !error.isPassing else { throw error }
                    refused.append(["executionArn": .string(arn), "cause": .string(error.message)])
                    if !engine.json { Terminal.error("\(arn): \(error.message)") }
                }
            }
            if !refused.isEmpty { throw ExitCode(1) }
        }

        /// The ARNs of the runs that are meant, the latest first, however they ended.
        private func find(_ client: EngineClient) async throws -> [String] {
            var found: [(start: String, arn: String)] = []
            for status in ["FAILED", "TIMED_OUT"] {
                let runs = try await filter.find(client, status: status, limit: limit) { run in
                    run["redrivable"]?.boolValue == true && (error == nil || run["error"]?.stringValue == error)
                }
                found += runs.compactMap { run in
                    run["executionArn"]?.stringValue.map { (run["startDate"]?.stringValue ?? "", $0) }
                }
            }
            // Times that the engine writes are ordered as their texts are.
            return found.sorted { $0.start > $1.start }.prefix(limit).map(\.arn)
        }
    }
}
