import JSON
import StepFunctionsAPI

/// What `--request-quotas` says: `aws` for the service's own, else a file of the operator's.
enum RequestQuotaOption {
    /// A mapping of 37 operations; anything larger is something else.
    private static let maximumBytes = 64 << 10

    /// Throws every fault of the file with its place.
    static func read(_ value: String?) throws(CommandFailure) -> RequestQuotas {
        guard let value else { return .none }
        guard value != "aws" else { return .aws }
        let found: Result<SourceTree, SourceFile.Malformed>
        do { found = try SourceFile.read(value, limit: maximumBytes) } catch {
            throw CommandFailure("--request-quotas is 'aws' or a file: \(error)")
        }
        switch found {
        case .failure(let problem): throw CommandFailure(problem.description)
        case .success(let document):
            do { return try RequestQuotas(document) } catch {
                let problems = SourceFile.problems(value, error.faults.map { ($0.place, $0.reason) })
                throw CommandFailure(problems.joined(separator: "\n"))
            }
        }
    }
}
