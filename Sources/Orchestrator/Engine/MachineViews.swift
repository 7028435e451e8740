import JSON
import StatesLanguage

/// A state machine, or a version of one, as callers see it.
public struct MachineView: Sendable {
    public var name: String
    public var arn: String
    public var type: MachineType
    public var isDeleting: Bool
    /// Amazon States Language, as it was given.
    public var definition: String
    public var configuration: MachineConfiguration
    /// Nil until the machine is updated for the first time.
    public var revisionID: String?
    /// Of a version.
    public var description: String?
    /// Microseconds since 1970.
    public var createdAt: Int64
    /// When the revision came to be; microseconds since 1970.
    public var updatedAt: Int64
    /// The variables that each state refers to, by the state's name.
    public var variableReferences: [(state: String, variables: [String])]
}

/// A version in a list.
public struct VersionView: Sendable {
    public let arn: String
    /// Microseconds since 1970.
    public let createdAt: Int64
}

public struct AliasView: Sendable {
    public let name: String
    public let arn: String
    public let description: String?
    /// Version ARNs with their weights in percent.
    public let routes: [(version: String, weight: Int)]
    /// Microseconds since 1970.
    public let createdAt: Int64
    public let updatedAt: Int64
}

/// A page of a list.
public struct Page<Item: Sendable>: Sendable {
    public let items: [Item]
    /// Opaque mark for the next call; nil on the last page.
    public let next: String?
}

extension Engine {
    /// A machine by name, or a machine or version by ARN. Throws `.machineNotFound` and `.invalidARN`.
    public func machine(_ nameOrARN: String) async throws(EngineError) -> MachineView {
        try requireReady()
        let name = nameOrARN.hasPrefix("arn:") ? try ResourceName(arn: nameOrARN) : .stateMachine(nameOrARN)
        switch name {
        case .stateMachine(let name):
            return try await view(of: try machine(named: name, asked: nameOrARN))
        case .version(let name, let number):
            let machine = try machine(named: name, asked: nameOrARN)
            guard let version = machine.versions[number] else { throw EngineError.noMachine(nameOrARN) }
            return try await view(of: machine, version)
        case .alias, .mapState: throw EngineError.noMachine(nameOrARN)
        case let other: throw other.isOutOfPlace
        }
    }

    /// Demands that the machine, version or alias of an ARN exists. Throws `.machineNotFound`.
    public func requireMachine(_ arn: String) throws(EngineError) {
        try requireReady()
        let resource = try ResourceName(arn: arn)
        let exists: Bool
        switch resource {
        case .stateMachine(let name): exists = machines[name] != nil
        case .version(let name, let number): exists = machines[name]?.versions[number] != nil
        case .alias(let name, let alias): exists = machines[name]?.aliases[alias] != nil
        case .mapState(let name, _): exists = machines[name] != nil
        case .execution, .express, .activity, .mapRun: throw resource.isOutOfPlace
        }
        guard exists, resource.arn == arn else { throw EngineError.noMachine(arn) }
    }

    /// The machine that an execution runs by, in the revision it was started with. Throws `.notFound`.
    public func machine(ofExecution arn: String) async throws(EngineError) -> MachineView {
        let run = try await find(arn)
        let start = run.execution.start
        var configuration = MachineConfiguration()
        var revisionID: String?
        var updatedAt = run.execution.startedAt
        if let id = start.deployment.revision {
            let revision: Revision?
            do { revision = try await journal.revision(id).map { try Revision($0) } } catch {
                throw EngineError.unavailable("\(error)")
            }
            if let revision {
                configuration = revision.configuration
                revisionID = revision.wireID
                updatedAt = revision.createdAt
            }
        }
        return MachineView(
            name: run.execution.machineName, arn: start.machineARN, type: .standard, isDeleting: false,
            definition: run.definition, configuration: configuration, revisionID: revisionID,
            createdAt: run.execution.startedAt, updatedAt: updatedAt,
            variableReferences: Self.variableReferences(of: run.execution.machine))
    }

    /// All machines, by name, each with its type and time of making.
    public func listMachines(limit: Int, after mark: String?) throws(EngineError) -> Page<MachineSummary> {
        try requireReady()
        let names = machines.keys.filter { mark == nil || $0 > mark! }.sorted()
        let page = names.prefix(limit).compactMap { machines[$0] }.map {
            MachineSummary(name: $0.name, arn: $0.arn, type: $0.type, createdAt: $0.createdAt)
        }
        return Page(items: page, next: names.count > limit ? page.last?.name : nil)
    }

    func view(of machine: Machine, _ version: Version? = nil) async throws(EngineError) -> MachineView {
        let revision = version?.revision ?? machine.current
        let definition: ParsedDefinition
        do { definition = try await self.definition(revision.definitionHash) } catch {
            throw EngineError.unavailable("\(error)")
        }
        return MachineView(
            name: machine.name, arn: version.map(machine.arn(of:)) ?? machine.arn, type: machine.type,
            isDeleting: machine.isDeleting, definition: definition.text, configuration: revision.configuration,
            revisionID: revision.wireID, description: version?.description,
            createdAt: version?.createdAt ?? machine.createdAt, updatedAt: revision.createdAt,
            variableReferences: Self.variableReferences(of: definition.machine))
    }

    private static func variableReferences(of machine: StateMachine) -> [(state: String, variables: [String])] {
        Definition.variableReferences(machine).map { (state: $0.key, variables: $0.value) }
    }
}

/// A machine in a list.
public struct MachineSummary: Sendable {
    public let name: String
    public let arn: String
    public let type: MachineType
    /// Microseconds since 1970.
    public let createdAt: Int64
}
