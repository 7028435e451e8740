import ArgumentParser
import JSON
import StepContracts
import TerminalOutput

struct TasksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tasks", abstract: "Answer tasks that wait for somebody.",
        discussion: """
            Example:
              showrunner tasks approve release/elf --output '{"by": "Ann"}'

            A task waits for an answer when its Resource ends with .waitForTaskToken. 'showrunner runs show' tells which \
            do; SendTaskSuccess and SendTaskFailure answer them as well.
            """,
        subcommands: [Approve.self, Reject.self])

    /// Which task is answered.
    struct Choice: ParsableArguments {
        @OptionGroup var run: RunChoice
        @Option(help: "The state whose task is answered, where several wait.")
        var state: String?
        @OptionGroup var change: ChangeReason

        /// Answers the one task that waits, by an operation of the wire API that takes its token.
        func answer(_ operation: String, _ members: JSON) async throws {
            let found = try await run.find(change)
            var members = members
            members["taskToken"] = .string(try await token(found))
            let answer = try await found.client.call(operation, members)
            if run.engine.json { Terminal.json(answer) } else { Terminal.line("answered") }
        }

        private func token(_ run: FoundRun) async throws -> String {
            let execution = self.run.execution
            let document = try await run.client.get(run.path)
            let waiting = (document["states"]?.arrayValue ?? []).compactMap { entry -> (name: String, token: String)? in
                guard let name = entry["name"]?.stringValue, let token = entry["taskToken"]?.stringValue,
                    state == nil || state == name
                else { return nil }
                return (name, token)
            }
            guard let first = waiting.first else {
                throw CommandFailure(
                    state.map { "the state '\($0)' of \(execution) waits for no answer" }
                        ?? "no state of \(execution) waits for an answer")
            }
            guard waiting.count == 1 else {
                let names = Set(waiting.map(\.name)).sorted().map { "'\($0)'" }.joined(separator: ", ")
                throw CommandFailure(
                    "\(waiting.count) tasks of \(execution) wait for an answer, of the states \(names); name one with "
                        + "--state, or answer by token, which 'runs show' tells")
            }
            return first.token
        }
    }

    struct Approve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a run go on.",
            discussion: """
                Example:
                  showrunner tasks approve release/elf --state Review \\
                    --output '{"approved": true}'
                """)

        @OptionGroup var choice: Choice
        @Option(help: "The task's result: JSON, or @FILE.")
        var output = #"{"approved":true}"#

        func run() async throws {
            let text = try JSONArgument.text(output, of: "--output")
            try await choice.answer("SendTaskSuccess", ["output": .string(text)])
        }
    }

    struct Reject: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fail the task of a run that waits.",
            discussion: """
                --reason is the error's cause, and stands in the audit log.

                Example:
                  showrunner tasks reject release/elf --reason 'the trailer is too loud'
                """)

        @OptionGroup var choice: Choice
        @Option(help: "The error's name, which Retry and Catch see.")
        var error = StepErrorName.rejected

        func run() async throws {
            try await choice.answer(
                "SendTaskFailure",
                ["error": .string(error), "cause": .string(choice.change.reason ?? "")])
        }
    }
}
