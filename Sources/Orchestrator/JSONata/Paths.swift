import JSON

/// A name as a step.
final class NameNode: Node, @unchecked Sendable {
    let text: String

    init(_ text: String, _ position: Int) {
        self.text = text
        super.init(position)
    }

    override var typeName: String { "name" }

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        try input.lookup(text, runtime)
    }

    /// A name and nothing more.
    var isPlain: Bool {
        stages.isEmpty && predicates.isEmpty && !isTuple && focus == nil && index == nil && ancestor == nil
            && group == nil
    }
}

/// `*`
final class WildcardNode: Node, @unchecked Sendable {
    override var typeName: String { "wildcard" }

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        var source = input
        if case .array(let box) = input, box.isOuterWrapper, box.count > 0 { source = box[0] }
        var box = ArrayBox([], isSequence: true)
        func add(_ value: Value) throws(Failure) {
            try runtime.step()
            if value.isArray {
                // What follows an array is no longer a result sequence, as concatenation makes a plain array.
                let flat = ArrayBox(box.elements)
                try WildcardNode.flatten(value, into: flat, runtime)
                box = flat
            } else {
                try runtime.append(value, to: box)
            }
        }
        if source.isArray {
            try source.forEachItem { (value) throws(Failure) in try add(value) }
        } else {
            for (_, value) in source.members { try add(value) }
        }
        return .array(box)
    }

    private static func flatten(_ value: Value, into box: ArrayBox, _ runtime: Runtime) throws(Failure) {
        try runtime.descend()
        try value.forEachItem { (element) throws(Failure) in
            try runtime.step()
            if element.isArray {
                try flatten(element, into: box, runtime)
            } else {
                try runtime.append(element, to: box)
            }
        }
        runtime.ascend()
    }
}

/// `**`
final class DescendantNode: Node, @unchecked Sendable {
    override var typeName: String { "descendant" }

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        if input.isUndefined { return .undefined }
        let results = ArrayBox([], isSequence: true)
        try DescendantNode.collect(input, into: results, runtime)
        return .array(results)
    }

    private static func collect(_ value: Value, into results: ArrayBox, _ runtime: Runtime) throws(Failure) {
        try runtime.descend()
        try runtime.step()
        if value.isArray {
            try value.forEachItem { (element) throws(Failure) in try collect(element, into: results, runtime) }
        } else {
            try runtime.append(value, to: results)
            if value.isObject { for (_, member) in value.members { try collect(member, into: results, runtime) } }
        }
        runtime.ascend()
    }
}

/// `%`
final class ParentNode: Node, @unchecked Sendable {
    let slot: AncestorSlot

    init(_ slot: AncestorSlot, _ position: Int) {
        self.slot = slot
        super.init(position)
    }

    override var typeName: String { "parent" }

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        frame.lookup(slot.label) ?? .undefined
    }
}

/// `a.b[c]^(d).e`
final class PathNode: Node, @unchecked Sendable {
    var steps: [Node]
    /// A step was marked with `[]`: the result stays an array.
    var keepsSingleton = false
    /// Each step's name, where all steps are names and nothing more.
    private(set) var names: [String]?

    init(_ steps: [Node], _ position: Int) {
        self.steps = steps
        super.init(position)
    }

    override var typeName: String { "path" }

