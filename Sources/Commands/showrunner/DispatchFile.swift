import Dispatching
import JSON
import StepContracts

/// The operator's rules of the dispatch, in a file.
enum DispatchFile {
    private static let maximumBytes = 1 << 20

    /// Throws every fault of the file with its place.
    static func rules(_ path: String) throws(CommandFailure) -> DispatchRules {
        let found: (rules: DispatchRules?, problems: [String])
        do throws(FileBytes.Unreadable) { found = try read(path) } catch { throw CommandFailure(error.description) }
        guard let rules = found.rules else { throw CommandFailure(found.problems.joined(separator: "\n")) }
        return rules
    }

    /// The rules where nothing is wrong with them, and every problem as `file:line:column: ...`.
    static func read(_ path: String) throws(FileBytes.Unreadable) -> (rules: DispatchRules?, problems: [String]) {
        switch try SourceFile.read(path, limit: maximumBytes) {
        case .failure(let problem): return (nil, [problem.description])
        case .success(let document):
            let steps = Set((StepContract.all + StepContract.integrations).map(\.name))
            do { return (try DispatchRules(document, steps: steps), []) } catch {
                return (nil, SourceFile.problems(path, error.faults.map { ($0.place, $0.reason) }))
            }
        }
    }
}
