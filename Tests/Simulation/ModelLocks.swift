import OrderedCollections

/// Who is inserting which key, and who waits for whom: a key that is being inserted is waited for until its statement has
/// committed or ended.
final class ModelLocks {
    enum Key: Hashable, CustomStringConvertible {
        case name(ModelDatabase.Name)
        case row(String, Int64)

        var isName: Bool { if case .name = self { true } else { false } }

        var description: String {
            switch self {
            case .name(let name): "\(name.machine):\(name.name)"
            case .row(let id, let seq): "\(id.suffix(6)):\(seq)"
            }
        }
    }

    private struct Waiter {
        let key: Key
        /// Is called when the key's holder is gone: whether the key is there has to be looked at again.
        let goOn: () -> Void
    }

    private var holders: [Key: Int] = [:]
    private var waiters: OrderedDictionary<Int, Waiter> = [:]

    /// True where the statement has the key now; otherwise it waits, and tries again when it is called.
    func take(_ key: Key, for statement: Int, _ goOn: @escaping () -> Void) -> Bool {
        guard let holder = holders[key], holder != statement else {
            holders[key] = statement
            return true
        }
        waiters[statement] = Waiter(key: key, goOn: goOn)
        return false
    }

    /// A statement has committed, or ended without that.
    func release(_ statement: Int) {
        waiters[statement] = nil
        let freed = Set(holders.filter { $0.value == statement }.keys)
        for key in freed { holders[key] = nil }
        for (waiting, waiter) in waiters where freed.contains(waiter.key) {
            waiters[waiting] = nil
            waiter.goOn()
        }
    }

    func isWaiting(_ statement: Int) -> Bool { waiters[statement] != nil }

    /// The statements that wait for each other, this one among them; nil where it waits for one that goes on.
    func circle(of statement: Int) -> String? {
        var path: [String] = []
        var current = statement
        while let waiter = waiters[current], let holder = holders[waiter.key] {
            path.append("#\(current) waits for \(waiter.key)")
            if holder == statement { return path.joined(separator: ", ") }
            if path.count > waiters.count { return nil }
            current = holder
        }
        return nil
    }
}
