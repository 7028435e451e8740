import ArgumentParser
import EngineClient
import JSON
import TerminalOutput

struct ConnectionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connections", abstract: "Create, list and delete what HTTP tasks prove themselves with.",
        discussion: """
            Example:
              showrunner connections create payments --origin https://api.example.com \\
                --file payments.json
            """,
        subcommands: [Create.self, List.self, Delete.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keep a connection; its secrets are sealed and never shown again.",
            discussion: """
                Example:
                  showrunner connections create payments --origin https://api.example.com \\
                    --file payments.json

                The file is what 'aws events create-connection --cli-input-json' takes, for instance:

                  {"AuthorizationType": "API_KEY",
                   "AuthParameters": {"ApiKeyAuthParameters":
                     {"ApiKeyName": "X-Api-Key", "ApiKeyValue": "..."}}}

                AuthorizationType is BASIC, API_KEY or OAUTH_CLIENT_CREDENTIALS. A file rather than an argument: \
                arguments are seen by everybody on the machine.
                """)

        @Argument(help: "The connection's name: letters, digits, '.', '-' and '_'.")
        var name: String
        @Option(
            name: .customLong("origin"),
            help: ArgumentHelp(
                "Where it may be sent: scheme, host and maybe port. May be repeated; instead of the file's Origins.",
                valueName: "origin"))
        var origins: [String] = []
        @Option(help: "JSON with AuthorizationType, AuthParameters, and maybe Origins and Description.")
        var file: String
        @OptionGroup var change: ChangeReason
        @OptionGroup var engine: EngineOptions

        func run() async throws {
            var document = try JSON(parsing: try JSONArgument.text("@" + file, of: "--file"))
            guard document.objectValue != nil else { throw ValidationError("--file has to hold a JSON object") }
            document["Name"] = .string(name)
            if !origins.isEmpty { document["Origins"] = .array(origins.map(JSON.string)) }
            let connection = try await engine.client(change).post("/console/api/connections", document)
            if engine.json {
                Terminal.json(connection)
            } else {
                Terminal.line(connection["ConnectionArn"]?.stringValue ?? "")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the connections, without their secrets.",
            discussion: """
                Example:
                  showrunner connections list --json
                """)

        @OptionGroup var engine: EngineOptions

        func run() async throws {
            engine.print(
                try await engine.client().get("/console/api/connections"), list: "Connections",
                none: "no connections", columns: ["NAME", "AUTHORIZATION", "CREATED", "ARN"]
            ) { connection in
                ["Name", "AuthorizationType", "CreationTime", "ConnectionArn"].map {
                    connection[$0]?.stringValue ?? ""
                }
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a connection; tasks that name it fail from now on.",
            discussion: """
                Example:
                  showrunner connections delete payments
                """)

        @Argument(help: "The connection's name or ARN.")
        var connection: String
        @OptionGroup var change: ChangeReason
        @OptionGroup var engine: EngineOptions

        func run() async throws {
            try await engine.client(change).delete("/console/api/connections/\(EngineClient.segment(connection))")
            if engine.json { Terminal.json([:]) } else { Terminal.line("\(connection) is deleted") }
        }
    }
}
