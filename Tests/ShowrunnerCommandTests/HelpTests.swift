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
