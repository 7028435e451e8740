import ArgumentParser
import DefinitionSchema
import StepContracts
import TerminalOutput

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Print the JSON Schema of state machine definitions, for editors.",
        discussion: """
            Example:
              showrunner schema > asl.schema.json

            docs/authoring.md says how editors are told of it.
            """)

    func run() { Terminal.line(DefinitionSchema.document(steps: StepContract.all).prettyText) }
}
