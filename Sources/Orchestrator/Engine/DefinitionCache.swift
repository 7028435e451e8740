import Cryptography
import Interpreter
import OrderedCollections
import StatesLanguage

/// A definition's text, as it was given, and the machine that it describes.
struct ParsedDefinition: Sendable {
    let hash: String
    let text: String
    /// What all its executions in memory share.
    let plan: MachinePlan

    var machine: StateMachine { plan.machine }

    init(text: String, machine: StateMachine) {
        self.hash = SHA256.hash(text).hex
        self.text = text
        plan = MachinePlan(machine)
    }

    init(hash: String, text: String, machine: StateMachine) {
        self.hash = hash
        self.text = text
        plan = MachinePlan(machine)
    }
}

/// The definitions used last: starting an execution reads and parses nothing. What is dropped is read again when it is
/// needed.
struct DefinitionCache {
    private var entries: OrderedDictionary<String, ParsedDefinition> = [:]
    private var bytes = 0

    /// Of texts; the parsed machine takes a few times as much.
    static let maximumBytes = 32 << 20
    static let maximumCount = 1_000

    mutating func find(_ hash: String) -> ParsedDefinition? {
        guard let found = entries.removeValue(forKey: hash) else { return nil }
        entries[hash] = found
        return found
    }

    mutating func keep(_ definition: ParsedDefinition) {
        if let former = entries.removeValue(forKey: definition.hash) { bytes -= former.text.utf8.count }
        entries[definition.hash] = definition
        bytes += definition.text.utf8.count
        while entries.count > 1, bytes > Self.maximumBytes || entries.count > Self.maximumCount {
            bytes -= entries.removeFirst().value.text.utf8.count
        }
    }
}

extension Engine {
    /// A stored definition. Throws when the journal can't be read or has none that can be read under this hash.
    func definition(_ hash: String) async throws -> ParsedDefinition {
        if let found = definitions.find(hash) { return found }
        let definition = try await ParsedDefinition.read(hash, from: journal)
        definitions.keep(definition)
        return definition
    }
}
