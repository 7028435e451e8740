public import JSON

/// Why an expression cannot be parsed or evaluated.
///
/// Codes are those of the JSONata documentation (docs.jsonata.org): S syntax, T type, D evaluation. Beyond it there are
/// the limits: `U1001` too many steps or too deep a recursion, `U1002` too much memory, `U1003` an expression that is too long
/// or nests too deep; and `S0303` a regular expression that cannot be, `S0403` an unknown type in a signature, `D3150` text that
/// `$parse` cannot read.
public struct JSONataError: Error, Sendable, Hashable {
    public let code: String
    /// Where the offending token ends, in UTF-16 code units from the start of the expression, as the language's reference
    /// counts; nil where no place is to blame.
    public let position: Int?
    /// The operator, function or piece of text at fault.
    public let token: String?
    /// The value at fault, if it is one that JSON can show.
    public let value: JSON?
    /// The sentence, without the code.
    public let message: String

    public init(code: String, position: Int?, token: String?, value: JSON?, message: String) {
        self.code = code
        self.position = position
        self.token = token
        self.value = value
        self.message = message
    }
}

extension JSONataError: CustomStringConvertible {
    public var description: String { "\(code): \(message)" }
}

/// An error on its way up; where it passes, places that know more add to it. A reference, so that every function that
/// can fail returns one word.
///
/// Unchecked: it goes up one thread's stack and is turned into a `JSONataError` at the top.
final class Failure: Error, @unchecked Sendable {
    let code: String
    var position: Int?
    var token: String?
    let value: Value
    /// What else the sentence of the code speaks of.
    let details: Details

    struct Details {
        var value2: Value = .undefined
        var index: Int?
        var type: String?
        var functionName: String?
        var exponent: Double?
        /// The whole sentence, where the author of the expression wrote it (`$error`, `$assert`) or a limit is meant.
        var message: String?
    }

    init(
        _ code: String, position: Int? = nil, token: String? = nil, value: Value = .undefined,
        details: Details = Details()
    ) {
        self.code = code
        self.position = position
        self.token = token
        self.value = value
        self.details = details
    }

    static func limit(_ code: String, _ message: String) -> Failure { Failure(code, details: .init(message: message)) }

    /// Fills in place and token where the error does not know its own.
    func locate(position: Int?, token: String?) {
        if self.position == nil { self.position = position }
        if self.token == nil { self.token = token }
    }

    var error: JSONataError {
        JSONataError(
            code: code, position: position, token: token, value: Failure.shown(value),
            message: details.message ?? ErrorMessage.text(self))
    }

    /// A value for people and logs: functions and values too deep to show become nothing.
    static func shown(_ value: Value) -> JSON? {
        do throws(Failure) { return try value.json(unrepresentable: .replaced) } catch { return nil }
    }
}

