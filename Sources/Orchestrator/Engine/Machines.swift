import Interpreter
public import JSON
import Journal
import OrderedCollections
public import StatesLanguage

/// STANDARD machines live long; EXPRESS ones are for many short executions.
public typealias MachineType = StateMachineType

/// What a machine has beside its definition. Kept and told again; only ``roleARN`` shows in histories.
public struct MachineConfiguration: Sendable, Hashable {
    public var roleARN: String
    /// The wire's `loggingConfiguration`, with its defaults filled in.
    public var logging: JSON
    /// The wire's `tracingConfiguration`.
    public var tracing: JSON
    /// The wire's `encryptionConfiguration`.
    public var encryption: JSON
    /// The bound on what one state may hand to the next, in bytes of JSON. Machines made over the wire have AWS's;
    /// those of definition files more, because the listing of a long film's package is larger.
    public var stateBytes: Int

    public static let defaultRole = "arn:aws:iam::\(ARN.account):role/showrunner"
    public static let defaultLogging: JSON = ["level": "OFF", "includeExecutionData": false]
    public static let defaultTracing: JSON = ["enabled": false]
    public static let defaultEncryption: JSON = ["type": "AWS_OWNED_KEY"]

    public init(
        roleARN: String = defaultRole, logging: JSON = defaultLogging, tracing: JSON = defaultTracing,
        encryption: JSON = defaultEncryption, stateBytes: Int = DataLimits.aws.stateBytes
    ) {
        self.stateBytes = stateBytes
        self.roleARN = roleARN
        self.logging = logging
        self.tracing = tracing
        self.encryption = encryption
    }

    init(json: JSON) {
        self.init(
            roleARN: json["role"]?.stringValue ?? Self.defaultRole, logging: json["logging"] ?? Self.defaultLogging,
            tracing: json["tracing"] ?? Self.defaultTracing,
            encryption: json["encryption"] ?? Self.defaultEncryption,
            stateBytes: json["stateBytes"]?.integerValue ?? DataLimits.standard.stateBytes)
    }

    var json: JSON {
        [
            "role": .string(roleARN), "logging": logging, "tracing": tracing, "encryption": encryption,
            "stateBytes": .integer(stateBytes),
        ]
    }
}

/// A machine's definition and configuration between two updates.
struct Revision: Sendable, Hashable {
    /// A UUID. Executions name it.
    let id: String
    /// The wire tells no revision id until the first update.
    let isFirst: Bool
    let definitionHash: String
    let configuration: MachineConfiguration
    let createdAt: Int64

    var wireID: String? { isFirst ? nil : id }
}

struct Version: Sendable, Hashable {
    let number: Int
    let revision: Revision
    let description: String?
    let createdAt: Int64
}

/// Where an alias leads: one version, or two that share the executions started by it.
public struct Route: Sendable, Hashable {
    public let version: Int
    /// Percent.
    public let weight: Int

    public init(version: Int, weight: Int) {
        self.version = version
        self.weight = weight
    }
}

struct Alias: Sendable, Hashable {
    let name: String
    var description: String?
    var routes: [Route]
    let createdAt: Int64
    var updatedAt: Int64
}

/// A state machine as it is deployed: new executions take the current revision.
struct Machine: Sendable {
    let name: String
    let type: MachineType
    let createdAt: Int64
    var isDeleting = false
    var current: Revision
    /// The published versions, by number.
    var versions: OrderedDictionary<Int, Version> = [:]
    var nextVersion = 1
    /// In the order of their making.
    var aliases: OrderedDictionary<String, Alias> = [:]
    var tags: OrderedDictionary<String, String> = [:]

    var arn: String { ResourceName.stateMachine(name).arn }

    func arn(of version: Version) -> String { ResourceName.version(machine: name, number: version.number).arn }

    func arn(of alias: Alias) -> String { ResourceName.alias(machine: name, name: alias.name).arn }
}

extension Machine {
    init(_ stored: StoredMachine) throws {
        guard let type = MachineType(rawValue: stored.type) else {
            throw JournalFault(reason: "the machine '\(stored.name)' has the type '\(stored.type)'")
        }
        self.init(
            name: stored.name, type: type, createdAt: stored.createdAt, isDeleting: stored.status == "DELETING",
            current: try Revision(stored.revision), nextVersion: Int(stored.nextVersion),
            tags: try readTags(stored.tags))
    }

    var stored: StoredMachine {
        StoredMachine(
            name: name, arn: arn, type: type.rawValue, status: isDeleting ? "DELETING" : "ACTIVE",
            revision: current.stored(of: name), nextVersion: Int64(nextVersion), tags: writeTags(tags),
            createdAt: createdAt)
    }
}

extension Revision {
    init(_ stored: StoredRevision) throws {
        self.init(
            id: stored.id, isFirst: stored.isFirst, definitionHash: stored.definitionHash,
            configuration: MachineConfiguration(json: try JSON(parsing: stored.configuration)),
            createdAt: stored.createdAt)
    }

    func stored(of machine: String) -> StoredRevision {
        StoredRevision(
            id: id, machine: machine, isFirst: isFirst, definitionHash: definitionHash,
            configuration: configuration.json.text, createdAt: createdAt)
    }
}

extension Version {
    init(_ stored: StoredVersion) throws {
        self.init(
            number: Int(stored.number), revision: try Revision(stored.revision), description: stored.description,
            createdAt: stored.createdAt)
    }

    func stored(of machine: String) -> StoredVersion {
        StoredVersion(
            machine: machine, number: Int64(number), revision: revision.stored(of: machine), description: description,
            createdAt: createdAt)
    }
}

extension Alias {
    init(_ stored: StoredAlias) throws {
        let routes = try JSON(parsing: stored.routing).arrayValue?.compactMap { route -> Route? in
            guard let version = route["version"]?.integerValue, let weight = route["weight"]?.integerValue else {
                return nil
            }
            return Route(version: version, weight: weight)
        }
        guard let routes, !routes.isEmpty else {
            throw JournalFault(reason: "the alias '\(stored.name)' of '\(stored.machine)' leads nowhere")
        }
        self.init(
            name: stored.name, description: stored.description, routes: routes, createdAt: stored.createdAt,
            updatedAt: stored.updatedAt)
    }

    func stored(of machine: String) -> StoredAlias {
        let routing = JSON.array(
            routes.map { ["version": .integer($0.version), "weight": .integer($0.weight)] })
        return StoredAlias(
            machine: machine, name: name, description: description, routing: routing.text, createdAt: createdAt,
            updatedAt: updatedAt)
    }
}

/// Tags as the registry's tables keep them: a JSON object.
func readTags(_ text: String) throws -> OrderedDictionary<String, String> {
    (try JSON(parsing: text).objectValue ?? [:]).compactMapValues(\.stringValue)
}

func writeTags(_ tags: OrderedDictionary<String, String>) -> String {
    JSON.object(tags.mapValues { .string($0) }).text
}
