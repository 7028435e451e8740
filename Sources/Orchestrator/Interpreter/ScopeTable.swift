import HashTreeCollections

/// The open scopes of an execution. All but the machine's own lie in a persistent tree: a copy of an execution with ten
/// thousand open scopes shares them all, and a change to one of them copies the few nodes on the way to it.
public struct ScopeTable: Sendable, Hashable {
    /// Scope 0, which most executions have alone.
    private var root: Shared<Scope>?
    private var others: TreeDictionary<ScopeID, Shared<Scope>> = [:]

    /// A copy of a scope; ``shared(_:)`` reads parts of it for less.
    public subscript(id: ScopeID) -> Scope? { shared(id)?.value }

    /// A scope to read parts of.
    func shared(_ id: ScopeID) -> Shared<Scope>? { id == 0 ? root : others[id] }

    public var count: Int { others.count + (root == nil ? 0 : 1) }

    /// In no particular order.
    public var keys: [ScopeID] { (root == nil ? [] : [0]) + others.keys }

    /// In no particular order.
    public var values: [Scope] { (root.map { [$0.value] } ?? []) + others.values.map(\.value) }

    func allShared(_ holds: (Scope) -> Bool) -> Bool {
        (root.map { holds($0.value) } ?? true) && others.allSatisfy { holds($0.value.value) }
    }

    mutating func insert(_ scope: Scope) {
        if scope.id == 0 {
            root = Shared(scope)
        } else {
            others[scope.id] = Shared(scope)
        }
    }

    mutating func remove(_ id: ScopeID) -> Scope? {
        if id == 0 {
            defer { root = nil }
            return root?.value
        }
        return others.removeValue(forKey: id)?.value
    }

    mutating func removeAll() { self = ScopeTable() }

    /// Changes an open scope in place.
    mutating func change<Result>(_ id: ScopeID, _ body: (inout Scope) -> Result) -> Result {
        if id == 0 {
            guard root != nil else { preconditionFailure("the machine's scope is not open") }
            return body(&root!.value)
        }
        guard others[id] != nil else { preconditionFailure("scope \(id) is not open") }
        return body(&others[id]!.value)
    }
}

/// Numbers by number, in a persistent tree; a single pair, which most executions have at most, needs none.
struct NumberMap: Sendable, Hashable {
    private var single: Pair?
    private var tree: TreeDictionary<Int, Int> = [:]

    private struct Pair: Sendable, Hashable {
        let key: Int
        let value: Int
    }

    subscript(key: Int) -> Int? { if let single, single.key == key { single.value } else { tree[key] } }

    var isEmpty: Bool { single == nil && tree.isEmpty }
    var count: Int { tree.count + (single == nil ? 0 : 1) }

    /// In no particular order.
    var pairs: [(key: Int, value: Int)] {
        (single.map { [($0.key, $0.value)] } ?? []) + tree.map { ($0.key, $0.value) }
    }

    mutating func insert(_ value: Int, for key: Int) {
        if single == nil, tree.isEmpty {
            single = Pair(key: key, value: value)
        } else {
            tree[key] = value
        }
    }

    @discardableResult
    mutating func remove(_ key: Int) -> Int? {
        if let pair = single, pair.key == key {
            single = nil
            return pair.value
        }
        return tree.isEmpty ? nil : tree.removeValue(forKey: key)
    }

    mutating func removeAll() { self = NumberMap() }

    // Where a pair lies is no part of the value.
    static func == (left: NumberMap, right: NumberMap) -> Bool {
        left.single == right.single && left.tree == right.tree
            || left.count == right.count && left.pairs.allSatisfy { right[$0.key] == $0.value }
    }

    func hash(into hasher: inout Hasher) { hasher.combine(count) }
}

/// The scope of each open entry.
public struct EntryMap: Sendable, Hashable {
    private var scopes = NumberMap()

    public subscript(entry: EntryID) -> ScopeID? { scopes[entry] }

    public var count: Int { scopes.count }

    mutating func insert(_ scope: ScopeID, for entry: EntryID) { scopes.insert(scope, for: entry) }

    mutating func remove(_ entry: EntryID) { scopes.remove(entry) }

    mutating func removeAll() { scopes.removeAll() }
}

/// Scopes whose current state waits to be evaluated, first come, first served.
public struct RunQueue: Sendable, Hashable, Sequence {
    /// Scopes by turn. The turn of each stands in its entry too.
    private var turns = NumberMap()
    private var head = 0
    private var tail = 0

    public var isEmpty: Bool { turns.isEmpty }
    public var count: Int { turns.count }

    /// The scope whose turn it is.
    public var first: ScopeID? { turns[head] }

    public func makeIterator() -> some IteratorProtocol<ScopeID> {
        turns.pairs.sorted { $0.key < $1.key }.map(\.value).makeIterator()
    }

    /// Gives the scope's turn.
    mutating func append(_ scope: ScopeID) -> Int {
        defer { tail += 1 }
        turns.insert(scope, for: tail)
        return tail
    }

    mutating func remove(turn: Int) {
        turns.remove(turn)
        if turns.isEmpty {
            head = 0
            tail = 0
        } else {
            while turns[head] == nil { head += 1 }
        }
    }

    mutating func removeAll() { self = RunQueue() }
}

extension RunQueue {
    /// All of it, for a snapshot; turns in their order.
    var places: (head: Int, tail: Int, turns: [(turn: Int, scope: ScopeID)]) {
        (head, tail, turns.pairs.sorted { $0.key < $1.key }.map { (turn: $0.key, scope: $0.value) })
    }

    init(head: Int, tail: Int, turns: [(Int, ScopeID)]) {
        self.head = head
        self.tail = tail
        for (turn, scope) in turns { self.turns.insert(scope, for: turn) }
    }
}
