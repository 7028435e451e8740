/// A value that its holders share until one of them changes it. Copying costs one reference count however large the
/// value is, so that the nodes of a tree which hold many of them are cheap to copy.
struct Shared<Value: Sendable & Hashable>: Sendable, Hashable {
    /// Written only while it has a single holder; that makes it safe to send.
    private final class Storage: @unchecked Sendable {
        var value: Value

        init(_ value: Value) { self.value = value }
    }

    private var storage: Storage

    init(_ value: Value) { storage = Storage(value) }

    var value: Value {
        _read { yield storage.value }
        _modify {
            if !isKnownUniquelyReferenced(&storage) { storage = Storage(storage.value) }
            yield &storage.value
        }
    }

    static func == (left: Shared, right: Shared) -> Bool {
        left.storage === right.storage || left.storage.value == right.storage.value
    }

    func hash(into hasher: inout Hasher) { hasher.combine(storage.value) }
}
