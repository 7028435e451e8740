import ArgumentParser
import JSON
import TerminalOutput

/// `showrunner eval`: expression languages over cases on standard input, for conformance runs.
struct EvalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval", abstract: "Evaluate expressions over cases on standard input.",
        discussion: """
            Example:
              echo '[{"id":1,"expr":"$sum(a)","data":{"a":[1,2]}}]' \\
                | showrunner eval jsonata
            """,
        subcommands: [EvalJSONataCommand.self, EvalJSONPathCommand.self])
}

/// What the subcommands share: cases are a JSON array of objects with an `id` on standard input, answers a JSON array on
/// standard output in the order of the cases.
enum EvalCases {
    /// The most that is read.
    static let maximumBytes = 256 << 20

    /// Stack of the thread on which the answers are found: expressions of a test may recurse deep.
    static let stackBytes = 64 << 20

    /// Reads the cases, answers each, and writes the answers.
    static func run(_ answer: @escaping @Sendable (JSON) throws(ValidationError) -> JSON) throws {
        let bytes = try FileBytes.read("/dev/stdin", limit: maximumBytes)
        let cases = try Usage.check { () throws(JSONSyntaxError) in try JSON(parsing: bytes) }
        guard let cases = cases.arrayValue else { throw ValidationError("the cases are an array") }
        let answers = try DeepThread.run(stackBytes: stackBytes) { () throws(ValidationError) in
            try cases.map { (each) throws(ValidationError) in
                guard let id = each["id"] else {
                    throw ValidationError("each case has an id: \(each.text.prefix(200))")
                }
                guard case .object(var members) = try answer(each) else {
                    preconditionFailure("an answer is an object")
                }
                members["id"] = id
                return JSON.object(members)
            }
        }
        Terminal.line(JSON.array(answers).text)
    }

    /// The text of a case's field.
    static func text(_ name: String, of each: JSON) throws(ValidationError) -> String {
        guard let text = each[name]?.stringValue else {
            throw ValidationError("each case has a text '\(name)': \(each.text.prefix(200))")
        }
        return text
    }
}
