public import JSON

/// A payload in an effect: written out once, and named by where it already is ever after.
public enum Payload: Sendable, Hashable {
    case value(JSON)
    /// What flows in the scope: its input, or the output of the state before.
    case data
    /// The raw input of the scope's current state.
    case input
    /// The item of the Map iteration.
    case item
    /// What the last attempt of the current task gave, or the result document of a Map Run.
    case result
    /// What the children of the current Parallel or Map state gave, as an array in their order.
    case children
    /// An item of the current Map state.
    case element(Int)
    /// Items of the current Map state as the input of a child execution: `{"Items": [...], "BatchInput": ...}`.
    case batch(first: Int, count: Int, input: JSON?)
}

extension Payload {
    /// A value is wrapped in an array of one, so that no payload can be mistaken for a reference.
    var json: JSON {
        switch self {
        case .value(let value): [value]
        case .data: "data"
        case .input: "input"
        case .item: "item"
        case .result: "result"
        case .children: "children"
        case .element(let index): ["element": .integer(index)]
        case .batch(let first, let count, let input):
            .members(("first", .integer(first)), ("count", .integer(count)), ("input", input))
        }
    }

    init?(json: JSON) {
        switch json {
        case .array(let elements) where elements.count == 1: self = .value(elements[0])
        case .string("data"): self = .data
        case .string("input"): self = .input
        case .string("item"): self = .item
        case .string("result"): self = .result
        case .string("children"): self = .children
        case .object(let members):
            if let index = members["element"]?.integerValue {
                self = .element(index)
                return
            }
            guard let first = members["first"]?.integerValue, let count = members["count"]?.integerValue, first >= 0,
                count > 0
            else { return nil }
            self = .batch(first: first, count: count, input: members["input"])
        case .null, .bool, .integer, .double, .string, .array: return nil
        }
    }
}

extension Execution {
    /// The value that a payload of an effect names in a scope.
    public func resolve(_ payload: Payload, in scope: ScopeID) -> JSON {
        if case .value(let value) = payload { return value }
        guard let shared = scopes.shared(scope) else { preconditionFailure("scope \(scope) is not open") }
        return resolve(payload, in: shared)
    }

    private func resolve(_ payload: Payload, in scope: Shared<Scope>) -> JSON {
        let id = scope.value.id
        switch payload {
        case .value(let value): return value
        case .data, .result: return scope.value.data
        case .item:
            guard let item = scope.value.item else { preconditionFailure("scope \(id) is no iteration") }
            return item
        case .input:
            guard let entry = scope.value.entry else { preconditionFailure("scope \(id) is between states") }
            return entry.input
        case .children:
            guard let branches = scope.value.entry?.branches else { preconditionFailure("scope \(id) has no children") }
            // With an ItemBatcher a Map state has fewer children than items.
            let count = branches.mapRun == nil ? branches.total : branches.next
            return .array((0..<count).map { branches.outputs[$0] ?? .null })
        case .element(let index):
            guard let item = scope.value.entry?.branches?.items?[index] else {
                preconditionFailure("scope \(id) is in no Map state")
            }
            return item
        case .batch(let first, let count, let input):
            guard let items = scope.value.entry?.branches?.items, first + count <= items.count else {
                preconditionFailure("scope \(id) is in no Map state with that many items")
            }
            return .members(("BatchInput", input), ("Items", .array(Array(items[first..<first + count]))))
        }
    }
}
