import HashTreeCollections

/// The open scopes of an execution. A persistent tree: a copy of an execution with ten thousand open scopes shares them
/// all, and a change to one of them copies the few nodes on the way to it.
public struct ScopeTable: Sendable, Hashable {
    private var tree: TreeDictionary<ScopeID, Shared<Scope>> = [:]

    public subscript(id: ScopeID) -> Scope? { tree[id]?.value }

    public var count: Int { tree.count }

    /// In no particular order.
    public var keys: some Sequence<ScopeID> { tree.keys }

    /// In no particular order.
    public var values: some Sequence<Scope> { tree.values.lazy.map(\.value) }

    mutating func insert(_ scope: Scope) { tree[scope.id] = Shared(scope) }

    mutating func remove(_ id: ScopeID) -> Scope? { tree.removeValue(forKey: id)?.value }

    mutating func removeAll() { tree = [:] }

    /// Changes an open scope in place.
    mutating func change<Result>(_ id: ScopeID, _ body: (inout Scope) -> Result) -> Result {
        guard tree[id] != nil else { preconditionFailure("scope \(id) is not open") }
        return body(&tree[id]!.value)
    }
}

/// Scopes whose current state waits to be evaluated, first come, first served.
public struct RunQueue: Sendable, Hashable, Sequence {
    private var turns: TreeDictionary<Int, ScopeID> = [:]
    private var turnOf: TreeDictionary<ScopeID, Int> = [:]
    private var head = 0
    private var tail = 0

    public var isEmpty: Bool { turns.isEmpty }
    public var count: Int { turns.count }

    /// The scope whose turn it is.
    public var first: ScopeID? { turns[head] }

    public func makeIterator() -> some IteratorProtocol<ScopeID> {
        turns.sorted { $0.key < $1.key }.lazy.map(\.value).makeIterator()
    }

    mutating func append(_ scope: ScopeID) {
        if let turn = turnOf[scope] {
            preconditionFailure("scope \(scope) waits already, at turn \(turn)")
        }
        turns[tail] = scope
        turnOf[scope] = tail
        tail += 1
    }

    mutating func remove(_ scope: ScopeID) {
        guard let turn = turnOf.removeValue(forKey: scope) else { return }
        turns[turn] = nil
        if turns.isEmpty {
            head = 0
            tail = 0
        } else {
            while turns[head] == nil { head += 1 }
        }
    }

    mutating func removeAll() { self = RunQueue() }
}
