import ArgumentParser
import Interpreter
import JSON
import StatesLanguage
import StepContracts
import TerminalOutput

struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Run a state machine against mocks, on a virtual clock.",
        discussion: """
            Example:
              showrunner simulate workflows/ingest.asl.yaml \\
                --mocks workflows/simulations/ingest/published.yaml

            Needs no workers, engine or database. Exit code 0 when it ends as the mocks expect (SUCCEEDED, unless they \
            say otherwise), 1 when it does not, 2 for wrong use and mistakes in the mocks. \
            docs/simulate.md describes the mocks.
            """)

    @Argument(help: "The definition, YAML or JSON.")
    var file: String
    @Option(help: "What stands in for the world, YAML or JSON.")
    var mocks: String?
    @Option(help: "JSON, or @FILE; instead of the input in the mocks.")
    var input: String?
    @Flag(help: "Leave the history out.")
    var quiet = false
    @Flag(help: "Print JSON: outcome, history, child executions.")
    var json = false

    func run() throws {
        let input = try input.map { try JSONArgument.value($0, of: "--input") }
        let definition = try WorkflowReading.one(file)
        let report = Simulation.run(
            definition.machine, name: definition.name, input: input, mocks: try readMocks(for: definition.machine),
            in: Simulation.Surroundings(
                digest: digestOfBytes,
                argumentProblems: { resource, arguments in
                    StepContract.of(resource)?.problems(withInput: arguments) ?? []
                }, resultShape: ResultShape.ofResource))
        if json {
            Terminal.json(report.json)
        } else {
            if !quiet {
                Terminal.table(report.historyTable)
                Terminal.line("")
            }
            for line in report.summary { Terminal.line(line) }
        }
        if !report.isAsExpected { throw ExitCode(1) }
    }

    private func readMocks(for machine: StateMachine) throws -> Mocks {
        guard let mocks else { return Mocks() }
        let (read, problems) = Mocks.read(try SourceFile.readOrExit(mocks), for: machine)
        for problem in problems { Terminal.error(problem.text(file: mocks)) }
        guard let read else { throw ExitCode(2) }
        return read
    }
}
