import ArgumentParser
import Encodings
import EngineClient
import JSON
import TerminalOutput

struct AccountsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accounts", abstract: "Give viewers bearer tokens, and take them back.",
        discussion: """
            Example:
              showrunner accounts token --account ada --profile main
            """,
        subcommands: [Token.self, Revoke.self])

    struct Token: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a bearer token of a profile. It is told this once.",
            discussion: """
                Example:
                  showrunner accounts token --account ada --profile main --json
                  showrunner accounts token --account ada --profile kids --ceiling 6 \\
                    --country DE

                Account and profile are made where there are none of these names. Who has the token may watch \
                protected titles as this profile, until it runs out or is revoked.
                """)

        @Option(help: "The account's id: letters, digits, '-' and '_'.")
        var account: String
        @Option(help: "The profile's id: letters, digits, '-' and '_'.")
        var profile: String
        @Option(help: "Sets the profile's ceiling: nothing for older people than this many years.")
        var ceiling: Int?
        @Option(help: "Sets the account's country: two capital letters (ISO 3166-1).")
        var country: String?
        @Option(help: "How many days the token holds, 1 to 365.")
        var days = 30
        @OptionGroup var change: ChangeReason
        @OptionGroup var engine: EngineOptions

        func validate() throws {
            guard (1...365).contains(days) else { throw ValidationError("--days has to be from 1 to 365") }
            if let ceiling, !(0...21).contains(ceiling) {
                throw ValidationError("--ceiling has to be from 0 to 21")
            }
        }

        func run() async throws {
            let made = try await engine.client(change).post(
                "/access/v1/accounts/\(EngineClient.segment(account))/tokens",
                .members(
                    ("profile", .string(profile)), ("ceiling", ceiling.map { .integer($0) }),
                    ("country", country.map { .string($0) }), ("seconds", .integer(days * 86_400))))
            if engine.json {
                Terminal.json(made)
                return
            }
            Terminal.line(made["token"]?.stringValue ?? "")
            Terminal.error("it holds until \(made["expires_at"]?.stringValue ?? ""), and is not told again")
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revoke all bearer tokens of an account.",
            discussion: """
                Example:
                  showrunner accounts revoke --account ada --reason 'left'
                """)

        @Option(help: "The account's id.")
        var account: String
        @OptionGroup var change: ChangeReason
        @OptionGroup var engine: EngineOptions

        func run() async throws {
            let document = try await engine.client(change).post(
                "/access/v1/accounts/\(EngineClient.segment(account))/revoke", [:])
            if engine.json {
                Terminal.json(document)
            } else {
                Terminal.line("\(counted(document["revoked"]?.integerValue ?? 0, "token")) revoked")
            }
        }
    }
}
