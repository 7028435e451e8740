/// Functions over numbers and booleans (docs.jsonata.org, "Numeric functions", "Numeric aggregation functions", "Boolean functions").
enum NumberFunctions {
    static let all: [BuiltinTable.Definition] = [
        .init("number", "<(nsb)-:n>", arity: 1) { (call) throws(Failure) in
            switch call[0] {
            case .number: return call[0]
            case .bool(let value): return .number(value ? 1 : 0)
            case .string(let text):
                guard let value = parse(text) else {
                    throw Failure("D3030", value: call[0], details: .init(index: 1))
                }
                return .number(value)
            default: return .undefined
            }
        },
        .init("floor", "<n-:n>", arity: 1) { (call) throws(Failure) in
            guard case .number(let value) = call[0] else { return .undefined }
            return .number(value.rounded(.down))
        },
        .init("ceil", "<n-:n>", arity: 1) { (call) throws(Failure) in
            guard case .number(let value) = call[0] else { return .undefined }
            return .number(value.rounded(.up))
        },
        .init("round", "<n-n?:n>", arity: 1) { (call) throws(Failure) in
            guard case .number(let value) = call[0] else { return .undefined }
            let precision = if case .number(let places) = call[1] { places } else { 0.0 }
            return .number(round(value, precision: Int(max(min(precision, 400), -400))))
        },
        .init("abs", "<n-:n>", arity: 1) { (call) throws(Failure) in
            guard case .number(let value) = call[0] else { return .undefined }
            return .number(value.magnitude)
        },
        .init("sqrt", "<n-:n>", arity: 1) { (call) throws(Failure) in
            guard case .number(let value) = call[0] else { return .undefined }
            if value < 0 { throw Failure("D3060", value: call[0], details: .init(index: 1)) }
            return .number(value.squareRoot())
        },
        .init("power", "<n-n:n>", arity: 2) { (call) throws(Failure) in
            guard case .number(let base) = call[0] else { return .undefined }
            guard case .number(let exponent) = call[1] else { return .number(.nan) }
            let result = Power.power(base, exponent)
            if !result.isFinite {
                throw Failure("D3061", value: call[0], details: .init(index: 1, exponent: exponent))
            }
            return .number(result)
        },
        .init("sum", "<a<n>:n>", arity: 1) { (call) throws(Failure) in
            if call[0].isUndefined { return .undefined }
            return .number(try total(call[0], call.runtime))
        },
        .init("max", "<a<n>:n>", arity: 1) { (call) throws(Failure) in try extreme(call) { $0 > $1 } },
        .init("min", "<a<n>:n>", arity: 1) { (call) throws(Failure) in try extreme(call) { $0 < $1 } },
        .init("average", "<a<n>:n>", arity: 1) { (call) throws(Failure) in
            let count = call[0].itemCount
            if call[0].isUndefined || count == 0 { return .undefined }
            return .number(try total(call[0], call.runtime) / Double(count))
        },
        .init("boolean", "<x-:b>", arity: 1) { (call) throws(Failure) in
            call[0].isUndefined ? .undefined : .bool(try call[0].truth(call.runtime))
        },
        .init("not", "<x-:b>", arity: 1) { (call) throws(Failure) in
            call[0].isUndefined ? .undefined : .bool(try !call[0].truth(call.runtime))
        },
        .init("formatBase", "<n-n?:s>", arity: 2) { (call) throws(Failure) in
            guard case .number(let value) = call[0] else { return .undefined }
            var radix = 10.0
            if case .number(let given) = call[1] { radix = round(given, precision: 0) }
            guard (2...36).contains(radix) else { throw Failure("D3100", value: .number(radix)) }
            return .string(Radix.text(round(value, precision: 0), radix: Int(radix)))
        },
        .init("formatNumber", "<n-so?:s>", arity: 3) { (call) throws(Failure) in
            guard case .number(let value) = call[0] else { return .undefined }
            guard case .string(let picture) = call[1] else { return .undefined }
            return try call.runtime.string(NumberPicture(picture, options: call[2]).format(value))
        },
        .init("formatInteger", "<n-s:s>", arity: 2) { (call) throws(Failure) in
            guard case .number(let value) = call[0], case .string(let picture) = call[1] else { return .undefined }
            return try call.runtime.string(IntegerPicture(picture).format(value.rounded(.down)))
        },
        .init("parseInteger", "<s-s:n>", arity: 2) { (call) throws(Failure) in
            guard case .string(let text) = call[0], case .string(let picture) = call[1] else { return .undefined }
            return try IntegerPicture(picture).parse(text).map { .number($0) } ?? .undefined
        },
    ]

    private static func total(_ values: Value, _ runtime: Runtime) throws(Failure) -> Double {
        var sum = 0.0
        try values.forEachItem { (value) throws(Failure) in
            try runtime.step()
            if case .number(let number) = value { sum += number }
        }
        return sum
    }

    private static func extreme(
        _ call: Call, _ isBetter: (Double, Double) -> Bool
    ) throws(Failure) -> Value {
        if call[0].isUndefined { return .undefined }
        var best: Double?
        let runtime = call.runtime
        try call[0].forEachItem { (value) throws(Failure) in
            try runtime.step()
            guard case .number(let number) = value else { return }
            if let known = best, !isBetter(number, known) { return }
            best = number
        }
        return best.map { .number($0) } ?? .undefined
    }

    /// A number in JSON's notation, or in hexadecimal, octal or binary with its prefix.
    private static func parse(_ text: String) -> Double? {
        let bytes = Array(text.utf8)
        var index = 0
        func digits() -> Bool {
            let start = index
            while index < bytes.count, (0x30...0x39).contains(bytes[index]) { index += 1 }
            return index > start
        }
        if bytes.count > 2, bytes[0] == 0x30 {
            let radix: Int? =
                switch bytes[1] | 0x20 {
                case UInt8(ascii: "x"): 16
                case UInt8(ascii: "o"): 8
                case UInt8(ascii: "b"): 2
                default: nil
                }
            if let radix {
                var value = 0.0
                for byte in bytes[2...] {
                    guard let digit = Tokenizer.hexDigit(UInt16(byte)), digit < radix else { return nil }
                    value = value * Double(radix) + Double(digit)
                }
                return value
            }
        }
        if index < bytes.count, bytes[index] == UInt8(ascii: "-") { index += 1 }
        guard digits() else { return nil }
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            index += 1
            guard digits() else { return nil }
        }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            if index < bytes.count, bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-") {
                index += 1
            }
            guard digits() else { return nil }
        }
        guard index == bytes.count, let value = Double(text), value.isFinite else { return nil }
        return value
    }

    /// Rounds halves to the even neighbour, at a decimal place; the place is moved in the number's decimal text, so that 4.515
    /// is the half it looks like.
    static func round(_ value: Double, precision: Int) -> Double {
        if !value.isFinite { return value }
        func shifted(_ value: Double, by places: Int) -> Double {
            if places == 0 { return value }
            var decimal = NumberText.shortest(value)
            decimal.point += places
            return decimal.double
        }
        let moved = shifted(value, by: precision)
        if !moved.isFinite { return value }
        let result = shifted(moved.rounded(.toNearestOrEven), by: -precision)
        return result == 0 ? 0 : result
    }
}
