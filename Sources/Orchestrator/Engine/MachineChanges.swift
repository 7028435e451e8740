public import JSON
import Journal
import OrderedCollections
import Postgres
import StatesLanguage

/// What CreateStateMachine asks for.
public struct NewMachine: Sendable {
    public var name: String
    /// Amazon States Language as JSON text.
    public var definition: String
    public var type: MachineType
    public var configuration: MachineConfiguration
    public var tags: [(key: String, value: String)]
    /// Whether version 1 is published at once.
    public var publishes: Bool
    public var versionDescription: String?

    public init(
        name: String, definition: String, type: MachineType = .standard,
        configuration: MachineConfiguration = MachineConfiguration(), tags: [(key: String, value: String)] = [],
        publishes: Bool = false, versionDescription: String? = nil
    ) {
        self.name = name
        self.definition = definition
        self.type = type
        self.configuration = configuration
        self.tags = tags
        self.publishes = publishes
        self.versionDescription = versionDescription
    }
}

/// What UpdateStateMachine changes; what is nil stays.
public struct MachineUpdate: Sendable {
    public var definition: String?
    public var roleARN: String?
    public var logging: JSON?
    public var tracing: JSON?
    public var encryption: JSON?
    public var publishes: Bool
    public var versionDescription: String?

    public init(
        definition: String? = nil, roleARN: String? = nil, logging: JSON? = nil, tracing: JSON? = nil,
        encryption: JSON? = nil, publishes: Bool = false, versionDescription: String? = nil
    ) {
        self.definition = definition
        self.roleARN = roleARN
        self.logging = logging
        self.tracing = tracing
        self.encryption = encryption
        self.publishes = publishes
        self.versionDescription = versionDescription
    }
}

/// What became of a machine.
public struct MachineChange: Sendable {
    public let arn: String
    /// Nil until the machine is updated for the first time.
    public let revisionID: String?
    /// Where a version was asked for.
    public let versionARN: String?
    /// When the machine was made, or updated; microseconds since 1970.
    public let at: Int64
}

extension Engine {
    /// Makes a machine. The same request again answers with the machine that it made.
    ///
    /// Throws `.invalidName`, `.invalidDefinition`, `.machineExists` for a name with other content, `.machineDeleting`,
    /// `.machineLimit` and `.invalid` for a description of no version.
    public func createMachine(_ new: NewMachine) async throws(EngineError) -> MachineChange {
        try requireReady()
        try NameRule.check(new.name)
        try checkDescription(new.versionDescription, publishes: new.publishes)
        let tags = try merged([:], new.tags)
        let definition = try check(definition: new.definition, type: new.type)
        return try await changingRegistry { () async throws(EngineError) in
            if let existing = machines[new.name] { return try again(existing, new, definition) }
            guard machines.count < limits.machines else {
                throw EngineError(
                    code: .machineLimit, message: "State Machine Limit Exceeded: there are \(limits.machines).")
            }
            let instant = now
            let revision = Revision(
                id: makeUUID(), isFirst: true, definitionHash: definition.hash, configuration: new.configuration,
                createdAt: instant)
            var machine = Machine(
                name: new.name, type: new.type, createdAt: instant, current: revision, tags: tags)
            let version = new.publishes ? machine.publish(description: new.versionDescription, at: instant) : nil
            try await save(machine, definition: definition, version: version)
            return MachineChange(
                arn: machine.arn, revisionID: nil, versionARN: version.map(machine.arn(of:)), at: instant)
        }
    }

    /// The answer to a machine made before. AWS looks at the content and not at role and tags, which stay as they were.
    /// Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html
    private func again(_ machine: Machine, _ new: NewMachine, _ definition: ParsedDefinition) throws(EngineError)
        -> MachineChange
    {
        if machine.isDeleting { throw isDeleting(machine) }
        let configuration = machine.current.configuration
        guard machine.current.definitionHash == definition.hash, machine.type == new.type,
            configuration.logging == new.configuration.logging, configuration.tracing == new.configuration.tracing,
            configuration.encryption == new.configuration.encryption,
            new.publishes == (machine.version(of: machine.current) != nil)
        else {
            throw EngineError(code: .machineExists, message: "State Machine Already Exists: '\(machine.arn)'")
        }
        return MachineChange(
            arn: machine.arn, revisionID: machine.current.wireID,
            versionARN: machine.version(of: machine.current).map(machine.arn(of:)), at: machine.createdAt)
    }

