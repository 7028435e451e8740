import Dispatching
import JSON
import StepContracts
import YAML

/// The operator's rules of the dispatch, in a file.
enum DispatchFile {
    /// Its name among the workflows.
    static let name = "dispatch.yaml"
    private static let maximumBytes = 1 << 20

    /// Reads the file given, or the one among the workflows where there is one. Throws every fault with its place.
    static func read(_ given: String?, workflows: String) throws(CommandFailure) -> DispatchRules {
        let path = given ?? "\(workflows)/\(name)"
        if given == nil, WorkflowReading.fileNames(in: workflows)?.contains(name) != true { return .standard }
        let bytes: [UInt8]
        do { bytes = try FileBytes.read(path, limit: maximumBytes) } catch { throw CommandFailure("\(error)") }
        let document: SourceTree
        do throws(YAMLError) { document = try YAMLDocument.parse(bytes) } catch {
            throw CommandFailure("\(path):\(error.place.line):\(error.place.column): error: \(error.reason)")
        }
        let steps = Set((StepContract.all + StepContract.integrations).map(\.name))
        do { return try DispatchRules(document, steps: steps) } catch {
            throw CommandFailure(
                error.faults.map { "\(path):\($0.place.line):\($0.place.column): error: \($0.reason)" }
                    .joined(separator: "\n"))
        }
    }
}
