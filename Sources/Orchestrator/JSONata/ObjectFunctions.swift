/// Functions over objects and values of any kind (docs.jsonata.org, "Object functions").
enum ObjectFunctions {
    static let all: [BuiltinTable.Definition] = [
        .init("keys", "<x-:a<s>>", arity: 1) { (call) throws(Failure) in
            let result = ArrayBox([], isSequence: true)
            var seen: Set<String> = []
            let runtime = call.runtime
            func collect(_ value: Value) throws(Failure) {
                try runtime.step()
                if value.isArray {
                    try runtime.descend()
                    try value.forEachItem { (element) throws(Failure) in try collect(element) }
                    runtime.ascend()
                } else {
                    for (key, _) in value.members where seen.insert(key).inserted {
                        try runtime.append(.string(key), to: result)
                    }
                }
            }
            try collect(call[0])
            return .array(result)
        },
        .init("lookup", "<x-s:x>", arity: 2) { (call) throws(Failure) in
            guard case .string(let key) = call[1] else { return .undefined }
            return try call[0].lookup(key, call.runtime)
        },
        .init("spread", "<x-:a<o>>", arity: 1) { (call) throws(Failure) in
            let result = ArrayBox([], isSequence: true)
            let runtime = call.runtime
            if !call[0].isArray, !call[0].isObject { return call[0] }
            func spread(_ value: Value) throws(Failure) {
                try runtime.step()
                if value.isArray {
                    try runtime.descend()
                    try value.forEachItem { (element) throws(Failure) in try spread(element) }
                    runtime.ascend()
                } else if value.isObject {
                    for (key, member) in value.members {
                        try runtime.append(.object(ObjectBox([key: member])), to: result)
                    }
                } else {
                    try runtime.append(value, to: result)
                }
            }
            try spread(call[0])
            return .array(result)
        },
        .init("merge", "<a<o>:o>", arity: 1) { (call) throws(Failure) in
            if call[0].isUndefined { return .undefined }
            let result = ObjectBox()
            let runtime = call.runtime
            try call[0].forEachItem { (object) throws(Failure) in
                for (key, value) in object.members {
                    try runtime.step()
                    try runtime.set(key, of: result, to: value)
                }
            }
            return .object(result)
        },
        .init("clone", "<(oa)-:o>", arity: 1) { (call) throws(Failure) in
            try call[0].clonedForChange(call.runtime)
        },
        .init("type", "<x:s>", arity: 1) { (call) throws(Failure) in
            switch call[0] {
            case .undefined, .tailCall, .tuples: .undefined
            case .null: .string("null")
            case .bool: .string("boolean")
            case .number: .string("number")
            case .string: .string("string")
            case .jsonArray, .array: .string("array")
            case .jsonObject, .object: .string("object")
            case .function: .string("function")
            }
        },
        .init("error", "<s?:x>", arity: 1) { (call) throws(Failure) in
            throw stopped("D3137", call[0], otherwise: "$error() function evaluated")
        },
        .init("assert", "<bs?:x>", arity: 2) { (call) throws(Failure) in
            if case .bool(true) = call[0] { return .undefined }
            throw stopped("D3141", call[1], otherwise: "$assert() statement failed")
        },
    ]

    /// An error that the author of the expression raised.
    private static func stopped(_ code: String, _ message: Value, otherwise: String) -> Failure {
        let text = if case .string(let given) = message, !given.isEmpty { given } else { otherwise }
        return Failure(code, value: .string(text), details: .init(message: text))
    }
}
