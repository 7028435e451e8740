import Encodings
public import JSON
import OrderedCollections
import SeededNumbers

extension IntrinsicCall {
    /// The function's value; fails with `States.IntrinsicFailure`, or with `States.ParameterPathFailure` where a path among
    /// its arguments names nothing.
    public func evaluate(in scope: EvaluationScope) throws(EvaluationError) -> JSON {
        var budget = EvaluationBudget(seed: scope.seed)
        return try evaluate(in: scope, budget: &budget)
    }

    func evaluate(in scope: EvaluationScope, budget: inout EvaluationBudget) throws(EvaluationError) -> JSON {
        try evaluate(within: text, in: scope, budget: &budget)
    }

    /// - Parameter whole: the outermost call, which causes name.
    private func evaluate(
        within whole: String, in scope: EvaluationScope, budget: inout EvaluationBudget
    ) throws(EvaluationError) -> JSON {
        var values: [JSON] = []
        for (index, argument) in arguments.enumerated() {
            let value: JSON
            switch argument {
            case .text(let raw):
                // The template of Format keeps its escapes: they tell braces from placeholders.
                value = .string(function == .format && index == 0 ? raw : FormatTemplate.unescaping(raw))
            case .value(let literal): value = literal
            case .path(let path):
                switch path.lookUp(in: scope) {
                case .found(let found): value = found
                case .missing:
                    let reason = path.reasonForNoMatch(in: scope)
                    throw IntrinsicCall.failure(
                        ErrorName.parameterPathFailure, whole,
                        // The service lets this one of its library's sentences through.
                        reason.hasPrefix("Filter: ")
                            ? reason
                            : "The JsonPath argument for the field '\(path.referenceText)' could not be found in the input"
                                + " '\(scope.input.text)'")
                case .excessive: throw path.excessError
                }
            case .call(let call): value = try call.evaluate(within: whole, in: scope, budget: &budget)
            }
            try budget.charge(value)
            if index < function.parameters.count, !function.parameters[index].accepts(value) {
                throw IntrinsicCall.failure(
                    ErrorName.intrinsicFailure, whole,
                    "Argument \(index + 1) of States.\(function.rawValue) must be of type"
                        + " \(function.parameters[index].rawValue), but was \(value.text)")
            }
            values.append(value)
        }
        let result: JSON
        do {
            result = try apply(values, scope: scope, draws: &budget.draws)
        } catch {
            throw IntrinsicCall.failure(ErrorName.intrinsicFailure, whole, error.reason)
        }
        try budget.charge(result)
        return result
    }

    private static func failure(_ error: String, _ whole: String, _ reason: String) -> EvaluationError {
        EvaluationError(error: error, cause: "The function '\(whole)' had the following error: \(reason)")
    }

    private func apply(
        _ values: [JSON], scope: EvaluationScope, draws: inout SplitMix64
    ) throws(IntrinsicProblem) -> JSON {
        switch function {
        case .format: return .string(try FormatTemplate(string(values[0])).filled(with: values.dropFirst()))
        case .stringToJSON: return try IntrinsicMath.parsed(string(values[0]))
        case .jsonToString: return .string(values[0].text)
        case .array: return .array(values)
        case .arrayPartition: return try IntrinsicMath.partition(array(values[0]), size: integer(values[1]))
        case .arrayContains:
            return .bool(array(values[0]).contains { $0 == values[1] || $0.numericallyEquals(values[1]) })
        case .arrayRange:
            return try IntrinsicMath.range(
                from: integer(values[0]), through: integer(values[1]), step: integer(values[2]))
        case .arrayGetItem:
            let index = try integer(values[1])
            guard let element = values[0][index] else {
                throw IntrinsicProblem("Index \(index) is out of range for an array of \(array(values[0]).count)")
            }
            return element
        case .arrayLength: return .integer(array(values[0]).count)
        case .arrayUnique: return .array(Array(OrderedSet(array(values[0]))))
        case .base64Encode: return .string(Base64.encode(try bounded(values[0]).utf8))
        case .base64Decode: return .string(try base64Text(bounded(values[0])))
        case .hash: return .string(try hash(values, scope: scope))
        case .jsonMerge: return try IntrinsicMath.merge(values)
        case .mathRandom:
            let start = try integer(values[0])
            let end = try integer(values[1])
            guard values.count == 3 else { return try IntrinsicMath.random(from: start, to: end, draws: &draws) }
            var seeded = SplitMix64(seed: UInt64(bitPattern: Int64(try integer(values[2]))))
            return try IntrinsicMath.random(from: start, to: end, draws: &seeded)
        case .mathAdd: return try IntrinsicMath.add(integer(values[0]), integer(values[1]))
        case .stringSplit: return IntrinsicMath.split(string(values[0]), at: string(values[1]))
        case .uuid: return .string(IntrinsicMath.uuid(&draws))
        }
    }

