import ArgumentParser
import Glibc
import Interpreter
import JSON
import TerminalOutput

struct TestStateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test-state", abstract: "Try one state of a definition, as AWS's TestState does.",
        discussion: """
            Example:
              showrunner test-state workflows/ingest.asl.yaml --state Validate --input '{"source": "file:///elf.mp4"}' \\
                --mock '{"error": "Showrunner.SourceInvalid", "cause": "no video"}' --inspection-level DEBUG

            Without --state the file holds one state alone. Tasks, Map and Parallel states need a mock of what they give.
            Exit code 0 when the state ends SUCCEEDED, 1 otherwise, 2 for wrong use.
            """)

    @Argument(help: "The definition, YAML or JSON.")
    var file: String
    @Option(help: "Name of the state, also of one inside a Parallel or Map state.")
    var state: String?
    @Option(help: "JSON, or @FILE. Default: {}.")
    var input = "{}"
    @Option(
        help: ArgumentHelp(
            "What the state's work gives, JSON or @FILE: the result, or {\"error\": ..., \"cause\": ...} with --fail.",
            valueName: "json"))
    var mock: String?
    @Flag(help: "--mock is an error.")
    var fail = false
    @Option(help: "STRICT, PRESENT or NONE: how far a mocked result has to be what the step gives. Default: STRICT.")
    var fieldValidation: TestStateRequest.Mock.FieldValidation?
    @Option(help: "Variables by name, JSON or @FILE.")
    var variables: String?
    @Option(help: "The context object, JSON or @FILE, instead of one that is made up.")
    var context: String?
    @Option(help: "INFO, DEBUG (what each field makes of the data) or TRACE.")
    var inspectionLevel = TestStateRequest.InspectionLevel.info
    @Option(help: "Times the retrier has been used before.")
    var retryCount: Int?
    @Option(help: "Failed iterations of a Map state.")
    var failedIterations: Int?
    @Option(help: "The state inside from which a mocked error comes.")
    var errorCausedBy: String?
    @Option(help: "What a Map state's ItemReader reads, JSON or @FILE.")
    var itemReaderData: String?
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if fail, mock == nil { throw ValidationError("--fail needs --mock with the error") }
        for count in [retryCount, failedIterations].compactMap(\.self) where count < 0 {
            throw ValidationError("a count has to be 0 or more")
        }
    }

    func run() throws {
        let request = TestStateRequest(
            definition: try WorkflowReading.document(file).text, stateName: state,
            input: try JSONArgument.value(input, of: "--input").text, roleARN: nil, inspectionLevel: inspectionLevel,
            mock: try mocked(), context: try text(context, of: "--context"),
            variables: try text(variables, of: "--variables"),
            configuration: TestStateRequest.Configuration(
                retrierRetryCount: retryCount, mapIterationFailureCount: failedIterations,
                errorCausedByState: errorCausedBy, mapItemReaderData: try text(itemReaderData, of: "--item-reader-data")
            ))
        let answer: TestStateAnswer
        do throws(TestStateError) {
            answer = try testState(request, in: surroundings)
        } catch {
            throw error.name == "ValidationException"
                ? ValidationError(error.message) as any Error : CommandFailure(error.description)
        }
        if json { Terminal.json(answer.json) } else { show(answer) }
        if answer.status != .succeeded { throw ExitCode(1) }
    }

    private var surroundings: TestSurroundings {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return TestSurroundings(
            now: Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000, seed: .random(in: 0...UInt64.max),
            digest: digestOfBytes, resultShape: ResultShape.ofStep)
    }

    private func text(_ argument: String?, of option: String) throws -> String? {
        try argument.map { try JSONArgument.value($0, of: option).text }
    }

    private func mocked() throws -> TestStateRequest.Mock? {
        guard let mock else { return nil }
        let value = try JSONArgument.value(mock, of: "--mock")
        let validation = fieldValidation ?? .strict
        guard fail else { return TestStateRequest.Mock(.result(value.text), fieldValidation: validation) }
        guard let error = value["error"]?.stringValue else {
            throw ValidationError("--mock with --fail has to be like {\"error\": \"Name\", \"cause\": \"text\"}")
        }
        return TestStateRequest.Mock(.error(error, cause: value["cause"]?.stringValue), fieldValidation: validation)
    }

    private func show(_ answer: TestStateAnswer) {
        var lines = ["status: \(answer.status.rawValue)"]
        if let next = answer.nextState { lines.append("next state: \(next)") }
        if let error = answer.error { lines.append("error: \(error)") }
        if let cause = answer.cause { lines.append("cause: \(cause)") }
        if let output = answer.output { lines.append("output: \(output.text)") }
        for (name, value) in answer.json["inspectionData"]?.objectValue ?? [:] {
            lines.append("\(name): \(value.stringValue ?? value.text)")
        }
        for line in lines { Terminal.line(line) }
    }
}

extension TestStateRequest.InspectionLevel: ExpressibleByArgument {
    public init?(argument: String) { self.init(rawValue: argument.uppercased()) }
}

extension TestStateRequest.Mock.FieldValidation: ExpressibleByArgument {
    public init?(argument: String) { self.init(rawValue: argument.uppercased()) }
}
