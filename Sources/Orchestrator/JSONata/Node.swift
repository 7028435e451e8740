/// A node of a compiled expression. Each kind is a class of its own, so that evaluating one needs a small stack frame.
///
/// Built by `Compiler` and never changed after it, hence safe to share between threads.
class Node: @unchecked Sendable {
    let position: Int
    /// Predicates outside of a path; within one they are the step's stages.
    var predicates: [Node] = []
    /// Predicates and position bindings of a step of a path.
    var stages: [Stage] = []
    /// `path[]`: the result stays an array.
    var keepArray = false
    /// An array constructor at the start or the end of a path, which is not flattened.
    var isConstructor = false
    /// As a step: carries variables along the path.
    var isTuple = false
    /// As a step: the variable that holds its item (`@$v`), or its index (`#$i`).
    var focus: Int?
    var index: Int?
    /// As a step: where a later `%` finds the item this step starts from.
    var ancestor: AncestorSlot?
    /// What `%` in this node looks for and has not found within it.
    var seeking: [AncestorSlot] = []
    var group: Grouping?

    enum Stage {
        case filter(Node)
        case index(Int)
    }

    init(_ position: Int) { self.position = position }

    /// What errors call this kind of node.
    var typeName: String { "" }

    /// The value, before predicates and grouping. Overridden by each kind.
    func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        preconditionFailure("every kind of node says how it is evaluated")
    }

    /// The value of the node for an input. What is rare is done elsewhere: this frame lies on the stack once for each level.
    final func evaluate(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        try runtime.step()
        try runtime.descend()
        let result = try run(input, frame, runtime)
        runtime.ascend()
        if predicates.isEmpty, group == nil {
            guard case .array(let box) = result, box.isSequence else { return result }
        }
        return try finish(result, frame, runtime)
    }

    /// Applies predicates and grouping, and shows a sequence as the language does.
    @inline(never)
    private func finish(_ value: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        var result = value
        if !predicates.isEmpty || group != nil {
            try runtime.descend()
            for predicate in predicates { result = try Node.filter(result, predicate, frame, runtime) }
            if let group, !(self is PathNode) { result = try group.evaluate(result, frame, runtime) }
            runtime.ascend()
        }
        guard case .array(let box) = result, box.isSequence else { return result }
        if keepArray { box.keepSingleton = true }
        return result.unwrapped
    }

    /// The items for which a predicate holds: those at its number, or those for which it is true.
    static func filter(
        _ input: Value, _ predicate: Node, _ frame: Frame, _ runtime: Runtime
    ) throws(Failure) -> Value {
        if case .tuples(let stream) = input { return try filterTuples(stream, predicate, frame, runtime) }
        let count = input.itemCount
        if let literal = predicate as? NumberNode, predicate.predicates.isEmpty {
            guard let index = position(literal.value, count) else { return .array(ArrayBox([], isSequence: true)) }
            let item = input.item(index)
            if item.isUndefined { return .array(ArrayBox([], isSequence: true)) }
            return item.isArray ? item : try runtime.array([item], isSequence: true)
        }
        let results = ArrayBox([], isSequence: true)
        for index in 0..<count {
            let item = input.item(index)
            let verdict = try predicate.evaluate(item, frame, runtime)
            if try holds(verdict, at: index, of: count, runtime) { try runtime.append(item, to: results) }
        }
        return .array(results)
    }

    private static func filterTuples(
        _ stream: TupleStream, _ predicate: Node, _ frame: Frame, _ runtime: Runtime
    ) throws(Failure) -> Value {
        let count = stream.tuples.count
        if let literal = predicate as? NumberNode {
            return .tuples(TupleStream(position(literal.value, count).map { [stream.tuples[$0]] } ?? []))
        }
        var kept: [Tuple] = []
        for (index, tuple) in stream.tuples.enumerated() {
            let verdict = try predicate.evaluate(tuple.item, tuple.frame(in: frame), runtime)
            if try holds(verdict, at: index, of: count, runtime) { kept.append(tuple) }
        }
        return .tuples(TupleStream(kept))
    }

    /// The place a number names, counted from the end if it is negative.
    private static func position(_ number: Double, _ count: Int) -> Int? {
        guard let place = Int(exactly: number.rounded(.down)) else { return nil }
        let index = place < 0 ? count + place : place
        return (0..<count).contains(index) ? index : nil
    }

    private static func holds(
        _ verdict: Value, at index: Int, of count: Int, _ runtime: Runtime
    ) throws(Failure) -> Bool {
        switch verdict {
        case .number(let value):
            try Arithmetic.checkFinite(value)
            return position(value, count) == index
        case .array, .jsonArray:
            let places = verdict.itemCount
            guard case .number = places > 0 ? verdict.item(0) : .integer(0) else { return try verdict.truth(runtime) }
            var isHit = false
            for place in 0..<places {
                try runtime.step()
                guard case .number(let value) = verdict.item(place) else { return try verdict.truth(runtime) }
                if position(value, count) == index { isHit = true }
            }
            return isHit
        default: return try verdict.truth(runtime)
        }
    }
}

/// Under which variable a step leaves the item it starts from, for the `%` of later steps.
final class AncestorSlot: @unchecked Sendable {
    var label: Int
    /// How many steps back it still is.
    var level = 1

    init(label: Int) { self.label = label }
}
