import JSON
import JSONata

/// A text of a JSONata state: an expression between `{%` and `%}`, or a text that stands for itself.
///
/// Source: https://states-language.net/spec.html#jsonata-expression
enum ExpressionText {
    case plain
    case expression(QueryExpression)
    case invalid(Problem)

    struct Problem {
        let message: String
        let advice: String?
        /// Characters from the text's beginning.
        let offset: Int

        /// The place of the problem inside the file, as far as the text is written on one line.
        func place(in tree: SourceTree) -> SourcePlace { tree.place }
    }

    /// Longer expressions are refused.
    static let maximumBytes = 65536

    init(_ text: String) {
        let opens = text.hasPrefix("{%")
        let closes = text.hasSuffix("%}")
        guard opens || closes else {
            self = .plain
            return
        }
        guard opens, closes, text.utf8.count >= 4 else {
            self = .invalid(
                Problem(
                    message: "JSONata expression strings must start with '{%' and end with '%}'.",
                    advice: opens ? "add '%}' at the end" : "add '{%' at the beginning", offset: 0))
            return
        }
        let inside = text.dropFirst(2).dropLast(2)
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\n" || $0 == "\t" || $0 == "\r" || $0 == "\r\n" }
        let leading = inside.prefix(while: isBlank).count
        var trimmed = inside.dropFirst(leading)
        while let last = trimmed.last, isBlank(last) { trimmed.removeLast() }
        if trimmed.isEmpty {
            self = .invalid(
                Problem(
                    message: "JSONata expression is empty.", advice: "write an expression between '{%' and '%}'",
                    offset: 2))
            return
        }
        if trimmed.utf8.count > ExpressionText.maximumBytes {
            self = .invalid(
                Problem(
                    message: "JSONata expression is longer than \(ExpressionText.maximumBytes) bytes.", advice: nil,
                    offset: 2))
            return
        }
        do {
            self = .expression(try QueryExpression(String(trimmed)))
        } catch {
            let place = error.position.map { " (at character \($0) of the expression)" } ?? ""
            self = .invalid(
                Problem(
                    message: "The JSONata expression '\(trimmed)' is not valid. \(error.code): \(error.message)",
                    advice: "mend the expression\(place)", offset: 2 + leading + (error.position ?? 0)))
        }
    }
}
