import Encodings
import HTTPServer
import Hummingbird

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
