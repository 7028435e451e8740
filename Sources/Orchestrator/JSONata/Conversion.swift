import JSON
import OrderedCollections

/// What becomes of functions and of numbers without a value when a value leaves the language.
enum UnrepresentableValues {
    /// An empty string and null, as the language's reference writes them.
    case replaced
    case refused
}

extension Value {
    /// The value as JSON; nil for no value. Within arrays no value becomes null, and members without value are left out.
    func json(unrepresentable: UnrepresentableValues, depth: Int = 0) throws(Failure) -> JSON? {
        // Values made here are bounded by `JSONataLimits.maximumHeight`.
        switch self {
        case .undefined, .tailCall: return nil
        case .null: return .null
        case .bool(let value): return .bool(value)
        case .number(let value):
            if !value.isFinite, case .refused = unrepresentable {
                throw Failure(
                    "D1001",
                    details: .init(
                        message:
                            "Number out of range: the result is or contains \(value.isNaN ? "no number" : "an infinite number")"
                    ))
            }
            return NumberText.json(value)
        case .string(let value): return .string(value)
        case .jsonArray(let value): return .array(value)
        case .jsonObject(let value): return .object(value)
        case .array(let box):
            if depth > JSONataLimits.maximumHeight { throw Runtime.tooNested }
            var elements: [JSON] = []
            elements.reserveCapacity(box.count)
            for index in 0..<box.count {
                elements.append(try box[index].json(unrepresentable: unrepresentable, depth: depth + 1) ?? .null)
            }
            return .array(elements)
        case .object(let box):
            if depth > JSONataLimits.maximumHeight { throw Runtime.tooNested }
            var members: OrderedDictionary<String, JSON> = [:]
            for (key, value) in box.members {
                if let json = try value.json(unrepresentable: unrepresentable, depth: depth + 1) { members[key] = json }
            }
            return .object(members)
        case .function:
            if case .refused = unrepresentable {
                throw Failure(
                    "T1006", details: .init(message: "The expression's result is or contains a function"))
            }
            return .string("")
        case .tuples(let stream):
            return try Value.array(ArrayBox(stream.tuples.map(\.item))).json(
                unrepresentable: unrepresentable, depth: depth + 1)
        }
    }

    /// The value as `&` takes it: nothing is the empty string.
    func conversionText(_ runtime: Runtime) throws(Failure) -> String {
        switch self {
        case .undefined: ""
        case .string(let text): text
        default: try text(isPretty: false, runtime)
        }
    }

    /// The value as `$string` writes it: strings as they are, everything else as JSON with numbers of at most 15 significant digits.
    func text(isPretty: Bool, _ runtime: Runtime) throws(Failure) -> String {
        switch self {
        case .string(let text): return text
        case .function: return ""
        case .number(let value):
            guard value.isFinite else { throw Failure("D3001", value: self) }
            return try NumberText.text(NumberText.rounded(value))
        case .bool(let value): return value ? "true" : "false"
        case .null: return "null"
        default:
            var bytes: [UInt8] = []
            try write(into: &bytes, indent: isPretty ? 0 : nil, runtime)
            try runtime.charge(bytes.count)
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    private func write(into bytes: inout [UInt8], indent: Int?, _ runtime: Runtime) throws(Failure) {
        try runtime.step()
        func newLine(_ level: Int) {
            guard indent != nil else { return }
            bytes.append(UInt8(ascii: "\n"))
            bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: level * 2))
        }
        let inner = indent.map { $0 + 1 }
        switch self {
        case .undefined, .null, .tailCall, .tuples: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let value): bytes.append(contentsOf: try NumberText.text(NumberText.rounded(value)).utf8)
        case .string(let value): JSON.string(value).write(into: &bytes)
        case .function: bytes.append(contentsOf: "\"\"".utf8)
        case .jsonArray, .array:
            try runtime.descend()
            bytes.append(UInt8(ascii: "["))
            for index in 0..<itemCount {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                newLine(inner ?? 0)
                try item(index).write(into: &bytes, indent: inner, runtime)
                if bytes.count > runtime.environment.limits.bytes { try runtime.charge(bytes.count) }
            }
            if itemCount > 0 { newLine(indent ?? 0) }
            bytes.append(UInt8(ascii: "]"))
            runtime.ascend()
        case .jsonObject, .object:
            try runtime.descend()
            bytes.append(UInt8(ascii: "{"))
            var isFirst = true
            for (key, value) in members where !value.isUndefined {
                if !isFirst { bytes.append(UInt8(ascii: ",")) }
                isFirst = false
                newLine(inner ?? 0)
                JSON.string(key).write(into: &bytes)
                bytes.append(contentsOf: (indent == nil ? ":" : ": ").utf8)
                try value.write(into: &bytes, indent: inner, runtime)
            }
            if !isFirst { newLine(indent ?? 0) }
            bytes.append(UInt8(ascii: "}"))
            runtime.ascend()
        }
    }
}
