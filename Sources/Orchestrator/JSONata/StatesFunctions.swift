import JSON

/// What Step Functions adds to JSONata (AWS Step Functions Developer Guide, "Transforming data with JSONata in Step Functions").
enum StatesFunctions {
    static let all: [BuiltinTable.Definition] = [
        .init("partition", "<an:a>", arity: 2) { (call) throws(Failure) in
            if call[0].isUndefined || call[1].isUndefined { return .undefined }
            guard case .number(let size) = call[1], size >= 1 else { throw unfit(call[1], 2) }
            let length = Int(min(size.rounded(.down), Double(Int32.max)))
            let result = ArrayBox([])
            var chunk: [Value] = []
            for index in 0..<call[0].itemCount {
                try call.runtime.step()
                chunk.append(call[0].item(index))
                if chunk.count == length || index == call[0].itemCount - 1 {
                    try call.runtime.append(call.runtime.array(chunk), to: result)
                    chunk = []
                }
            }
            return .array(result)
        },
        .init("range", "<nnn:a>", arity: 3) { (call) throws(Failure) in
            guard case .number(let first) = call[0], case .number(let last) = call[1], case .number(let step) = call[2]
            else { return .undefined }
            guard step != 0, step.isFinite, first.isFinite, last.isFinite else { throw unfit(call[2], 3) }
            let count = ((last - first) / step).rounded(.down) + 1
            if count > 1e7 { throw Failure("D2014", value: .number(count)) }
            let result = ArrayBox([])
            for index in 0..<Int(max(count, 0)) {
                try call.runtime.step()
                try call.runtime.append(.number(first + Double(index) * step), to: result)
            }
            return .array(result)
        },
        .init("hash", "<s-s:s>", arity: 2) { (call) throws(Failure) in
            guard case .string(let text) = call[0], case .string(let name) = call[1] else { return .undefined }
            guard let algorithm = JSONataDigest(rawValue: name), let digest = call.runtime.environment.digest else {
                throw unfit(call[1], 2)
            }
            try call.runtime.step(text.utf8.count / 64)
            return try call.runtime.string(digest(algorithm, Array(text.utf8)))
        },
        .init("random", "<n?:n>", arity: 1) { (call) throws(Failure) in
            guard case .number(let seed) = call[0] else { return .number(call.runtime.random.nextUnit()) }
            var generator = SeededGenerator(seed: seed.bitPattern)
            return .number(generator.nextUnit())
        },
        .init("uuid", "<:s>", arity: 0) { (call) throws(Failure) in
            // Version 4, variant 1 (RFC 9562, 5.4).
            let high = call.runtime.random.next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
            let low = call.runtime.random.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
            func hex(_ value: UInt64, _ shift: UInt64, _ digits: Int) -> String {
                let text = String(value >> shift & (1 << (UInt64(digits) * 4) - 1), radix: 16)
                return String(repeating: "0", count: digits - text.utf8.count) + text
            }
            return .string(
                [hex(high, 32, 8), hex(high, 16, 4), hex(high, 0, 4), hex(low, 48, 4), hex(low, 0, 12)]
                    .joined(separator: "-"))
        },
        .init("parse", "<s-:x>", arity: 1) { (call) throws(Failure) in
            guard case .string(let text) = call[0] else { return .undefined }
            try call.runtime.step(text.utf8.count / 16)
            try call.runtime.charge(text.utf8.count * 4)
            do throws(JSONSyntaxError) {
                return Value(try JSON(parsing: text))
            } catch {
                throw Failure(
                    "D3150", value: call[0], details: .init(message: "The argument of the parse function is \(error)"))
            }
        },
    ]

    private static func unfit(_ value: Value, _ index: Int) -> Failure {
        Failure("T0410", value: value, details: .init(index: index))
    }
}
