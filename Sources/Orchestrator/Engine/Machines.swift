import Cryptography
import JSON
import Journal
public import StatesLanguage

extension Engine {
    /// Makes a definition the one that new executions of a machine take. Running ones keep theirs.
    ///
    /// - Parameter definition: the checked machine and its JSON text, as ``Definition`` read it.
    public func deploy(name: String, machine: StateMachine, definition: JSON) async throws(EngineError) {
        let text = definition.text
        let hash = SHA256.hash(definition.canonicalText).hex
        if machines[name]?.definitionHash == hash { return }
        do {
            try await journal.storeDefinition(hash: hash, body: text)
            let instant = now
            let former = machines[name]
            let stored = StoredMachine(
                name: name, arn: ARN.stateMachine(name), definitionHash: hash, type: "STANDARD",
                createdAt: former?.createdAt ?? instant, updatedAt: instant)
            guard try await journal.upsertMachine(stored) else {
                throw EngineError(code: .unavailable, message: "Another engine is active.")
            }
            machines[name] = Machine(
                name: name, definitionHash: hash, definition: text, stateMachine: machine,
                createdAt: stored.createdAt, updatedAt: instant)
        } catch let error as EngineError { throw error } catch {
            throw EngineError(code: .unavailable, message: "\(error)")
        }
    }

    /// The machines deployed earlier, so that they can be started though their file is gone.
    public func loadMachines() async throws {
        for stored in try await journal.machines() {
            guard let definition = try await journal.definition(stored.definitionHash),
                let machine = Definition.read(json: definition).machine
            else { throw JournalFault(reason: "the definition of the machine '\(stored.name)' can't be read") }
            machines[stored.name] = Machine(
                name: stored.name, definitionHash: stored.definitionHash, definition: definition,
                stateMachine: machine, createdAt: stored.createdAt, updatedAt: stored.updatedAt)
        }
    }
}

/// A deployed state machine as callers see it.
public struct MachineView: Sendable {
    public let name: String
    public let arn: String
    /// Amazon States Language as JSON text.
    public let definition: String
    /// Microseconds since 1970.
    public let createdAt: Int64
    public let updatedAt: Int64
}

extension Engine {
    /// A machine by name or ARN. Throws `.machineNotFound`.
    public func machine(_ nameOrARN: String) throws(EngineError) -> MachineView {
        try requireReady()
        guard let name = ARN.machineName(nameOrARN), let machine = machines[name] else {
            throw EngineError(code: .machineNotFound, message: "State Machine Does Not Exist: '\(nameOrARN)'")
        }
        return view(of: machine)
    }

    /// All machines, by name.
    public func listMachines() throws(EngineError) -> [MachineView] {
        try requireReady()
        return machines.values.sorted { $0.name < $1.name }.map(view)
    }

    private func view(of machine: Machine) -> MachineView {
        MachineView(
            name: machine.name, arn: ARN.stateMachine(machine.name), definition: machine.definition,
            createdAt: machine.createdAt, updatedAt: machine.updatedAt)
    }
}
