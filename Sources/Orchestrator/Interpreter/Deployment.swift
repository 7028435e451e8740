import JSON

/// Which revision of its machine an execution runs by, and by what name it was started.
public struct Deployment: Sendable, Hashable {
    /// The revision's id; nil for executions of before there were revisions.
    public var revision: String?
    /// The version, where it was started by a version's or an alias's ARN.
    public var version: Int?
    /// The alias that it was started by.
    public var alias: String?
    /// The bound on what one state may hand to the next, where the machine has one of its own.
    public var stateBytes: Int?
    /// An execution of an EXPRESS machine, whose ARN is of another kind.
    public var isExpress: Bool

    public init(
        revision: String? = nil, version: Int? = nil, alias: String? = nil, stateBytes: Int? = nil,
        isExpress: Bool = false
    ) {
        self.isExpress = isExpress
        self.revision = revision
        self.version = version
        self.alias = alias
        self.stateBytes = stateBytes
    }

    public var limits: DataLimits { stateBytes.map { DataLimits(stateBytes: $0) } ?? .standard }

    /// The form in the journal; nil when there is nothing to say.
    var json: JSON? {
        let members = JSON.members(
            ("revision", revision.map(JSON.string)), ("version", version.map { .integer($0) }),
            ("alias", alias.map(JSON.string)), ("stateBytes", stateBytes.map { .integer($0) }),
            ("express", isExpress ? true : .none))
        return members == [:] ? .none : members
    }

    init(json: JSON?) {
        self.init(
            revision: json?["revision"]?.stringValue, version: json?["version"]?.integerValue,
            alias: json?["alias"]?.stringValue, stateBytes: json?["stateBytes"]?.integerValue,
            isExpress: json?["express"]?.boolValue ?? false)
    }
}
