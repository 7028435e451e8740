import DequeModule
import Interpreter
import JSON
import Journal
import OrderedCollections
public import StatesLanguage

/// Changes of machines, aliases, activities and connections: one after the other, each durable before it is seen.
extension Engine {
    /// Runs one change of the registry while no other runs: what it looked at stays as it was.
    func changingRegistry<Value: Sendable>(
        _ body: () async throws(EngineError) -> Value
    ) async throws(EngineError) -> Value {
        if isRegistryBusy {
            await withCheckedContinuation { registryWaiters.append($0) }
        }
        isRegistryBusy = true
        defer {
            // The next one takes over without anybody slipping in between.
            if let next = registryWaiters.popFirst() { next.resume() } else { isRegistryBusy = false }
        }
        return try await body()
    }

    /// A write to the journal that says whether this engine still may write.
    func written(_ write: () async throws -> Bool) async throws(EngineError) {
        let isWritten: Bool
        do { isWritten = try await write() } catch { throw EngineError.unavailable("\(error)") }
        guard isWritten else { throw EngineError.unavailable("Another engine is active.") }
    }

    /// Saves a machine, then takes it into memory.
    func save(_ machine: Machine, definition: ParsedDefinition, version: Version? = nil) async throws(EngineError) {
        precondition(machine.current.definitionHash == definition.hash, "a machine is saved with its own definition")
        try await written {
            try await journal.saveMachine(
                machine.stored, definition: definition.text, version: version?.stored(of: machine.name))
        }
        definitions.keep(definition)
        machines[machine.name] = machine
    }

    /// Saves what is not a matter of the definition: tags, versions, the status.
    func save(_ machine: Machine, version: Version? = nil) async throws(EngineError) {
        let current: ParsedDefinition
        do { current = try await definition(machine.current.definitionHash) } catch {
            throw EngineError.unavailable("\(error)")
        }
        try await save(machine, definition: current, version: version)
    }

    /// Makes a definition file the one that new executions of a machine take. Running ones keep theirs.
    ///
    /// - Parameter definition: the checked machine and its JSON text, as ``Definition`` read it.
    public func deploy(name: String, machine: StateMachine, definition: JSON) async throws(EngineError) {
        let parsed = ParsedDefinition(text: definition.text, machine: machine)
        try await changingRegistry { () async throws(EngineError) in
            let instant = now
            guard var deployed = machines[name] else {
                let first = Revision(
                    id: makeUUID(), isFirst: true, definitionHash: parsed.hash,
                    configuration: MachineConfiguration(stateBytes: DataLimits.standard.stateBytes),
                    createdAt: instant)
                try await save(
                    Machine(name: name, type: .standard, createdAt: instant, current: first), definition: parsed)
                return
            }
            if deployed.current.definitionHash == parsed.hash, !deployed.isDeleting { return }
            // What was set over the wire, like the role, stays.
            deployed.current = Revision(
                id: makeUUID(), isFirst: false, definitionHash: parsed.hash,
                configuration: deployed.current.configuration, createdAt: instant)
            deployed.isDeleting = false
            try await save(deployed, definition: parsed)
        }
    }

    /// The machines and activities of before, so that they can be started though their file is gone.
    public func loadMachines() async throws {
        for stored in try await journal.machines() { machines[stored.name] = try Machine(stored) }
        for stored in try await journal.versions() {
            let version = try Version(stored)
            machines[stored.machine]?.versions[version.number] = version
        }
        for stored in try await journal.aliases() {
            let alias = try Alias(stored)
            machines[stored.machine]?.aliases[alias.name] = alias
        }
        for stored in try await journal.activities() { activities[stored.name] = try Activity(stored) }
        for stored in try await journal.connections() { connections[stored.name] = try await renewed(stored) }
        pageTokens = PageTokens(
            key: try await journal.setting("page-token-key", orElse: PageTokens.makeKey(randomBytes)))
        for machine in machines.values where machine.isDeleting { try await finishDeletion(of: machine.name) }
    }

    /// A machine by name. Throws `.machineNotFound`, which names what was asked for.
    func machine(named name: String, asked arn: String) throws(EngineError) -> Machine {
        guard let machine = machines[name] else { throw EngineError.noMachine(arn) }
        return machine
    }

    /// What an ARN of a machine itself names: no version, no alias.
    func unqualified(_ arn: String) throws(EngineError) -> Machine {
        switch try ResourceName(arn: arn) {
        case .stateMachine(let name): return try machine(named: name, asked: arn)
        case .version, .alias, .mapState: throw EngineError.noMachine(arn)
        case let other: throw other.isOutOfPlace
        }
    }
}