    /// Changes a machine; executions under way keep what they were started with. Where nothing is different the revision
    /// stays.
    ///
    /// Throws `.machineNotFound`, `.machineDeleting`, `.invalidDefinition`, `.missingParameter`.
    public func updateMachine(_ arn: String, _ update: MachineUpdate) async throws(EngineError) -> MachineChange {
        try requireReady()
        _ = try unqualified(arn)
        guard
            update.definition != nil || update.roleARN != nil || update.logging != nil || update.tracing != nil
                || update.encryption != nil
        else {
            throw EngineError(
                code: .missingParameter,
                message: "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration "
                    + "must be specified")
        }
        try checkDescription(update.versionDescription, publishes: update.publishes)
        return try await changingRegistry { () async throws(EngineError) in
            var machine = try unqualified(arn)
            if machine.isDeleting { throw isDeleting(machine) }
            let definition: ParsedDefinition
            if let text = update.definition {
                definition = try check(definition: text, type: machine.type)
            } else {
                do { definition = try await self.definition(machine.current.definitionHash) } catch {
                    throw EngineError.unavailable("\(error)")
                }
            }
            var configuration = machine.current.configuration
            configuration.roleARN = update.roleARN ?? configuration.roleARN
            configuration.logging = update.logging ?? configuration.logging
            configuration.tracing = update.tracing ?? configuration.tracing
            configuration.encryption = update.encryption ?? configuration.encryption
            let instant = now
            if definition.hash != machine.current.definitionHash || configuration != machine.current.configuration {
                machine.current = Revision(
                    id: makeUUID(), isFirst: false, definitionHash: definition.hash, configuration: configuration,
                    createdAt: instant)
            }
            var version: Version?
            if update.publishes {
                try checkRoom(for: machine)
                version = machine.publish(description: update.versionDescription, at: instant)
            }
            try await save(machine, definition: definition, version: version)
            return MachineChange(
                arn: machine.arn, revisionID: machine.current.wireID, versionARN: version.map(machine.arn(of:)),
                at: instant)
        }
    }

    /// Removes a machine. It is gone once its executions are; those that run are stopped, as AWS does. One that does not
    /// exist is no error.
    public func deleteMachine(_ arn: String) async throws(EngineError) {
        try requireReady()
        let name: String
        switch try ResourceName(arn: arn) {
        case .stateMachine(let given): name = given
        case .version, .alias, .mapState: return
        case let other: throw other.isOutOfPlace
        }
        try await changingRegistry { () async throws(EngineError) in
            guard var machine = machines[name], !machine.isDeleting else { return }
            // Before anybody asks what is open of it: what started during that question would be stopped, and it would stay.
            machine.isDeleting = true
            try await save(machine)
        }
        await goOnDeleting(name)
    }

    /// Finishes a deletion that is saved: again after a pause where the database does not answer, since nothing else may come
    /// to ask for it.
    func goOnDeleting(_ name: String) async {
        do throws(EngineError) { try await finishDeletion(of: name) } catch {
            log.warning("a machine is not deleted yet", metadata: ["machine": "\(name)", "error": "\(error)"])
            guard pausedDeletions.insert(name).inserted else { return }
            Task {
                do { try await bootClock.sleep(for: .seconds(2)) } catch { return }
                pausedDeletions.remove(name)
                if !isStopping, machines[name]?.isDeleting == true { await goOnDeleting(name) }
            }
        }
    }

    /// Stops a deleted machine's executions, and removes it when none is open.
    func finishDeletion(of name: String) async throws(EngineError) {
        for run in runs.values where run.machineName == name {
            post(.stop(error: nil, cause: "The state machine was deleted."), to: run)
        }
        try await wakeAll(ofMachine: name)
        try await removeIfIdle(name)
    }

