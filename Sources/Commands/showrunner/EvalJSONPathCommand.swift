import ArgumentParser
import JSON
import StatesLanguage

struct EvalJSONPathCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jsonpath", abstract: "Evaluate JSONPath expressions over documents.",
        discussion: """
            Example:
              echo '[{"id": 1, "path": "$.a[0]", "document": {"a": [1, 2]}}]' \\
                | showrunner eval jsonpath

            Standard input: [{"id", "path", "document", "context"?, "variables"?}, ...]
            Standard output: [{"id", "result"} | {"id", "missing": true} | {"id", "error": {"code", "message"}}, ...]
            """)

    func run() throws {
        try EvalCases.run { (each) throws(ValidationError) in
            EvalJSONPathCommand.answer(
                try EvalCases.text("path", of: each),
                EvaluationScope(
                    input: each["document"] ?? .null, context: each["context"] ?? [:],
                    variables: each["variables"]?.objectValue ?? [:]))
        }
    }

    private static func answer(_ text: String, _ scope: EvaluationScope) -> JSON {
        let path: JSONPath
        do throws(JSONPathError) {
            path = try JSONPath(text)
        } catch {
            return failure("INVALID_PATH", error.description)
        }
        do throws(EvaluationError) {
            guard let result = try path.match(in: scope) else { return ["missing": true] }
            return ["result": result]
        } catch {
            return failure(error.error, error.cause)
        }
    }

    private static func failure(_ code: String, _ message: String) -> JSON {
        ["error": ["code": .string(code), "message": .string(message)]]
    }
}
