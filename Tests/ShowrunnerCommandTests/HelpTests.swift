import ArgumentParser
import Testing

@testable import showrunner
@testable import showrunner_api
@testable import showrunner_worker

@Suite("What every command says of itself")
struct HelpTests {
    @Test("--help has an example that calls it", arguments: Command.all)
    func example(command: Command) {
        #expect(command.help.contains("Example:"), "\(command.help)")
        let examples = ExamplesTests.ofHelp.filter { $0.place == command.testDescription }
        #expect(examples.contains { $0.words.starts(with: command.words) }, "\(command.help)")
    }

    /// Help is wrapped to eighty columns where nobody says more, and half a command is another one.
    @Test("examples stand as they are on eighty columns")
    func width() {
        let others: [any ParsableCommand.Type] = [ShowrunnerWorker.self, ShowrunnerAPI.self]
        let types =
            Command.all.map(\.type) + others + ShowrunnerWorker.configuration.subcommands
        for type in types {
            for line in type.configuration.discussion.split(separator: "\n") where line.hasPrefix("  ") {
                #expect(line.count < 80, "\(type): \(line)")
            }
        }
    }

    /// What has no result, or one in a form of its own.
    private static let withoutJSON: Set<String> = [
        "showrunner up", "showrunner engine", "showrunner data-worker", "showrunner schema", "showrunner graph",
        "showrunner eval jsonata", "showrunner eval jsonpath",
    ]

    @Test(
        "all that have a result give it as JSON, too",
        arguments: Command.all.filter { !$0.isGroup && !$0.isHandedOver })
    func json(command: Command) {
        #expect(command.help.contains("--json") != Self.withoutJSON.contains(command.testDescription))
    }

    /// What changes something that others see, and so goes into the engine's audit log.
    private static let changing: Set<String> = [
        "showrunner ingest", "showrunner runs start", "showrunner runs redrive", "showrunner runs redrive-all",
        "showrunner runs release", "showrunner runs fail-task", "showrunner runs stop", "showrunner tasks approve",
        "showrunner tasks reject", "showrunner starts release", "showrunner schedules pause",
        "showrunner schedules resume", "showrunner schedules run-now", "showrunner schedules backfill",
        "showrunner triggers pause", "showrunner triggers resume", "showrunner triggers secret",
        "showrunner workers drain", "showrunner workers quarantine", "showrunner workers release",
        "showrunner connections create", "showrunner connections delete", "showrunner keys create",
        "showrunner keys disable", "showrunner keys rotate", "showrunner accounts token",
        "showrunner accounts revoke",
    ]

    @Test("a reason is asked for where something is changed, and nowhere else")
    func reason() {
        let asking = Command.all.filter { $0.help.contains("--reason") && !$0.isGroup }.map(\.testDescription)
        #expect(Set(asking).symmetricDifference(Self.changing) == [])
    }

    @Test("an unknown flag is wrong use", arguments: Command.all.filter { !$0.isHandedOver })
    func unknownFlag(command: Command) {
        let error = #expect(throws: (any Error).self) {
            _ = try Showrunner.parseAsRoot(Array(command.words.dropFirst()) + ["--colour"])
        }
        #expect(error.map { Showrunner.exitCode(for: $0) } == .validationFailure)
    }

    @Test("there are as many as the program has")
    func count() {
        #expect(Command.all.count > 50)
        #expect(Command.all.contains { $0.words == ["showrunner", "keys", "rotate"] })
    }
}
