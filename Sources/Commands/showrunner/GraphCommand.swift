import ArgumentParser
import Glibc
import StateGraph
import TerminalOutput

struct GraphCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "graph", abstract: "Draw a state machine.",
        discussion: """
            Example:
              showrunner graph workflows/ingest.asl.yaml > ingest.svg
              showrunner graph workflows/ingest.asl.yaml --format dot | dot -Tpdf \\
                > ingest.pdf

            Parallel branches and Map processors stand in frames; dashed ways are catchers.
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case svg, mermaid, dot
    }

    @Argument(help: "The definition, YAML or JSON.")
    var file: String
    @Option(help: "svg, mermaid (a flowchart for Markdown) or dot (Graphviz).")
    var format = Format.svg

    func run() throws {
        let definition = try WorkflowReading.one(file)
        let graph = StateGraph(definition.machine, name: definition.name)
        let text: String
        switch format {
        case .svg:
            guard let picture = graph.svg else {
                throw CommandFailure(
                    "the machine has \(graph.stateCount) states; a picture shows at most "
                        + "\(StateGraph.maximumStatesInPicture): use --format dot")
            }
            text = picture
        case .mermaid: text = graph.mermaid
        case .dot: text = graph.dot
        }
        Terminal.write(text, to: STDOUT_FILENO)
    }
}
