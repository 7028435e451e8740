import ArgumentParser
import EngineClient
import JSON
import TerminalOutput

struct TriggersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "triggers",
        abstract: "List, pause and resume what starts executions when something happens, and make hooks' secrets.",
        discussion: """
            Example:
              showrunner triggers list
            """, subcommands: [List.self, Show.self, Pause.self, Resume.self, Secret.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the engine's triggers.",
            discussion: """
                Example:
                  showrunner triggers list --json
                """)

        @OptionGroup var engine: EngineOptions

        func run() async throws {
            engine.print(
                try await engine.client().get("/console/api/triggers"), list: "Triggers", none: "no triggers",
                columns: ["NAME", "SOURCE", "STARTS", "HOOK", "STATE"]
            ) { trigger in
                let source = trigger["Source"]
                let place = source?["Bucket"]?.stringValue ?? source?["Path"]?.stringValue
                let hook = trigger["Hook"]?.stringValue
                let lacks = hook != nil && trigger["HasSecret"] != true
                return [
                    trigger["Name"]?.stringValue ?? "",
                    (source?["Kind"]?.stringValue ?? "") + (place.map { " \($0)" } ?? ""),
                    trigger["Target"]?.stringValue ?? "", (hook ?? "-") + (lacks ? " (no secret)" : ""),
                    standing(of: trigger),
                ]
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what a trigger was told lately, and what came of it.",
            discussion: """
                Example:
                  showrunner triggers show payments

                The engine remembers the last fifty since its start; what was started at all is in 'runs list'.
                """)

        @Argument(help: "The trigger's name.")
        var name: String
        @OptionGroup var engine: EngineOptions

        func run() async throws {
            let document = try await engine.client().get("/console/api/triggers/\(EngineClient.segment(name))")
            if engine.json { return Terminal.json(document) }
            Terminal.line("\(name)  \(standing(of: document))")
            let notes = document["Recent"]?.arrayValue ?? []
            if notes.isEmpty { return Terminal.error("\(name) was told nothing since the engine's start") }
            Terminal.table(
                [["AT", "WHAT", "TIMES", "EXECUTION OR REASON"]]
                    + notes.map { note in
                        [
                            note["At"]?.stringValue ?? "-", note["Outcome"]?.stringValue?.lowercased() ?? "",
                            note["Count"].map { $0.text } ?? "",
                            note["ExecutionArn"]?.stringValue ?? note["Reason"]?.stringValue ?? "-",
                        ]
                    })
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Hold a trigger: it starts nothing until it is resumed, also after a restart.",
            discussion: """
                Example:
                  showrunner triggers pause partner-films \\
                    --reason "the partner sends last year's films again"

                Uploads are kept, and directories and buckets are looked at when it is resumed. Who tells of an event over a \
                webhook is answered 503.
                """)

        @Argument(help: "The trigger's name.")
        var name: String
        @OptionGroup var change: ChangeReason
        @OptionGroup var engine: EngineOptions

        func validate() throws {
            try change.require("a pause has a reason that others will read: --reason TEXT")
        }

        func run() async throws {
            let document = try await engine.client(change).post(
                "/console/api/triggers/\(EngineClient.segment(name))/pause", ["reason": .string(change.reason ?? "")])
            if engine.json { Terminal.json(document) } else { Terminal.line("\(name) is paused") }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a paused trigger start executions again; what came meanwhile is taken up.",
            discussion: """
                Example:
                  showrunner triggers resume partner-films
                """)

        @Argument(help: "The trigger's name.")
        var name: String
        @OptionGroup var change: ChangeReason
        @OptionGroup var engine: EngineOptions

        func run() async throws {
            let document = try await engine.client(change).post(
                "/console/api/triggers/\(EngineClient.segment(name))/resume", [:])
            if engine.json { Terminal.json(document) } else { Terminal.line("\(name) starts executions again") }
        }
    }

    struct Secret: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a hook's secret, or a new one: it is shown once, and the old one is worth nothing.",
            discussion: """
                Example:
                  showrunner triggers secret payments

                Senders sign with it as Standard Webhooks say (webhook-signature), or as GitHub does \
                (X-Hub-Signature-256). A bucket's server, which signs nothing, brings it as a bearer token or as token= in \
                the address: http://ENGINE/hooks/NAME?token=SECRET.
                """)

        @Argument(help: "The trigger's name.")
        var name: String
        @OptionGroup var change: ChangeReason
        @OptionGroup var engine: EngineOptions

        func run() async throws {
            let document = try await engine.client(change).post(
                "/console/api/triggers/\(EngineClient.segment(name))/secret", [:])
            if engine.json { Terminal.json(document) } else { Terminal.line(document["Secret"]?.stringValue ?? "") }
        }
    }
}

/// In a word or a sentence: how a trigger stands.
private func standing(of trigger: JSON) -> String {
    if trigger["State"] == "DISABLED" { return "disabled" }
    if let reason = trigger["Pause"]?["Reason"]?.stringValue { return "paused: \(reason)" }
    return "enabled"
}
