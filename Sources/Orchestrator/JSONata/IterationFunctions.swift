/// Functions that call a function for each of several things (docs.jsonata.org, "Higher order functions").
enum IterationFunctions {
    static let all: [BuiltinTable.Definition] = [
        .init("map", "<af>", arity: 2) { (call) throws(Failure) in
            if call[0].isUndefined { return .undefined }
            let iteratee = Iteratee(call[1], over: call[0], call)
            let result = ArrayBox([], isSequence: true)
            for index in 0..<call[0].itemCount {
                let value = try iteratee.call(call[0].item(index), .integer(index))
                if !value.isUndefined { try call.runtime.append(value, to: result) }
            }
            return .array(result)
        },
        .init("filter", "<af>", arity: 2) { (call) throws(Failure) in
            if call[0].isUndefined { return .undefined }
            let iteratee = Iteratee(call[1], over: call[0], call)
            let result = ArrayBox([], isSequence: true)
            for index in 0..<call[0].itemCount {
                let item = call[0].item(index)
                if try iteratee.call(item, .integer(index)).truth(call.runtime) {
                    try call.runtime.append(item, to: result)
                }
            }
            return .array(result)
        },
        .init("single", "<af?>", arity: 2) { (call) throws(Failure) in
            if call[0].isUndefined { return .undefined }
            let iteratee = call[1].isUndefined ? nil : Iteratee(call[1], over: call[0], call)
            var found: Value?
            for index in 0..<call[0].itemCount {
                let item = call[0].item(index)
                try call.runtime.step()
                guard try iteratee?.call(item, .integer(index)).truth(call.runtime) ?? true else { continue }
                if found != nil { throw Failure("D3138", details: .init(index: index)) }
                found = item
            }
            guard let found else { throw Failure("D3139") }
            return found
        },
        .init("reduce", "<afj?:j>", arity: 3) { (call) throws(Failure) in
            if call[0].isUndefined { return .undefined }
            guard case .function(let function) = call[1], function.arity >= 2 else {
                throw Failure("D3050", details: .init(index: 1))
            }
            let count = call[0].itemCount
            var result = call[2]
            var index = 0
            if result.isUndefined, count > 0 {
                result = call[0].item(0)
                index = 1
            }
            while index < count {
                var arguments = [result, call[0].item(index)]
                if function.arity >= 3 { arguments.append(.integer(index)) }
                if function.arity >= 4 { arguments.append(call[0]) }
                result = try call.runtime.applyIteratee(call[1], arguments, call)
                index += 1
            }
            return result
        },
        .init("each", "<o-f:a>", arity: 2) { (call) throws(Failure) in
            let iteratee = Iteratee(call[1], over: call[0], call)
            let result = ArrayBox([], isSequence: true)
            for (key, value) in call[0].members {
                let value = try iteratee.call(value, .string(key))
                if !value.isUndefined { try call.runtime.append(value, to: result) }
            }
            return .array(result)
        },
        .init("sift", "<o-f?:o>", arity: 2) { (call) throws(Failure) in
            if call[1].isUndefined { return .undefined }
            let iteratee = Iteratee(call[1], over: call[0], call)
            let result = ObjectBox()
            for (key, value) in call[0].members
            where try iteratee.call(value, .string(key)).truth(call.runtime) {
                try call.runtime.set(key, of: result, to: value)
            }
            return result.members.isEmpty ? .undefined : .object(result)
        },
    ]

    /// A function called with an item, its index or name, and the whole, as many of them as it declares.
    private struct Iteratee {
        private let function: Value
        private let arity: Int
        private let whole: Value
        private let call: Call

        init(_ function: Value, over whole: Value, _ call: Call) {
            self.function = function
            self.whole = whole
            self.call = call
            if case .function(let known) = function { arity = known.arity } else { arity = 0 }
        }

        func call(_ item: Value, _ place: Value) throws(Failure) -> Value {
            let arguments: [Value] =
                switch arity {
                case ...1: [item]
                case 2: [item, place]
                default: [item, place, whole]
                }
            return try call.runtime.applyIteratee(function, arguments, call)
        }
    }
}
