/// What an ARN of this service names.
/// Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html
public enum ResourceName: Sendable, Hashable {
    case stateMachine(String)
    /// A published version of a machine.
    case version(machine: String, number: Int)
    case alias(machine: String, name: String)
    /// A distributed Map state of a machine, by its Label.
    case mapState(machine: String, label: String)
    /// `machine` is `NAME/LABEL` for a child of a Map Run.
    case execution(machine: String, name: String)
    /// An execution of an EXPRESS machine.
    case express(machine: String, name: String, id: String)
    case activity(String)
    /// `machine` is `NAME/LABEL`.
    case mapRun(machine: String, id: String)

    /// Reads an ARN as the wire has it.
    ///
    /// Throws `.invalidARN` for what is no ARN of this service. One of another account or region is read, too: there is
    /// nothing under it.
    public init(arn: String) throws(EngineError) {
        guard arn.hasPrefix("arn:") else { throw EngineError.invalidARN("Invalid ARN prefix: \(arn)") }
        let parts = arn.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 6, parts[2] == "states" else { throw EngineError.invalidARN("Invalid ARN: \(arn)") }
        let resource = parts[5].split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard resource.allSatisfy({ !$0.isEmpty }), let name = ResourceName(resource) else {
            throw EngineError.invalidARN("Resource type not valid in this context: \(resource[0])")
        }
        self = name
    }

    private init?(_ resource: [String]) {
        switch (resource[0], resource.count) {
        case ("stateMachine", 2):
            if let (machine, label) = ResourceName.labelled(resource[1]) {
                self = .mapState(machine: machine, label: label)
            } else {
                self = .stateMachine(resource[1])
            }
        case ("stateMachine", 3):
            // An alias has a letter, a dash, an underscore or a dot in it, so a number is a version.
            if let number = Int(resource[2]) {
                self = .version(machine: resource[1], number: number)
            } else {
                self = .alias(machine: resource[1], name: resource[2])
            }
        case ("execution", 3): self = .execution(machine: resource[1], name: resource[2])
        case ("express", 4): self = .express(machine: resource[1], name: resource[2], id: resource[3])
        case ("activity", 2): self = .activity(resource[1])
        case ("mapRun", 3): self = .mapRun(machine: resource[1], id: resource[2])
        default: return nil
        }
    }

    private static func labelled(_ text: String) -> (machine: String, label: String)? {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
    }

    /// The ARN, in the account and region of this engine.
    public var arn: String {
        let resource =
            switch self {
            case .stateMachine(let name): "stateMachine:\(name)"
            case .version(let machine, let number): "stateMachine:\(machine):\(number)"
            case .alias(let machine, let name): "stateMachine:\(machine):\(name)"
            case .mapState(let machine, let label): "stateMachine:\(machine)/\(label)"
            case .execution(let machine, let name): "execution:\(machine):\(name)"
            case .express(let machine, let name, let id): "express:\(machine):\(name):\(id)"
            case .activity(let name): "activity:\(name)"
            case .mapRun(let machine, let id): "mapRun:\(machine):\(id)"
            }
        return "arn:aws:states:\(ARN.region):\(ARN.account):\(resource)"
    }

    /// The word for this kind of resource in an ARN.
    public var kind: String {
        switch self {
        case .stateMachine, .version, .alias, .mapState: "stateMachine"
        case .execution: "execution"
        case .express: "express"
        case .activity: "activity"
        case .mapRun: "mapRun"
        }
    }

    /// That an ARN of this kind can't be what an operation asks for.
    public var isOutOfPlace: EngineError { .invalidARN("Resource type not valid in this context: \(kind)") }
}

extension EngineError {
    static func invalidARN(_ reason: String) -> EngineError {
        EngineError(code: .invalidARN, message: "Invalid Arn: '\(reason)'")
    }

    static func invalidName(_ name: String) -> EngineError {
        EngineError(code: .invalidName, message: "Invalid Name: '\(name)'")
    }

    static func unavailable(_ reason: String) -> EngineError { EngineError(code: .unavailable, message: reason) }

    static func noMachine(_ arn: String) -> EngineError {
        EngineError(code: .machineNotFound, message: "State Machine Does Not Exist: '\(arn)'")
    }

    static func noExecution(_ arn: String) -> EngineError {
        EngineError(code: .notFound, message: "Execution Does Not Exist: '\(arn)'")
    }

    static func noActivity(_ arn: String) -> EngineError {
        EngineError(code: .activityNotFound, message: "Activity Does Not Exist: '\(arn)'")
    }
}

/// AWS's rule for the names of machines, executions and activities.
/// Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html
enum NameRule {
    static func allows(_ name: String) -> Bool {
        let forbidden = Set("<>{}[]?*\"#%\\^|~`$&,;:/".unicodeScalars)
        return (1...80).contains(name.unicodeScalars.count)
            && name.unicodeScalars.allSatisfy { scalar in
                !forbidden.contains(scalar) && !scalar.properties.isWhitespace && scalar.value > 0x1F
                    && !(0x7F...0x9F).contains(scalar.value)
            }
    }

    /// Throws `.invalidName`.
    static func check(_ name: String) throws(EngineError) {
        guard allows(name) else { throw EngineError.invalidName(name) }
    }
}