    /// Once all is known of the steps.
    func finish() {
        names = nil
        guard group == nil, !keepsSingleton, !isTuple else { return }
        var texts: [String] = []
        for step in steps {
            guard let name = step as? NameNode, name.isPlain, !name.keepArray else { return }
            texts.append(name.text)
        }
        names = texts
    }

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        var current = input
        var start = 0
        // As long as there is one object and a name, no sequence is needed.
        if !isTuple, steps.count > 1 || names != nil { (current, start) = try walk(input, frame, runtime) }
        if start == steps.count { return try group?.evaluate(current, frame, runtime) ?? current }
        return try general(current, from: start, frame, runtime)
    }

    /// Follows leading plain names, and a leading variable, while they lead from one object to its member. Returns the value
    /// reached and the first step still to do.
    private func walk(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> (Value, Int) {
        var current = input
        var index = 0
        if let variable = steps[0] as? VariableNode, variable.stages.isEmpty, variable.predicates.isEmpty,
            !variable.isTuple, steps.count > 1, !keepsSingleton
        {
            let value = try variable.evaluate(input, frame, runtime)
            guard value.isObject else { return (input, 0) }
            current = value
            index = 1
        }
        while index < steps.count, let name = steps[index] as? NameNode, name.isPlain {
            // The last step of a grouped or kept path makes a sequence.
            if index == steps.count - 1, names == nil, group != nil || keepsSingleton { break }
            let found: Value?
            switch current {
            case .jsonObject(let members): found = members[name.text].map { Value($0) }
            case .object(let box): found = box[name.text]
            default: return (current, index)
            }
            try runtime.step()
            guard let found else { return (.undefined, steps.count) }
            if case .array(let box) = found, box.isSequence || box.isConstructed {
                // What such an array becomes depends on its flags.
                return (current, index)
            }
            current = found
            index += 1
        }
        return (current, index)
    }

    private func general(_ input: Value, from start: Int, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        // A path that begins with a variable starts from the context as one item; any other from each of its items. What
        // `walk` has reached is a sequence of its elements.
        var current =
            start == 0 && (steps[0] is VariableNode || steps[0] is ContextNode) ? Value.array(ArrayBox([input])) : input
        var tuples: [Tuple]?
        var isTupleStream = false
        for index in start..<steps.count {
            let step = steps[index]
            if step.isTuple { isTupleStream = true }
            if index == 0, step.isConstructor, !isTupleStream {
                current = try step.evaluate(current, frame, runtime)
            } else if isTupleStream {
                tuples = try tupleStep(step, current, tuples, frame, runtime)
            } else {
                current = try self.step(step, current, isLast: index == steps.count - 1, frame, runtime)
            }
            if !isTupleStream {
                if current.isUndefined { break }
                if current.isArray, current.itemCount == 0 { break }
            }
        }
        if isTupleStream {
            let stream = TupleStream(tuples ?? [])
            if isTuple, group == nil { return .tuples(stream) }
            if let group {
                return try group.evaluate(.tuples(stream), frame, runtime)
            }
            current = try runtime.array(stream.tuples.map(\.item), isSequence: true)
        }
        if keepsSingleton, case .array(let box) = current {
            if box.isConstructed, !box.isSequence {
                let wrapper = ArrayBox([current], isSequence: true)
                wrapper.keepSingleton = true
                current = .array(wrapper)
            } else {
                box.keepSingleton = true
            }
        }
        if let group { return try group.evaluate(current, frame, runtime) }
        return current
    }

    /// Evaluates a step for each item, and makes one flat sequence of what it gives.
    private func step(
        _ step: Node, _ input: Value, isLast: Bool, _ frame: Frame, _ runtime: Runtime
    ) throws(Failure) -> Value {
        if let sort = step as? SortNode {
            var result = try sort.sort(input, frame, runtime)
            for stage in step.stages {
                if case .filter(let predicate) = stage {
                    result = try Node.filter(result, predicate, frame, runtime)
                }
            }
            return result
        }
        let results = ArrayBox([], isSequence: true)
        var single: Value?
        var count = 0
        try input.forEachItem { (item) throws(Failure) in
            var value = try step.evaluate(item, frame, runtime)
            for stage in step.stages {
                if case .filter(let predicate) = stage {
                    value = try Node.filter(value, predicate, frame, runtime)
                }
            }
            if value.isUndefined { return }
            count += 1
            single = count == 1 ? value : nil
            guard value.isArray else { return try runtime.append(value, to: results) }
            if case .array(let box) = value, box.isConstructed { return try runtime.append(value, to: results) }
            if isLast, count == 1, !value.isSequence, input.itemCount == 1 { return }
            try value.forEachItem { (element) throws(Failure) in try runtime.append(element, to: results) }
        }
        // One array that is no sequence, at the end of the path, is the result as it stands.
        if isLast, let single, single.isArray, !single.isSequence { return single }
        return .array(results)
    }

    /// The same for a path that binds variables on its way.
    private func tupleStep(
        _ step: Node, _ input: Value, _ tuples: [Tuple]?, _ frame: Frame, _ runtime: Runtime
    ) throws(Failure) -> [Tuple] {
        var result: [Tuple] = []
        if let sort = step as? SortNode {
            if let tuples {
                result = try sort.sortTuples(tuples, frame, runtime)
            } else {
                let sorted = try sort.sort(input, frame, runtime)
                for (index, item) in sorted.items.enumerated() {
                    var tuple = Tuple(item: item)
                    if let name = step.index { tuple.bind(name, .integer(index)) }
                    result.append(tuple)
                }
            }
            return try tupleStages(step, result, frame, runtime)
        }
        var sources = tuples
        if sources == nil { sources = input.items.map { Tuple(item: $0) } }
        for source in sources ?? [] {
            let value = try step.evaluate(source.item, source.names.isEmpty ? frame : source.frame(in: frame), runtime)
            if value.isUndefined { continue }
            if case .tuples(let stream) = value {
                for inner in stream.tuples {
                    var tuple = source
                    tuple.bindAll(of: inner)
                    try add(tuple, to: &result, runtime)
                }
                continue
            }
            for index in 0..<value.itemCount {
                var tuple = source
                if let focus = step.focus {
                    tuple.bind(focus, value.item(index))
                } else {
                    tuple.item = value.item(index)
                }
                if let name = step.index { tuple.bind(name, .integer(index)) }
                if let ancestor = step.ancestor { tuple.bind(ancestor.label, source.item) }
                try add(tuple, to: &result, runtime)
            }
        }
        return try tupleStages(step, result, frame, runtime)
    }

    private func add(_ tuple: Tuple, to result: inout [Tuple], _ runtime: Runtime) throws(Failure) {
        try runtime.step()
        try runtime.charge(MemoryLayout<Tuple>.stride + tuple.names.count * (MemoryLayout<Value>.stride + 8))
        result.append(tuple)
    }

    private func tupleStages(
        _ step: Node, _ tuples: [Tuple], _ frame: Frame, _ runtime: Runtime
    ) throws(Failure) -> [Tuple] {
        var result = tuples
        for stage in step.stages {
            switch stage {
            case .filter(let predicate):
                guard
                    case .tuples(let stream) = try Node.filter(
                        .tuples(TupleStream(result)), predicate, frame, runtime)
                else { preconditionFailure("a filtered stream of tuples is one") }
                result = stream.tuples
            case .index(let name):
                for index in result.indices { result[index].bind(name, .integer(index)) }
            }
        }
        return result
    }
}
