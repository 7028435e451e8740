import ArgumentParser
import EngineClient
import JSON
import StepContracts
import TerminalOutput

struct TasksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tasks", abstract: "Answer tasks that wait for somebody.",
        discussion: """
            Example:
              showrunner tasks approve arn:aws:states:us-east-1:000000000000:execution:release:elf --output '{"by": "Ann"}'

            A task waits for an answer when its Resource ends with .waitForTaskToken. 'showrunner runs show' tells which \
            do; SendTaskSuccess and SendTaskFailure answer them as well.
            """,
        subcommands: [Approve.self, Reject.self])

    /// Which task is answered.
    struct Choice: ParsableArguments {
        @Argument(help: "The execution's ARN or id.")
        var execution: String
        @Option(help: "The state whose task is answered, where several wait.")
        var state: String?

        /// The token of the one task that waits.
        func token(_ client: EngineClient) async throws -> String {
            let run = try await client.get("/console/api/runs/\(EngineClient.segment(execution))")
            let waiting = (run["states"]?.arrayValue ?? []).compactMap { entry -> (name: String, token: String)? in
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
                  showrunner tasks approve EXECUTION --state Review --output '{"approved": true}'
                """)

        @OptionGroup var choice: Choice
        @Option(help: "The task's result: JSON, or @FILE.")
        var output = #"{"approved":true}"#
        @OptionGroup var engine: EngineOptions

        func run() async throws {
            let text = try JSONArgument.text(output, of: "--output")
            let client = try engine.client()
            let token = try await choice.token(client)
            let answer = try await client.call(
                "SendTaskSuccess", ["taskToken": .string(token), "output": .string(text)])
            if engine.json { Terminal.json(answer) }
        }
    }

    struct Reject: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fail the task of a run that waits.",
            discussion: """
                --reason is the error's cause, and stands in the audit log.

                Example:
                  showrunner tasks reject EXECUTION --reason 'the trailer is too loud'
                """)

        @OptionGroup var choice: Choice
        @Option(help: "The error's name, which Retry and Catch see.")
        var error = StepErrorName.rejected
        @OptionGroup var engine: EngineOptions

        func run() async throws {
            let client = try engine.client()
            let token = try await choice.token(client)
            let answer = try await client.call(
                "SendTaskFailure",
                ["taskToken": .string(token), "error": .string(error), "cause": .string(engine.reason ?? "")])
            if engine.json { Terminal.json(answer) }
        }
    }
}