    /// The text that Base64's digits stand for; it must be UTF-8.
    private func base64Text(_ digits: String) throws(IntrinsicProblem) -> String {
        let bytes: [UInt8]
        do { bytes = try Base64.decode(digits) } catch { throw IntrinsicProblem("The text is not Base64: \(error)") }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw IntrinsicProblem("The decoded bytes are not UTF-8 text")
        }
        return text
    }

    private func hash(_ values: [JSON], scope: EvaluationScope) throws(IntrinsicProblem) -> String {
        let name = string(values[1])
        guard let algorithm = DigestAlgorithm(rawValue: name) else {
            let known = DigestAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
            throw IntrinsicProblem("'\(name)' is no hash algorithm; known are \(known)")
        }
        let text = values[0].stringValue ?? values[0].text
        try checkLength(text)
        guard let digest = scope.digest else { throw IntrinsicProblem("Hashing is not available here") }
        return digest(algorithm, Array(text.utf8))
    }

    private func bounded(_ value: JSON) throws(IntrinsicProblem) -> String {
        let text = string(value)
        try checkLength(text)
        return text
    }

    private func checkLength(_ text: String) throws(IntrinsicProblem) {
        if text.utf16.count > 10_000 {
            throw IntrinsicProblem("The text has \(text.utf16.count) characters; 10,000 are allowed")
        }
    }

    // The kinds were checked against the function's parameters before.

    private func string(_ value: JSON) -> String {
        guard let text = value.stringValue else { preconditionFailure("a checked argument is a string") }
        return text
    }

    private func array(_ value: JSON) -> [JSON] {
        guard let elements = value.arrayValue else { preconditionFailure("a checked argument is an array") }
        return elements
    }

    /// Numbers with a fraction are rounded to the nearest integer, halves upwards.
    private func integer(_ value: JSON) throws(IntrinsicProblem) -> Int {
        if case .integer(let exact) = value { return Int(exact) }
        guard let number = value.doubleValue, let rounded = Int(exactly: (number + 0.5).rounded(.down)) else {
            throw IntrinsicProblem("\(value.text) is out of the range of integers")
        }
        return rounded
    }
}

/// Why a function has no value.
struct IntrinsicProblem: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}