    /// Removes a deleted machine that has no open execution; called again when its last one has ended.
    private func removeIfIdle(_ name: String) async throws(EngineError) {
        try await changingRegistry { () async throws(EngineError) in
            // Nothing starts on it while the lists are asked.
            guard machines[name]?.isDeleting == true, try await !hasOpenExecutions(name), !hasExecutions(name)
            else { return }
            try await written { try await journal.deleteMachine(name) }
            machines[name] = nil
        }
    }

    /// Whether executions of a machine are in memory, cold, or maybe being loaded.
    private func hasExecutions(_ name: String) -> Bool {
        openRuns[name] != nil || cold.counts[name] != nil || !reloading.isEmpty
    }

    /// Whether executions of a machine are open. Of those that are set aside or can't be loaded only the lists know.
    private func hasOpenExecutions(_ name: String) async throws(EngineError) -> Bool {
        if hasExecutions(name) { return true }
        let open = ListFilter(machine: name, status: RunStatus.running.rawValue)
        do throws(PostgresError) { return try await !journal.listExecutions(open, limit: 1).isEmpty } catch {
            throw .unavailable(error.message)
        }
    }

    func isDeleting(_ machine: Machine) -> EngineError {
        EngineError(code: .machineDeleting, message: "State Machine is being deleted: '\(machine.arn)'")
    }

    private func checkDescription(_ description: String?, publishes: Bool) throws(EngineError) {
        guard description == nil || publishes else {
            throw EngineError(
                code: .invalid, message: "Version description can only be set when publish is true")
        }
        try checkDescription(description)
    }

    /// A description is kept as it is, and PostgreSQL's text cannot hold U+0000. Throws `.invalid`.
    func checkDescription(_ description: String?) throws(EngineError) {
        guard description?.utf8.contains(0) != true else {
            throw EngineError(code: .invalid, message: "A description can't contain U+0000.")
        }
    }

    /// Reads a definition as the wire gives it. Throws `.invalidDefinition` with all that is wrong with it.
    func check(definition text: String, type: MachineType) throws(EngineError) -> ParsedDefinition {
        let reading = Definition.read(json: text, type: type, contracts: contractViews)
        let faults = reading.diagnostics.filter { $0.severity == .error }
        guard faults.isEmpty, let machine = reading.machine else {
            let all = faults.map(\.wireText).joined(separator: ", ")
            throw EngineError(
                code: .invalidDefinition,
                message: "Invalid State Machine Definition: '\(all)'")
        }
        try refuseUnsupported(text)
        return ParsedDefinition(text: text, machine: machine)
    }

    /// A machine here runs nothing that would wait for ever. On AWS the same words mean a service that the region lacks.
    private func refuseUnsupported(_ definition: String) throws(EngineError) {
        let tree: SourceTree
        do { tree = try SourceTree(parsingJSON: definition) } catch {
            preconditionFailure("a definition that was read is JSON: \(error)")
        }
        let refusals = supported.refusals(in: tree)
        guard !refusals.isEmpty else { return }
        let all = refusals.map { refusal in
            "\(Diagnostic.Code.schemaValidationFailed.rawValue): The resource provided \(refusal.resource) is not available "
                + "here: nobody runs it. at \(refusal.location)"
        }
        throw EngineError(
            code: .invalidDefinition,
            message: "Invalid State Machine Definition: '\(all.joined(separator: ", "))' \(supported.sentence).")
    }

    /// What is wrong with a definition, and what is doubtful.
    public nonisolated func diagnostics(of definition: String, type: MachineType) -> [DefinitionDiagnostic] {
        Definition.read(json: definition, type: type, contracts: contractViews).diagnostics.map { diagnostic in
            DefinitionDiagnostic(
                isError: diagnostic.severity == .error, code: diagnostic.code, message: diagnostic.message,
                location: diagnostic.wireLocation)
        }
    }
}

/// A remark about a definition, as ValidateStateMachineDefinition tells it.
public struct DefinitionDiagnostic: Sendable, Hashable {
    /// Else it is a warning.
    public let isError: Bool
    /// `SCHEMA_VALIDATION_FAILED` and its kin.
    public let code: String
    public let message: String
    /// `/States/A/Next`; nil where AWS gives none.
    public let location: String?
}
