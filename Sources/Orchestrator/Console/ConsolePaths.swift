import Encodings
import HTTPServer
import HTTPTypes
import Hummingbird
import JSON

/// A part of the path, percent-decoded, as encodeURIComponent encodes it: an ARN's colons, a schedule's name.
func pathText(_ name: String, _ context: ServiceContext) throws(Problem) -> String {
    let text = context.parameters.get(name) ?? ""
    guard text.utf8.count <= 1024, let decoded = PercentEncoding.decode(text) else {
        throw Problem.invalidParameter(name, "'\(name)' is not well percent-encoded.")
    }
    return decoded
}

/// The number of a state entry in the path.
func pathEntry(_ context: ServiceContext) throws(Problem) -> Int {
    guard let entry = context.parameters.get("entry", as: Int.self) else {
        throw Problem.invalidParameter("entry", "A state entry is a number.")
    }
    return entry
}

extension Response {
    /// The answer to an order on an execution, which it names, for the audit log as for the caller. Nil where the order was made
    /// and its execution can't be read.
    static func done(_ document: JSON = [:], on executionARN: String?, status: HTTPResponse.Status = .ok) -> Response {
        var headers: HTTPFields = [.cacheControl: "no-store"]
        headers[.executionARN] = executionARN
        return .json(document, status: status, headers: headers)
    }
}

extension HTTPField.Name {
    fileprivate static let executionARN = constant("Execution-Arn")
}