enum IntrinsicMath {
    /// JSON as Step Functions reads it: an empty or blank text is null.
    static func parsed(_ text: String) throws(IntrinsicProblem) -> JSON {
        if text.utf8.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }) { return .null }
        do {
            let value = try JSON(parsing: text)
            // The service's reader takes -0 for the integer 0.
            if case .double(0) = value, !text.contains(".") { return .integer(0) }
            return value
        } catch {
            throw IntrinsicProblem("The text is \(error.description)")
        }
    }

    static func partition(_ elements: [JSON], size: Int) throws(IntrinsicProblem) -> JSON {
        guard size > 0 else { throw IntrinsicProblem("The chunk size must be positive, but was \(size)") }
        var chunks: [JSON] = []
        var start = 0
        while start < elements.count {
            let end = start + min(size, elements.count - start)
            chunks.append(.array(Array(elements[start..<end])))
            start = end
        }
        return .array(chunks)
    }

    /// The language bounds the array.
    static let maximumRangeCount = 1000

    static func range(from first: Int, through last: Int, step: Int) throws(IntrinsicProblem) -> JSON {
        guard step != 0 else { throw IntrinsicProblem("The increment must not be 0") }
        var elements: [JSON] = []
        var value = first
        while step > 0 ? value <= last : value >= last {
            if elements.count == maximumRangeCount {
                throw IntrinsicProblem("The array would have more than \(maximumRangeCount) elements")
            }
            elements.append(.integer(value))
            let (next, overflow) = value.addingReportingOverflow(step)
            if overflow { break }
            value = next
        }
        return .array(elements)
    }

    /// Members of the second object win. Deep merging does not exist in the language yet.
    static func merge(_ values: [JSON]) throws(IntrinsicProblem) -> JSON {
        if values[2].boolValue != false {
            throw IntrinsicProblem("Deep merging is not supported: the third argument must be false")
        }
        guard case .object(var result) = values[0], case .object(let second) = values[1] else {
            preconditionFailure("a checked argument is an object")
        }
        for (key, value) in second { result[key] = value }
        return .object(result)
    }

    /// From the first number to below the second.
    static func random(from start: Int, to end: Int, draws: inout SplitMix64) throws(IntrinsicProblem) -> JSON {
        guard start < end else {
            throw IntrinsicProblem("The start \(start) must be smaller than the end \(end)")
        }
        let width = UInt64(bitPattern: Int64(end &- start))
        // The high half of the product spreads a draw evenly over the width.
        let offset = draws.next().multipliedFullWidth(by: width).high
        return .integer(start &+ Int(truncatingIfNeeded: offset))
    }

    static func add(_ left: Int, _ right: Int) throws(IntrinsicProblem) -> JSON {
        let allowed = Int(Int32.min)...Int(Int32.max)
        for operand in [left, right] where !allowed.contains(operand) {
            throw IntrinsicProblem("\(operand) is outside \(Int32.min)...\(Int32.max)")
        }
        let sum = left + right
        if !allowed.contains(sum) { throw IntrinsicProblem("The sum \(sum) is outside \(Int32.min)...\(Int32.max)") }
        return .integer(sum)
    }

    /// Each character of the splitter separates; empty parts are left out.
    static func split(_ text: String, at splitter: String) -> JSON {
        let separators = Set(splitter.unicodeScalars)
        var parts: [JSON] = []
        var part = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if separators.contains(scalar) {
                if !part.isEmpty { parts.append(.string(String(part))) }
                part = String.UnicodeScalarView()
            } else {
                part.append(scalar)
            }
        }
        if !part.isEmpty { parts.append(.string(String(part))) }
        return .array(parts)
    }

    /// A UUID of version 4 (RFC 9562).
    static func uuid(_ draws: inout SplitMix64) -> String {
        let high = draws.next()
        return uuidText(high, draws.next(), version: 4)
    }
}

/// The first argument of States.Format: `{}` is a placeholder, a backslash takes the next character as it stands.
struct FormatTemplate {
    private var parts: [String] = []

    init(_ raw: String) {
        var current = String.UnicodeScalarView()
        var scalars = raw.unicodeScalars.makeIterator()
        var pending = scalars.next()
        while let scalar = pending {
            pending = scalars.next()
            if scalar == "\\", let escaped = pending, "'{}\\".unicodeScalars.contains(escaped) {
                current.append(escaped)
                pending = scalars.next()
            } else if scalar == "{", pending == "}" {
                parts.append(String(current))
                current = String.UnicodeScalarView()
                pending = scalars.next()
            } else {
                current.append(scalar)
            }
        }
        parts.append(String(current))
    }

    var placeholderCount: Int { parts.count - 1 }

    func filled(with values: ArraySlice<JSON>) throws(IntrinsicProblem) -> String {
        guard values.count == placeholderCount else {
            throw IntrinsicProblem(
                "The template has \(placeholderCount) placeholders, but \(values.count) values are given")
        }
        var result = parts[0]
        for (value, part) in zip(values, parts.dropFirst()) { result += FormatTemplate.word(value) + part }
        return result
    }

    /// The text without its escapes.
    static func unescaping(_ raw: String) -> String {
        guard raw.utf8.contains(UInt8(ascii: "\\")) else { return raw }
        var result = String.UnicodeScalarView()
        var isEscaped = false
        for scalar in raw.unicodeScalars {
            if scalar == "\\", !isEscaped {
                isEscaped = true
            } else {
                result.append(scalar)
                isEscaped = false
            }
        }
        return String(result)
    }

    /// A value inside a formatted text: texts without quotes, and, as the service does it, objects as `{a=1, b=[]}`.
    private static func word(_ value: JSON) -> String {
        switch value {
        case .string(let text): text
        case .null, .bool, .integer, .double: value.text
        case .array(let elements): "[" + elements.map(word).joined(separator: ", ") + "]"
        case .object(let members):
            "{" + members.map { "\($0.key)=\(word($0.value))" }.joined(separator: ", ") + "}"
        }
    }
}
