import JSON
import JSONata

/// A text of a JSONata state: an expression between `{%` and `%}`, or a text that stands for itself.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html#writing-jsonata-expressions-in-json-strings
enum ExpressionText {
    case plain
    /// With the offset of the expression in the text.
    case expression(QueryExpression, offset: Int)
    case invalid(Problem)

    struct Problem {
        let code: Diagnostic.Code
        let message: String
        let advice: String?
        /// Characters from the text's beginning.
        let offset: Int
    }

    /// Longer expressions are refused.
    static let maximumBytes = 65536

    init(_ text: String) {
        let isBlank: (Unicode.Scalar) -> Bool = { $0 == " " || $0 == "\n" || $0 == "\t" || $0 == "\r" }
        func problem(
            _ message: String, code: Diagnostic.Code = .schemaValidationFailed, advice: String?, offset: Int
        ) -> ExpressionText {
            .invalid(Problem(code: code, message: message, advice: advice, offset: offset))
        }
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !isBlank($0) }),
            let last = scalars.lastIndex(where: { !isBlank($0) })
        else {
            self = .plain
            return
        }
        let core = String(scalars[first...last])
        let opens = core.hasPrefix("{%")
        let closes = core.hasSuffix("%}") && core.utf8.count >= 4
        guard opens || core.hasSuffix("%}") else {
            self = .plain
            return
        }
        guard opens, closes, core.utf8.count == text.utf8.count else {
            self = problem(
                "JSONata expression strings must start with '{%' and end with '%}'.",
                advice: !opens
                    ? "add '{%' at the beginning"
                    : closes ? "remove the spaces before '{%' and after '%}'" : "add '%}' at the end", offset: 0)
            return
        }
        let inside = Array(core.unicodeScalars.dropFirst(2).dropLast(2))
        let leading = inside.prefix(while: isBlank).count
        let trailing = inside.reversed().prefix(while: isBlank).count
        guard leading < inside.count else {
            self = problem("JSONata expression is empty.", advice: "write one between '{%' and '%}'", offset: 2)
            return
        }
        var trimmed = String.UnicodeScalarView()
        trimmed.append(contentsOf: inside[leading..<inside.count - trailing])
        let expression = String(trimmed)
        if expression.utf8.count > ExpressionText.maximumBytes {
            self = problem(
                "JSONata expression is longer than \(ExpressionText.maximumBytes) bytes.", advice: nil, offset: 2)
            return
        }
        do throws(JSONataError) {
            self = .expression(try QueryExpression(expression), offset: 2 + leading)
        } catch {
            let place = error.position.map { ", character \($0) of the expression" } ?? ""
            self = problem(
                error.message, code: .invalidJSONataExpression, advice: "\(error.code)\(place)",
                offset: 2 + leading
                    + expression.utf16.prefix(error.position ?? 0).reduce(0) {
                        $0 + (UTF16.isTrailSurrogate($1) ? 0 : 1)
                    })
        }
    }
}
