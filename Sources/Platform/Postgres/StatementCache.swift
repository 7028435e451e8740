/// Which statements a connection has prepared. Parsing and planning a long statement costs the server more than carrying it
/// out for a few rows, so one that comes again and again is prepared; what is asked once is not.
struct StatementCache {
    /// A statement is told apart by its text and its parameters' types, which the server infers where they are not given.
    struct Key: Hashable {
        let sql: String
        let types: [UInt32]
    }

    enum Use {
        case plain
        /// To be prepared under this name first.
        case prepare(String)
        case prepared
    }

    private enum State {
        case seen(Int)
        case prepared(String)
        /// Its result changes, or somebody discards it.
        case givenUp
    }

    /// From which time on.
    static let threshold = 3
    /// The most statements remembered: what a connection sends is written in the program, and so few.
    static let limit = 200

    private var states: [Key: State] = [:]
    private var nextName = 0

    /// Counts a use.
    mutating func use(_ key: Key) -> Use {
        switch states[key] {
        case .prepared: return .prepared
        case .givenUp: return .plain
        case .seen(let count) where count + 1 >= Self.threshold:
            nextName += 1
            return .prepare("showrunner-\(nextName)")
        case .seen(let count):
            states[key] = .seen(count + 1)
            return .plain
        case nil:
            if states.count < Self.limit { states[key] = .seen(1) }
            return .plain
        }
    }

    func name(of key: Key) -> String? {
        if case .prepared(let name) = states[key] { name } else { nil }
    }

    mutating func keep(_ key: Key, _ name: String) { states[key] = .prepared(name) }

    mutating func giveUp(_ key: Key) { states[key] = .givenUp }
}
