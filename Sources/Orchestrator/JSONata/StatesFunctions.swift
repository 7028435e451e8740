import Encodings
import JSON
import SeededNumbers

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
            guard case .number(let seed) = call[0] else { return .number(call.runtime.random.unit()) }
            var generator = SplitMix64(seed: seed.bitPattern)
            return .number(generator.unit())
        },
        .init("uuid", "<:s>", arity: 0) { (call) throws(Failure) in
            let high = call.runtime.random.next()
            return .string(uuidText(high, call.runtime.random.next(), version: 4))
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
