import JSON

/// A call of an intrinsic function, such as `States.Format('{} of {}', $.done, $.all)`.
///
/// Source: https://states-language.net/spec.html#appendix-b
public struct IntrinsicCall: Sendable, Hashable {
    /// The call as it was written.
    public let text: String
    let function: IntrinsicFunction
    let arguments: [Argument]

    /// One text may hold this many calls, nested ones included.
    public static let maximumCalls = 10
    /// Longer texts are refused.
    public static let maximumBytes = 65536

    indirect enum Argument: Sendable, Hashable {
        /// Between single quotes, escapes not yet resolved: States.Format gives them a meaning of its own.
        case text(String)
        case value(JSON)
        case path(JSONPath)
        case call(IntrinsicCall)
    }

    /// Reads a call; throws when the text is none, names an unknown function or hands it the wrong arguments.
    public init(_ text: String) throws(JSONPathError) {
        var parser = IntrinsicParser(text)
        self = try parser.wholeCall()
    }

    init(text: String, function: IntrinsicFunction, arguments: [Argument]) {
        self.text = text
        self.function = function
        self.arguments = arguments
    }

    public static func == (left: IntrinsicCall, right: IntrinsicCall) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(text) }

    /// A number as JSON writes it; nil for anything else.
    static func number(_ text: String) -> JSON? {
        do {
            let value = try JSON(parsing: text)
            return value.doubleValue == nil ? nil : value
        } catch {
            return nil
        }
    }
}

/// What a function's argument must be.
enum IntrinsicParameter: String, Sendable {
    case any, string, number, boolean, array, object

    func accepts(_ value: JSON) -> Bool {
        switch (self, value) {
        case (.any, _), (.string, .string), (.number, .integer), (.number, .double), (.boolean, .bool),
            (.array, .array), (.object, .object):
            true
        case (.string, _), (.number, _), (.boolean, _), (.array, _), (.object, _): false
        }
    }
}

/// The functions of the language, by their names after `States.`.
enum IntrinsicFunction: String, Sendable, Hashable, CaseIterable {
    case format = "Format"
    case stringToJSON = "StringToJson"
    case jsonToString = "JsonToString"
    case array = "Array"
    case arrayPartition = "ArrayPartition"
    case arrayContains = "ArrayContains"
    case arrayRange = "ArrayRange"
    case arrayGetItem = "ArrayGetItem"
    case arrayLength = "ArrayLength"
    case arrayUnique = "ArrayUnique"
    case base64Encode = "Base64Encode"
    case base64Decode = "Base64Decode"
    case hash = "Hash"
    case jsonMerge = "JsonMerge"
    case mathRandom = "MathRandom"
    case mathAdd = "MathAdd"
    case stringSplit = "StringSplit"
    case uuid = "UUID"

    /// What the arguments must be. The last may be left out for MathRandom; Format and Array take any number more.
    var parameters: [IntrinsicParameter] {
        switch self {
        case .format: [.string]
        case .stringToJSON, .base64Encode, .base64Decode: [.string]
        case .jsonToString: [.any]
        case .array, .uuid: []
        case .arrayPartition, .arrayGetItem: [.array, .number]
        case .arrayContains: [.array, .any]
        case .arrayRange, .mathRandom: [.number, .number, .number]
        case .arrayLength, .arrayUnique: [.array]
        case .hash: [.any, .string]
        case .jsonMerge: [.object, .object, .boolean]
        case .mathAdd: [.number, .number]
        case .stringSplit: [.string, .string]
        }
    }

    var takesMore: Bool { self == .format || self == .array }

    var minimumCount: Int { self == .mathRandom ? 2 : parameters.count }

    /// Whether a number of arguments is right; else how many it takes, in words.
    func problem(withCount count: Int) -> String? {
        if count >= minimumCount, takesMore || count <= parameters.count { return nil }
        let wanted =
            takesMore
            ? "at least \(minimumCount)"
            : minimumCount == parameters.count ? "\(minimumCount)" : "\(minimumCount) or \(parameters.count)"
        return "States.\(rawValue) takes \(wanted) argument\(wanted == "1" ? "" : "s"), not \(count)"
    }
}

/// Reads intrinsic calls. Paths inside are read by ``JSONPathParser``.
struct IntrinsicParser {
    private var reader: JSONPathParser
    private var calls = 0

    init(_ text: String) { reader = JSONPathParser(text) }

