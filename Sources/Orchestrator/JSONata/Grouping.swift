import OrderedCollections

/// `{key: value, ...}`, alone or after a path: items with equal keys come together, and each value is evaluated over its items.
final class Grouping: @unchecked Sendable {
    let pairs: [(key: Node, value: Node)]
    let position: Int

    init(_ pairs: [(key: Node, value: Node)], _ position: Int) {
        self.pairs = pairs
        self.position = position
    }

    private struct Group {
        let pair: Int
        var data: Value
        var tuples: [Tuple]
    }

    func evaluate(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        if case .tuples(let stream) = input { return try evaluate(stream, frame, runtime) }
        // An object constructor has one item most of the time, and then no groups to form.
        if input.itemCount == 1 || !input.isArray {
            return try single(input.isArray ? input.item(0) : input, frame, runtime)
        }
        if input.itemCount == 0 { return try single(.undefined, frame, runtime) }
        var groups: OrderedDictionary<String, Group> = [:]
        for index in 0..<input.itemCount {
            let item = input.item(index)
            for (number, pair) in pairs.enumerated() {
                guard let key = try key(pair.key.evaluate(item, frame, runtime)) else { continue }
                guard let place = groups.index(forKey: key) else {
                    try runtime.charge(key.utf8.count + 64)
                    groups[key] = Group(pair: number, data: item, tuples: [])
                    continue
                }
                if groups.values[place].pair != number { throw repeated(key) }
                if case .array(let box) = groups.values[place].data, box.isGroup {
                    try item.forEachItem { (value) throws(Failure) in try runtime.append(value, to: box) }
                } else if item.isUndefined {
                    continue
                } else {
                    let box = ArrayBox([])
                    box.isGroup = true
                    try groups.values[place].data.forEachItem { (value) throws(Failure) in
                        if !value.isUndefined { try runtime.append(value, to: box) }
                    }
                    try item.forEachItem { (value) throws(Failure) in try runtime.append(value, to: box) }
                    groups.values[place].data = .array(box)
                }
            }
        }
        let result = ObjectBox()
        for (key, group) in groups {
            let value = try pairs[group.pair].value.evaluate(group.data, frame, runtime)
            if !value.isUndefined { try runtime.set(key, of: result, to: value) }
        }
        return .object(result)
    }

    private func single(_ item: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        let result = ObjectBox()
        if pairs.allSatisfy({ $0.key is StringNode && $0.key.predicates.isEmpty }) {
            var seen: Set<String> = []
            for pair in pairs {
                guard let name = pair.key as? StringNode else { continue }
                if pairs.count > 1, !seen.insert(name.text).inserted { throw repeated(name.text) }
                let value = try pair.value.evaluate(item, frame, runtime)
                if !value.isUndefined { try runtime.set(name.text, of: result, to: value) }
            }
            return .object(result)
        }
        var keys: OrderedDictionary<String, Int> = [:]
        for (number, pair) in pairs.enumerated() {
            guard let key = try key(pair.key.evaluate(item, frame, runtime)) else { continue }
            if keys[key] != nil { throw repeated(key) }
            keys[key] = number
        }
        for (key, number) in keys {
            let value = try pairs[number].value.evaluate(item, frame, runtime)
            if !value.isUndefined { try runtime.set(key, of: result, to: value) }
        }
        return .object(result)
    }

    private func evaluate(_ stream: TupleStream, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        var groups: OrderedDictionary<String, Group> = [:]
        let tuples = stream.tuples.isEmpty ? [Tuple(item: .undefined)] : stream.tuples
        for tuple in tuples {
            let scope = tuple.frame(in: frame)
            for (number, pair) in pairs.enumerated() {
                guard let key = try key(pair.key.evaluate(tuple.item, scope, runtime)) else { continue }
                try runtime.charge(MemoryLayout<Tuple>.stride)
                if groups[key] == nil {
                    groups[key] = Group(pair: number, data: .undefined, tuples: [tuple])
                } else {
                    if groups[key]?.pair != number { throw repeated(key) }
                    groups[key]?.tuples.append(tuple)
                }
            }
        }
        let result = ObjectBox()
        for (key, group) in groups {
            let merged = try Grouping.merge(group.tuples, runtime)
            let value = try pairs[group.pair].value.evaluate(merged.item, merged.frame(in: frame), runtime)
            if !value.isUndefined { try runtime.set(key, of: result, to: value) }
        }
        return .object(result)
    }

    /// One tuple whose item and variables hold those of all.
    private static func merge(_ tuples: [Tuple], _ runtime: Runtime) throws(Failure) -> Tuple {
        guard var result = tuples.first, tuples.count > 1 else { return tuples.first ?? Tuple(item: .undefined) }
        func join(_ values: [Value]) throws(Failure) -> Value {
            let box = ArrayBox([])
            for value in values where !value.isUndefined {
                try value.forEachItem { (element) throws(Failure) in try runtime.append(element, to: box) }
            }
            return .array(box)
        }
        result.item = try join(tuples.map(\.item))
        for (index, name) in result.names.enumerated() {
            result.values[index] = try join(
                tuples.map { tuple in tuple.names.firstIndex(of: name).map { tuple.values[$0] } ?? .undefined })
        }
        return result
    }

    private func key(_ value: Value) throws(Failure) -> String? {
        switch value {
        case .undefined: return nil
        case .string(let text): return text
        default: throw Failure("T1003", position: position, value: value)
        }
    }

    private func repeated(_ key: String) -> Failure { Failure("D1009", position: position, value: .string(key)) }
}
