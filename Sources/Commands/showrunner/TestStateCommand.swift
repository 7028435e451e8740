import ArgumentParser
import Glibc
import Interpreter
import JSON
import StatesLanguage
import TerminalOutput

struct TestStateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test-state", abstract: "Try one state of a definition, as AWS's TestState does.",
        discussion: """
            Example:
              showrunner test-state workflows/ingest.asl.yaml --state Validate \\
                --input '{"source": "file:///elf.mp4", "partSeconds": 60, "reuse": true}' \\
                --mock '{"errorOutput": {"error": "Showrunner.SourceInvalid"}}' \\
                --inspection-level DEBUG

            Without --state the file holds one state alone. Task, Map and Parallel states need a mock of what they \
            give. Exit code 1 when the state ends FAILED, 0 when it succeeds, is caught or would be tried again, \
            2 for wrong use.
            """)

    @Argument(help: "The definition, YAML or JSON.")
    var file: String
    @Option(help: "Name of the state, also of one inside a Parallel or Map state.")
    var state: String?
    @Option(help: "JSON, or @FILE. Default: {}.")
    var input = "{}"
    @Option(
        help:
            "JSON, or @FILE: {\"result\": ...} or {\"errorOutput\": {\"error\": ..., \"cause\": ...}}, and fieldValidationMode STRICT, PRESENT or NONE."
    )
    var mock: String?
    @Option(help: "Variables by name: JSON, or @FILE.")
    var variables: String?
    @Option(help: "The context object, instead of one that is made up: JSON, or @FILE.")
    var context: String?
    @Option(help: "INFO, DEBUG (what each field makes of the data) or TRACE.")
    var inspectionLevel = TestStateRequest.InspectionLevel.info
    @Option(
        help:
            "JSON, or @FILE: retrierRetryCount, mapIterationFailureCount, errorCausedByState, mapItemReaderData."
    )
    var stateConfiguration: String?
    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let answer: TestStateAnswer
        do {
            answer = try testState(try request(), in: surroundings)
        } catch let error as TestStateError {
            throw error.name == "InvalidDefinition"
                ? CommandFailure(error.message) as any Error : ValidationError(error.message)
        }
        if json { Terminal.json(answer.json) } else { show(answer) }
        if answer.status == .failed { throw ExitCode(1) }
    }

    /// As the wire has it, with JSON where the wire has JSON text.
    private func request() throws -> TestStateRequest {
        var request = try TestStateRequest(
            json: .members(
                ("definition", .string(try definition().text)),
                ("stateName", state.map { .string($0) }),
                ("input", .string(try JSONArgument.text(input, of: "--input"))),
                // Nothing is called; a role is shown in the context object.
                ("roleArn", "arn:aws:iam::000000000000:role/test"),
                ("mock", try mock.map { try texts(in: JSONArgument.value($0, of: "--mock"), "result") }),
                ("variables", try variables.map { .string(try JSONArgument.text($0, of: "--variables")) }),
                ("context", try context.map { .string(try JSONArgument.text($0, of: "--context")) }),
                (
                    "stateConfiguration",
                    try stateConfiguration.map {
                        try texts(in: JSONArgument.value($0, of: "--state-configuration"), "mapItemReaderData")
                    }
                )))
        request.inspectionLevel = inspectionLevel
        return request
    }

    /// The document; a whole machine is read as `lint` reads it, so that its mistakes are told with their places, and has
    /// the state.
    private func definition() throws -> JSON {
        let document = try SourceFile.readOrExit(file).json
        guard let states = document["States"] else { return document }
        let names = Self.stateNames(in: states)
        guard let state else {
            throw ValidationError(
                "\(file) holds a whole machine: name one of its states with --state: \(names.joined(separator: ", "))")
        }
        guard names.contains(state) else {
            let near = nearestName(to: state, among: names).map { "did you mean '\($0)'?" }
            throw ValidationError(
                "\(file) has no state '\(state)'; \(near ?? "its states are \(names.joined(separator: ", "))")")
        }
        return try WorkflowReading.one(file).definition
    }

    /// The names of all states, those of branches and processors too.
    private static func stateNames(in states: JSON) -> [String] {
        (states.objectValue ?? [:]).flatMap { name, state in
            let inner =
                (state["Branches"]?.arrayValue ?? []) + [state["ItemProcessor"], state["Iterator"]].compactMap(\.self)
            return [name] + inner.flatMap { stateNames(in: $0["States"] ?? [:]) }
        }
    }

    /// The member as JSON text; a text that is JSON already stays as it is, as the aws CLI has it.
    private func texts(in value: JSON, _ name: String) -> JSON {
        guard let member = value[name] else { return value }
        var value = value
        var isText = false
        if let text = member.stringValue {
            do {
                _ = try JSON(parsing: text)
                isText = true
            } catch {
                isText = false
            }
        }
        if !isText { value[name] = .string(member.text) }
        return value
    }

    private var surroundings: TestSurroundings {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return TestSurroundings(
            now: Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000, seed: .random(in: 0...UInt64.max),
            digest: digestOfBytes, resultShape: ResultShape.ofResource)
    }

    private func show(_ answer: TestStateAnswer) {
        var lines = [("status", answer.status.rawValue)]
        if let next = answer.nextState { lines.append(("next state", next)) }
        if let error = answer.error { lines.append(("error", error)) }
        if let cause = answer.cause { lines.append(("cause", cause)) }
        if let output = answer.output { lines.append(("output", output.text)) }
        for (name, value) in answer.json["inspectionData"]?.objectValue ?? [:] {
            lines.append((name, value.stringValue ?? value.text))
        }
        for (name, value) in lines { Terminal.line("\(name): \(value)") }
    }
}

extension TestStateRequest.InspectionLevel: ExpressibleByArgument {
    public init?(argument: String) { self.init(rawValue: argument.uppercased()) }
}