    mutating func wholeCall() throws(JSONPathError) -> IntrinsicCall {
        if reader.bytes.count > IntrinsicCall.maximumBytes {
            throw reader.failure("an intrinsic call may be \(IntrinsicCall.maximumBytes) bytes long", at: 0)
        }
        let call = try call()
        reader.skipSpace()
        if reader.position < reader.bytes.count { throw reader.failure("text after the closing ')'") }
        return call
    }

    private func text(from start: Int) -> String {
        String(decoding: reader.bytes[start..<reader.position], as: UTF8.self)
    }

    private mutating func call() throws(JSONPathError) -> IntrinsicCall {
        let start = reader.position
        calls += 1
        if calls > IntrinsicCall.maximumCalls {
            throw reader.failure("one field may call \(IntrinsicCall.maximumCalls) intrinsic functions")
        }
        while let byte = reader.peek(), isWordByte(byte) { reader.position += 1 }
        let name = text(from: start)
        guard name.hasPrefix("States."), let function = IntrinsicFunction(rawValue: String(name.dropFirst(7))) else {
            let known = IntrinsicFunction.allCases.map { "States." + $0.rawValue }
            let nearest = nearestName(to: name, among: known).map { "; did you mean '\($0)'?" } ?? ""
            throw reader.failure("'\(name)' is no intrinsic function\(nearest)", at: start)
        }
        guard reader.take("(") else { throw reader.failure("expected '(' after '\(name)'") }
        var arguments: [IntrinsicCall.Argument] = []
        reader.skipSpace()
        if !reader.take(")") {
            repeat {
                reader.skipSpace()
                let place = reader.position
                let argument = try argument()
                try check(argument, number: arguments.count, of: function, at: place)
                arguments.append(argument)
                reader.skipSpace()
            } while reader.take(",")
            guard reader.take(")") else { throw reader.failure("expected ',' or ')' in the arguments of '\(name)'") }
        }
        if let problem = function.problem(withCount: arguments.count) { throw reader.failure(problem, at: start) }
        if function == .format, case .text(let template) = arguments[0] {
            let placeholders = FormatTemplate(template).placeholderCount
            if placeholders != arguments.count - 1 {
                throw reader.failure(
                    "States.Format has placeholders '{}': \(placeholders), values: \(arguments.count - 1)", at: start)
            }
        }
        return IntrinsicCall(text: text(from: start), function: function, arguments: arguments)
    }

    private func check(
        _ argument: IntrinsicCall.Argument, number: Int, of function: IntrinsicFunction, at place: Int
    ) throws(JSONPathError) {
        guard number < function.parameters.count else { return }
        let parameter = function.parameters[number]
        let value: JSON
        switch argument {
        case .text(let text): value = .string(text)
        case .value(let literal): value = literal
        case .path, .call: return
        }
        if !parameter.accepts(value) {
            throw reader.failure(
                "argument \(number + 1) of States.\(function.rawValue) must be of type \(parameter.rawValue)",
                at: place)
        }
    }

    private mutating func argument() throws(JSONPathError) -> IntrinsicCall.Argument {
        let start = reader.position
        switch reader.peek() {
        case UInt8(ascii: "'"): return .text(try text())
        case UInt8(ascii: "$"): return .path(try reader.path())
        case UInt8(ascii: "S"): return .call(try call())
        default: break
        }
        while let byte = reader.peek(), isWordByte(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+") {
            reader.position += 1
        }
        let word = text(from: start)
        switch word {
        case "true": return .value(.bool(true))
        case "false": return .value(.bool(false))
        case "null": return .value(.null)
        default:
            guard let number = IntrinsicCall.number(word) else {
                throw reader.failure(
                    "'\(word)' is no argument: expected a text in single quotes, a number, true, false, null, a path or"
                        + " a function", at: start)
            }
            return .value(number)
        }
    }

    private func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// A text in single quotes, its escapes checked and kept.
    private mutating func text() throws(JSONPathError) -> String {
        let start = reader.position
        reader.position += 1
        let first = reader.position
        while let byte = reader.peek() {
            if byte == UInt8(ascii: "'") {
                let content = text(from: first)
                reader.position += 1
                return content
            }
            if byte == UInt8(ascii: "\\") {
                switch reader.peek(1) {
                case UInt8(ascii: "'"), UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "\\"):
                    reader.position += 1
                default:
                    throw reader.failure("after a backslash only ', {, } and \\ may stand in a text")
                }
            }
            reader.position += 1
        }
        throw reader.failure("the text is not closed by a single quote", at: start)
    }
}
