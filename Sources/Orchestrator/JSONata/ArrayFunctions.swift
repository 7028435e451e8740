import SeededNumbers

/// Functions over arrays (docs.jsonata.org, "Array functions").
enum ArrayFunctions {
    static let all: [BuiltinTable.Definition] = [
        .init("count", "<a:n>", arity: 1) { (call) throws(Failure) in
            .integer(call[0].isUndefined ? 0 : call[0].itemCount)
        },
        .init("append", "<xx:a>", arity: 2) { (call) throws(Failure) in
            try Value.concatenate(call[0], call[1], call.runtime)
        },
        .init("exists", "<x:b>", arity: 1) { (call) throws(Failure) in .bool(!call[0].isUndefined) },
        .init("reverse", "<a:a>", arity: 1) { (call) throws(Failure) in
            if call[0].isUndefined || call[0].itemCount <= 1 { return call[0] }
            try call.runtime.step(call[0].itemCount)
            return try call.runtime.array(call[0].items.reversed())
        },
        .init("shuffle", "<a:a>", arity: 1) { (call) throws(Failure) in
            if call[0].isUndefined || call[0].itemCount <= 1 { return call[0] }
            var items = call[0].items
            try call.runtime.step(items.count)
            for index in stride(from: items.count - 1, to: 0, by: -1) {
                items.swapAt(index, call.runtime.random.below(index + 1))
            }
            return try call.runtime.array(items)
        },
        .init("distinct", "<x:x>", arity: 1) { (call) throws(Failure) in
            guard call[0].isArray, call[0].itemCount > 1 else { return call[0] }
            let result = ArrayBox([], isSequence: call[0].isSequence)
            // Scalars are found by hash; only arrays and objects are compared one by one.
            var seen: Set<ScalarKey> = []
            var composites: [Value] = []
            for index in 0..<call[0].itemCount {
                try call.runtime.step()
                let item = call[0].item(index)
                if let key = ScalarKey(item) {
                    if !seen.insert(key).inserted { continue }
                } else {
                    var isKnown = false
                    for known in composites where !isKnown {
                        try call.runtime.step()
                        isKnown = try known.equals(item, call.runtime)
                    }
                    if isKnown { continue }
                    composites.append(item)
                }
                try call.runtime.append(item, to: result)
            }
            return .array(result)
        },
        .init("sort", "<af?:a>", arity: 2) { (call) throws(Failure) in
            if call[0].isUndefined { return .undefined }
            let items = call[0].items
            if items.count <= 1 { return call[0].isArray ? call[0] : try call.runtime.array(items) }
            let comparator = call[1]
            let runtime = call.runtime
            let whole = call
            if !comparator.isUndefined {
                return try runtime.array(
                    MergeSort.sort(items, runtime) { (a, b) throws(Failure) in
                        try runtime.applyIteratee(comparator, [a, b], whole).truth(runtime)
                    })
            }
            var numbers = 0
            var strings = 0
            for item in items {
                if case .number = item { numbers += 1 }
                if case .string = item { strings += 1 }
            }
            guard numbers == items.count || strings == items.count else {
                throw Failure("D3070", details: .init(index: 1))
            }
            return try runtime.array(
                MergeSort.sort(items, runtime) { (a, b) throws(Failure) in
                    switch (a, b) {
                    case (.number(let x), .number(let y)): x > y
                    case (.string(let x), .string(let y)): y.precedes(x)
                    default: false
                    }
                })
        },
        .init("zip", "<a+>", arity: 0) { (call) throws(Failure) in
            let result = ArrayBox([])
            let count = call.arguments.map { $0.isUndefined ? 0 : $0.itemCount }.min() ?? 0
            for index in 0..<count {
                try call.runtime.step()
                let tuple = try call.runtime.array(call.arguments.map { $0.item(index) })
                try call.runtime.append(tuple, to: result)
            }
            return .array(result)
        },
    ]

    private enum ScalarKey: Hashable {
        case null
        case bool(Bool)
        case number(Double)
        case string([UInt8])

        init?(_ value: Value) {
            switch value {
            case .null: self = .null
            case .bool(let value): self = .bool(value)
            case .number(let value): self = .number(value == 0 ? 0 : value)
            case .string(let value): self = .string(Array(value.utf8))
            default: return nil
            }
        }
    }
}
