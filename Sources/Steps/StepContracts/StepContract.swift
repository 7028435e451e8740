public import JSON

/// What a step promises and needs, known to lint, engine and worker alike. Steps run at least once: a step's result
/// depends on its input alone, and running it again costs time and changes nothing.
public struct StepContract: Sendable {
    /// The name in `arn:aws:states:::showrunner:NAME`; of an integration `SERVICE:ACTION`. Workers ask for it.
    public let name: String
    /// The resource that names this step in a definition.
    public let resource: String
    /// Part of every result's key: raise it when the same input gives another result.
    public let version: Int
    /// One sentence for people.
    public let summary: String
    /// Who runs it.
    public let runner: StepRunner
    /// A task without word from its worker for this long is judged lost, unless the state names HeartbeatSeconds.
    public let heartbeatSeconds: Int
    /// Members the input must have, with their JSON types; further members are allowed.
    public let input: [StepField]
    public let output: [StepField]
    /// The names under which it may fail: those of its runner and its own.
    public let errors: [String]
    /// What a task books on its worker, given its input: an estimate.
    public let needs: @Sendable (JSON) -> StepNeeds

    /// - Parameters:
    ///   - errors: names of this step alone, beside those of its runner.
    ///   - needs: what a task books, given its input.
    ///   - resource: what names the step, where it is not one of ``resourcePrefix``.
    public init(
        name: String, version: Int, summary: String, runner: StepRunner, heartbeatSeconds: Int = 15,
        input: [StepField], output: [StepField], errors: [String] = [], resource: String? = nil,
        needs: @escaping @Sendable (JSON) -> StepNeeds = { _ in StepNeeds() }
    ) {
        self.needs = needs
        self.name = name
        self.resource = resource ?? StepContract.resourcePrefix + name
        self.version = version
        self.summary = summary
        self.runner = runner
        self.heartbeatSeconds = heartbeatSeconds
        self.input = input
        self.output = output
        self.errors = runner.errors + errors
    }

    public static let resourcePrefix = "arn:aws:states:::showrunner:"

    /// What a Resource ends with whose task waits, once its step is done, until somebody answers its token.
    public static let callbackPattern = ".waitForTaskToken"

    /// A Resource of a step without the pattern behind it.
    public static func plainResource(_ resource: String) -> String {
        resource.hasSuffix(callbackPattern) ? String(resource.dropLast(callbackPattern.count)) : resource
    }
}

/// Which process runs a step.
public enum StepRunner: String, Sendable, Hashable {
    /// A media worker, in a sandboxed child.
    case mediaWorker
    /// The data worker, which may reach the catalogue's tables.
    case dataWorker
    /// The engine itself, in the statement that commits the result.
    case engine
}

/// One member of a step's input or output.
public struct StepField: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable {
        case string, number, boolean, object, array, any
    }

    public let name: String
    public let kind: Kind
    public let isRequired: Bool
    public let summary: String

    public init(_ name: String, _ kind: Kind, required: Bool = true, _ summary: String) {
        self.name = name
        self.kind = kind
        self.isRequired = required
        self.summary = summary
    }

    /// Whether a value is of this member's kind.
    public func accepts(_ value: JSON) -> Bool {
        switch (kind, value) {
        case (.any, _), (.string, .string), (.number, .integer), (.number, .double), (.boolean, .bool),
            (.object, .object), (.array, .array):
            true
        case (.string, _), (.number, _), (.boolean, _), (.object, _), (.array, _): false
        }
    }
}

extension StepContract {
    /// What is wrong with an input, a sentence a problem; empty when it fits.
    public func problems(withInput value: JSON) -> [String] {
        guard case .object(let members) = value else { return ["the input of \(name) must be an object"] }
        return input.compactMap { field in
            guard let member = members[field.name], member != .null else {
                return field.isRequired ? "\(name) needs '\(field.name)': \(field.summary)" : nil
            }
            return field.accepts(member) ? nil : "'\(field.name)' of \(name) must be of type \(field.kind.rawValue)"
        }
    }
}
