import ArgumentParser
import JSON
import TerminalOutput

struct LintCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint", abstract: "Tell everything that is wrong with state machine definitions.",
        discussion: """
            Example:
              showrunner lint workflows/*.asl.yaml

            Files called schedules.yaml, triggers.yaml and dispatch.yaml are read as what they are; what the first two \
            start are the definitions beside them.

            Prints file:line:column: severity: message. Exit code 1 when there is an error.
            """)

    @Argument(help: "Definitions, YAML or JSON, and the files beside them.")
    var files: [String]
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if files.isEmpty { throw ValidationError("name at least one file") }
    }

    func run() throws {
        var reading = WorkflowReading()
        for file in files {
            guard let kind = CompanionFile(file) else {
                try reading.add(file)
                continue
            }
            let (problems, hasErrors) = try kind.problems(file)
            reading.problems += problems
            reading.hasErrors = reading.hasErrors || hasErrors
        }
        if json {
            Terminal.json(["problems": .array(reading.problems.map(JSON.string)), "valid": .bool(!reading.hasErrors)])
        } else {
            for problem in reading.problems { Terminal.line(problem) }
        }
        if reading.hasErrors { throw ExitCode(1) }
    }
}
