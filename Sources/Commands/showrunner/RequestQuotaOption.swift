import JSON
import StepFunctionsAPI
import YAML

/// What `--request-quotas` says: `aws` for the service's own, else a file of the operator's.
enum RequestQuotaOption {
    /// A mapping of 37 operations; anything larger is something else.
    private static let maximumBytes = 64 << 10

    /// Throws every fault of the file with its place.
    static func read(_ value: String?) throws(CommandFailure) -> RequestQuotas {
        guard let value else { return .none }
        guard value != "aws" else { return .aws }
        let bytes: [UInt8]
        do { bytes = try FileBytes.read(value, limit: maximumBytes) } catch {
            throw CommandFailure("--request-quotas is 'aws' or a file: \(error)")
        }
        let document: SourceTree
        do throws(YAMLError) { document = try YAMLDocument.parse(bytes) } catch {
            throw CommandFailure("\(value):\(error.place.line):\(error.place.column): error: \(error.reason)")
        }
        do { return try RequestQuotas(document) } catch {
            throw CommandFailure(
                error.faults.map { "\(value):\($0.place.line):\($0.place.column): error: \($0.reason)" }
                    .joined(separator: "\n"))
        }
    }
}
