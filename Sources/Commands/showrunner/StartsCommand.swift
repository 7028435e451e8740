import ArgumentParser
import EngineClient
import JSON
import TerminalOutput

struct StartsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "starts",
        abstract: "List starts that are refused because engines ended with them, and let them be tried again.",
        discussion: """
            Example:
              showrunner starts list
            """, subcommands: [List.self, Release.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the starts that are set aside.",
            discussion: """
                A start is a definition with an input. Two engines in a row that ended while they decided on it set it aside: \
                it is refused, whoever asks for it.

                Example:
                  showrunner starts list --json
                """)

        @OptionGroup var engine: EngineOptions

        func run() async throws {
            engine.print(
                try await engine.client().get("/console/api/starts-aside"), list: "Starts",
                none: "no start is set aside",
                columns: ["ID", "MACHINES", "ENGINES", "LAST", "EVENT"]
            ) { start in
                let machines = start["Machines"]?.arrayValue?.compactMap(\.stringValue) ?? []
                return [
                    start["Id"]?.stringValue ?? "", machines.isEmpty ? "-" : machines.joined(separator: ","),
                    start["Crashes"]?.text ?? "", start["LastAt"]?.stringValue ?? "", start["Event"]?.stringValue ?? "",
                ]
            }
        }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a start be tried again, for instance with a new release.",
            discussion: """
                Nothing is started by this: who wants the run asks for it anew; uploads, schedules and triggers do so by \
                themselves.

                Example:
                  showrunner starts release 1f0c9a6b2d44-9b1a30c7e5d2
                """)

        @Argument(help: "What 'starts list' calls it.")
        var id: String
        @OptionGroup var change: ChangeReason
        @OptionGroup var engine: EngineOptions

        func run() async throws {
            _ = try await engine.client(change).post(
                "/console/api/starts-aside/\(EngineClient.segment(id))/release", [:])
            if engine.json { Terminal.json(["released": true]) } else { Terminal.line("released") }
        }
    }
}
