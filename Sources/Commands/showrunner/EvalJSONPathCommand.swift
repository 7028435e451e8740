import ArgumentParser
import JSON
import StatesLanguage
import TerminalOutput

struct EvalJSONPathCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jsonpath", abstract: "Evaluate JSONPath expressions over documents.",
        discussion: """
            Example:
              echo '[{"id":1,"path":"$.a[*]","document":{"a":[1,2]}}]' | showrunner eval jsonpath

            Reads a JSON array of cases: id, path, document, and optionally context and variables. Prints an array of
            answers: {"id","result"}, {"id","missing":true} where the path has no value, or
            {"id","error":{"code","message"}}.
            """)

    /// A document is what somebody hands to the command; more than this is no test case.
    private static let maximumBytes = 256 << 20

    func run() throws {
        let bytes = try FileBytes.read("/dev/stdin", limit: Self.maximumBytes)
        guard case .array(let cases) = try JSON(parsing: bytes) else {
            throw ValidationError("standard input holds a JSON array of cases")
        }
        Terminal.json(.array(cases.map(EvalJSONPathCommand.answer)))
    }

    private static func answer(_ value: JSON) -> JSON {
        let id = value["id"] ?? .null
        guard case .string(let text) = value["path"] else {
            return failure(id, code: "INVALID_CASE", message: "the case has no text 'path'")
        }
        let scope = EvaluationScope(
            input: value["document"] ?? .null, context: value["context"] ?? [:],
            variables: value["variables"]?.objectValue ?? [:])
        let path: JSONPath
        do throws(JSONPathError) {
            path = try JSONPath(text)
        } catch {
            return failure(id, code: "INVALID_PATH", message: error.description)
        }
        do throws(EvaluationError) {
            guard let result = try path.match(in: scope) else { return ["id": id, "missing": true] }
            return ["id": id, "result": result]
        } catch {
            return failure(id, code: error.error, message: error.cause)
        }
    }

    private static func failure(_ id: JSON, code: String, message: String) -> JSON {
        ["id": id, "error": ["code": .string(code), "message": .string(message)]]
    }
}