/// The sentences of the JSONata documentation, by code.
enum ErrorMessage {
    static func text(_ failure: Failure) -> String {
        let token = failure.token ?? ""
        let value = Failure.shown(failure.value)?.text ?? "undefined"
        let value2 = Failure.shown(failure.details.value2)?.text ?? "undefined"
        let index = failure.details.index.map(String.init) ?? ""
        let type = failure.details.type ?? ""
        let raw = if case .string(let text) = failure.value { text } else { value }
        return switch failure.code {
        case "S0101": "String literal must be terminated by a matching quote"
        case "S0102": "Number out of range: \(token)"
        case "S0103": "Unsupported escape sequence: \\\(token)"
        case "S0104": "The escape sequence \\u must be followed by 4 hex digits"
        case "S0105": "Quoted property name must be terminated with a backquote (`)"
        case "S0106": "Comment has no closing tag"
        case "S0201": "Syntax error: '\(token)'"
        case "S0202": "Expected '\(raw)', got '\(token)'"
        case "S0203": "Expected '\(raw)' before end of expression"
        case "S0204": "Unknown operator: '\(token)'"
        case "S0205": "Unexpected token: '\(token)'"
        case "S0206": "Unknown expression type: '\(token)'"
        case "S0207": "Unexpected end of expression"
        case "S0208": "Parameter \(value) of function definition must be a variable name (start with $)"
        case "S0209": "A predicate cannot follow a grouping expression in a step"
        case "S0210": "Each step can only have one grouping expression"
        case "S0211": "The symbol '\(token)' cannot be used as a unary operator"
        case "S0212": "The left side of := must be a variable name (start with $)"
        case "S0213": "The literal value '\(token)' cannot be used as a step within a path expression"
        case "S0214": "The right side of '\(token)' must be a variable name (start with $)"
        case "S0215": "A context variable binding must precede any predicates on a step"
        case "S0216": "A context variable binding must precede the 'order-by' clause on a step"
        case "S0217": "The object representing the 'parent' cannot be derived from this expression"
        case "S0301": "Empty regular expressions are not allowed"
        case "S0302": "No terminating / in regular expression"
        case "S0303": "Invalid regular expression: \(raw)"
        case "S0401": "Type parameters can only be applied to functions and arrays"
        case "S0402": "Choice groups containing parameterized types are not supported"
        case "S0403": "Unknown type '\(raw)' in a function signature"
        case "T0410": "Argument \(index) of function '\(token)' does not match function signature"
        case "T0411": "Context value is not a compatible type with argument \(index) of function '\(token)'"
        case "T0412": "Argument \(index) of function '\(token)' must be an array of '\(type)'"
        case "D1001": "Number out of range: \(value)"
        case "D1002": "Cannot negate a non-numeric value: \(value)"
        case "T1003": "Key in object structure must evaluate to a string; got: \(value)"
        case "D1004": "Regular expression matches zero length string"
        case "T1005": "Attempted to invoke a non-function. Did you mean '$\(token)'?"
        case "T1006": "Attempted to invoke a non-function"
        case "T1007": "Attempted to partially apply a non-function. Did you mean '$\(token)'?"
        case "T1008": "Attempted to partially apply a non-function"
        case "D1009": "Multiple key definitions evaluate to same key: \(value)"
        case "T1010":
            "The matcher function argument passed to function '\(token)' does not return the correct object structure"
        case "T2001": "The left side of the '\(token)' operator must evaluate to a number"
        case "T2002": "The right side of the '\(token)' operator must evaluate to a number"
        case "T2003": "The left side of the range operator (..) must evaluate to an integer"
        case "T2004": "The right side of the range operator (..) must evaluate to an integer"
        case "T2006": "The right side of the function application operator ~> must be a function"
        case "T2007": "Type mismatch when comparing values \(value) and \(value2) in order-by clause"
        case "T2008": "The expressions within an order-by clause must evaluate to numeric or string values"
        case "T2009":
            "The values \(value) and \(value2) either side of operator '\(token)' must be of the same data type"
        case "T2010": "The expressions either side of operator '\(token)' must evaluate to numeric or string values"
        case "T2011": "The insert/update clause of the transform expression must evaluate to an object: \(value)"
        case "T2012":
            "The delete clause of the transform expression must evaluate to a string or array of strings: \(value)"
        case "T2013":
            "The transform expression clones the input object using the $clone() function.  This has been overridden in the current scope by a non-function."
        case "D2014":
            "The size of the sequence allocated by the range operator (..) must not exceed 1e7.  Attempted to allocate \(value)."
        case "D3001": "Attempting to invoke string function on Infinity or NaN"
        case "D3010": "Second argument of replace function cannot be an empty string"
        case "D3011": "Fourth argument of replace function must evaluate to a positive number"
        case "D3012": "Attempted to replace a matched string with a non-string value"
        case "D3020": "Third argument of split function must evaluate to a positive number"
        case "D3030": "Unable to cast value to a number: \(value)"
        case "D3040": "Third argument of match function must evaluate to a positive number"
        case "D3050": "The second argument of reduce function must be a function with at least two arguments"
        case "D3060": "The sqrt function cannot be applied to a negative number: \(value)"
        case "D3061":
            "The power function has resulted in a value that cannot be represented as a JSON number: base=\(value), exponent=\(failure.details.exponent.map { NumberText.text($0) } ?? "")"
        case "D3070":
            "The single argument form of the sort function can only be applied to an array of strings or an array of numbers.  Use the second argument to specify a comparison function"
        case "D3080": "The picture string must only contain a maximum of two sub-pictures"
        case "D3081":
            "The sub-picture must not contain more than one instance of the 'decimal-separator' character"
        case "D3082": "The sub-picture must not contain more than one instance of the 'percent' character"
        case "D3083": "The sub-picture must not contain more than one instance of the 'per-mille' character"
        case "D3084": "The sub-picture must not contain both a 'percent' and a 'per-mille' character"
        case "D3085":
            "The mantissa part of a sub-picture must contain at least one character that is either an 'optional digit character' or a member of the 'decimal digit family'"
        case "D3086":
            "The sub-picture must not contain a passive character that is preceded by an active character and that is followed by another active character"
        case "D3087":
            "The sub-picture must not contain a 'grouping-separator' character that appears adjacent to a 'decimal-separator' character"
        case "D3088": "The sub-picture must not contain a 'grouping-separator' at the end of the integer part"
        case "D3089": "The sub-picture must not contain two adjacent instances of the 'grouping-separator' character"
        case "D3090":
            "The integer part of the sub-picture must not contain a member of the 'decimal digit family' that is followed by an instance of the 'optional digit character'"
        case "D3091":
            "The fractional part of the sub-picture must not contain an instance of the 'optional digit character' that is followed by a member of the 'decimal digit family'"
        case "D3092":
            "A sub-picture that contains a 'percent' or 'per-mille' character must not contain a character treated as an 'exponent-separator'"
        case "D3093":
            "The exponent part of the sub-picture must comprise only of one or more characters that are members of the 'decimal digit family'"
        case "D3100": "The radix of the formatBase function must be between 2 and 36.  It was given \(value)"
        case "D3110":
            "The argument of the toMillis function must be an ISO 8601 formatted timestamp. Given \(value)"
        case "D3120": "Syntax error in expression passed to function eval: \(value)"
        case "D3121": "Dynamic error evaluating the expression passed to function eval: \(value)"
        case "D3130":
            "Formatting or parsing an integer as a sequence starting with \(value) is not supported by this implementation"
        case "D3131": "In a decimal digit pattern, all digits must be from the same decimal group"
        case "D3132": "Unknown component specifier \(value) in date/time picture string"
        case "D3133":
            "The 'name' modifier can only be applied to months and days in the date/time picture string, not \(value)"
        case "D3134": "The timezone integer format specifier cannot have more than four digits"
        case "D3135": "No matching closing bracket ']' in date/time picture string"
        case "D3136": "The date/time picture string is missing specifiers required to parse the timestamp"
        case "D3137", "D3141": raw
        case "D3138":
            "The $single() function expected exactly 1 matching result.  Instead it matched more."
        case "D3139":
            "The $single() function expected exactly 1 matching result.  Instead it matched 0."
        case "D3140": "Malformed URL passed to $\(failure.details.functionName ?? "")(): \(value)"
        default: failure.code
        }
    }
}
