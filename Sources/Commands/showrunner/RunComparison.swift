import ArgumentParser
import Encodings
import EngineClient
import JSON
import TerminalOutput

extension RunsCommand {
    struct Compare: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell what differs between a run and one of its machine that succeeded.",
            discussion: """
                Compared are the definitions, the inputs, and how each state came out and how long it took.

                Example:
                  showrunner runs compare ingest/night-42
                  showrunner runs compare ingest/night-42 --with ingest/night-41 --json
                """)

        @OptionGroup var choice: RunChoice
        @Option(
            name: .customLong("with"),
            help: ArgumentHelp(
                "The run to compare with. Default: the last before it that succeeded, else the first after it.",
                valueName: "execution"))
        var other: String?

        func run() async throws {
            let run = try await choice.find()
            var path = run.path + "/comparison"
            if let other {
                path += "?with=" + EngineClient.segment(try await ExecutionArgument.arn(of: other, run.client))
            }
            let document = try await run.client.get(path)
            if choice.engine.json { Terminal.json(document) } else { Self.show(document) }
        }

        private static func show(_ document: JSON) {
            let other = document["other"] ?? [:]
            Terminal.line(
                "compared with \(text(other["executionArn"])), \(text(other["status"])), of \(text(other["startDate"]))"
            )
            list(document["definition"], "definition", "the same", ["STATE", "CHANGE", "FIELDS"]) { change in
                let fields = (change["fields"]?.arrayValue ?? []).map { text($0) }.joined(separator: ", ")
                let state = change["state"].map { text($0) } ?? "the machine itself"
                return [state, text(change["change"]).lowercased(), fields]
            }
            list(document["input"], "input", "the same", ["PATH", "BEFORE", "NOW"]) { change in
                [text(change["path"]), json(change["before"]), json(change["now"])]
            }
            let columns = ["STATE", "BEFORE", "NOW"]
            list(document["states"], "states", "as before, in about the same time", columns) { change in
                let path = text(change["path"])
                return [
                    (path.isEmpty ? "" : path + "/") + text(change["state"]), passage(change["before"]),
                    passage(change["now"]),
                ]
            }
        }

        private static func list(
            _ kind: JSON?, _ name: String, _ same: String, _ columns: [String], _ row: (JSON) -> [String]
        ) {
            let changes = kind?["changes"]?.arrayValue ?? []
            guard !changes.isEmpty else { return Terminal.line("\(name): \(same)") }
            Terminal.line("\(name):")
            Terminal.table([[" "] + columns] + changes.map { change in [" "] + row(change) })
            if let omitted = kind?["omitted"] { Terminal.line("  and \(omitted.text) more") }
        }

        private static func text(_ value: JSON?) -> String { value?.stringValue ?? "" }

        private static func json(_ value: JSON?) -> String {
            guard let text = value?.text else { return "absent" }
            return text.count > 60 ? String(text.prefix(59)) + "…" : text
        }

        private static func passage(_ state: JSON?) -> String {
            guard let state else { return "not reached" }
            var words = [text(state["status"])]
            if let seconds = state["seconds"]?.doubleValue {
                words.append("in \(decimal(seconds, places: 1)) s")
            }
            if let attempts = state["attempts"]?.integerValue, attempts > 1 {
                words.append("after \(attempts) attempts")
            }
            if let worker = state["worker"]?.stringValue { words.append("on \(worker)") }
            if let error = state["error"]?.stringValue { words.append("(\(error))") }
            return words.joined(separator: " ")
        }
    }
}
