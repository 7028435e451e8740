public import JSON
public import OrderedCollections

/// A definition in Amazon States Language, checked: every transition leads to a state that exists, every path parses.
/// Made by ``Definition`` only, so that an invalid machine cannot be built from text.
///
/// Source: https://states-language.net/spec.html
public struct StateMachine: Sendable, Hashable {
    public let comment: String?
    public let startAt: String
    /// The states by name, in the author's order.
    public let states: OrderedDictionary<String, State>
    /// TimeoutSeconds of the whole execution; nil in the machines of Parallel branches and Map iterators.
    public let timeoutSeconds: Int?

    public init(comment: String?, startAt: String, states: OrderedDictionary<String, State>, timeoutSeconds: Int?) {
        self.comment = comment
        self.startAt = startAt
        self.states = states
        self.timeoutSeconds = timeoutSeconds
    }
}

/// One state of a machine.
public struct State: Sendable, Hashable {
    public let name: String
    public let comment: String?
    public let dataFlow: DataFlow
    /// Where the execution goes on; nil for Choice, Fail and Succeed, which have no Next of their own.
    public let transition: Transition?
    public let retry: [Retrier]
    public let catches: [Catcher]
    public let kind: Kind

    public enum Kind: Sendable, Hashable {
        case pass(result: JSON?)
        case task(TaskState)
        case choice(ChoiceState)
        case wait(WaitState)
        case succeed
        case fail(FailState)
        case parallel(branches: [StateMachine])
        case map(MapState)
    }

    public init(
        name: String, comment: String?, dataFlow: DataFlow, transition: Transition?, retry: [Retrier],
        catches: [Catcher], kind: Kind
    ) {
        self.name = name
        self.comment = comment
        self.dataFlow = dataFlow
        self.transition = transition
        self.retry = retry
        self.catches = catches
        self.kind = kind
    }

    /// The word in the definition's Type field.
    public var type: String {
        switch kind {
        case .pass: "Pass"
        case .task: "Task"
        case .choice: "Choice"
        case .wait: "Wait"
        case .succeed: "Succeed"
        case .fail: "Fail"
        case .parallel: "Parallel"
        case .map: "Map"
        }
    }
}

/// `Next` or `End: true`.
public enum Transition: Sendable, Hashable {
    case next(String)
    case end
}

/// The JSONPath fields that select and shape what flows through a state, in the order in which they apply:
/// InputPath, Parameters, (the state's work), ResultSelector, ResultPath, OutputPath.
/// Fields that a state type does not have hold their defaults.
public struct DataFlow: Sendable, Hashable {
    /// `.path($)` by default; `.discard` where the definition says null: the state works on `{}`.
    public let inputPath: Selection
    public let parameters: PayloadTemplate?
    public let resultSelector: PayloadTemplate?
    /// `.replace` ("$") by default; `.discard` where the definition says null: the result is dropped, input passes.
    public let resultPath: ResultPlacement
    public let outputPath: Selection

    public enum Selection: Sendable, Hashable {
        case path(JSONPath)
        case discard
    }

    public enum ResultPlacement: Sendable, Hashable {
        case replace
        case discard
        case insert(ReferencePath)
    }

    public init(
        inputPath: Selection, parameters: PayloadTemplate?, resultSelector: PayloadTemplate?,
        resultPath: ResultPlacement, outputPath: Selection
    ) {
        self.inputPath = inputPath
        self.parameters = parameters
        self.resultSelector = resultSelector
        self.resultPath = resultPath
        self.outputPath = outputPath
    }
}

/// A number that the definition names itself or takes from the state's input (the field's `...Path` form).
public enum NumberSource: Sendable, Hashable {
    case literal(Int)
    case path(JSONPath)
}

/// A percentage that the definition names itself or takes from the state's input; fractions are allowed.
public enum PercentageSource: Sendable, Hashable {
    case literal(Double)
    case path(JSONPath)
}

/// A text that the definition names itself, takes from the input or computes by an intrinsic function.
public enum TextSource: Sendable, Hashable {
    case literal(String)
    case path(JSONPath)
    case intrinsic(IntrinsicCall)
}

public struct TaskState: Sendable, Hashable {
    /// The Resource, an ARN.
    public let resource: String
    public let timeoutSeconds: NumberSource?
    public let heartbeatSeconds: NumberSource?

    public init(resource: String, timeoutSeconds: NumberSource?, heartbeatSeconds: NumberSource?) {
        self.resource = resource
        self.timeoutSeconds = timeoutSeconds
        self.heartbeatSeconds = heartbeatSeconds
    }
}

public struct ChoiceState: Sendable, Hashable {
    public let rules: [Rule]
    public let defaultNext: String?

    public struct Rule: Sendable, Hashable {
        public let condition: ChoiceCondition
        public let next: String

        public init(condition: ChoiceCondition, next: String) {
            self.condition = condition
            self.next = next
        }
    }

    public init(rules: [Rule], defaultNext: String?) {
        self.rules = rules
        self.defaultNext = defaultNext
    }
}

/// Wait in its four forms.
public enum WaitState: Sendable, Hashable {
    case seconds(NumberSource)
    /// RFC 3339 text, checked when the definition is read.
    case timestamp(TextSource)
}

public struct FailState: Sendable, Hashable {
    public let error: TextSource?
    public let cause: TextSource?

    public init(error: TextSource?, cause: TextSource?) {
        self.error = error
        self.cause = cause
    }
}

public struct MapState: Sendable, Hashable {
    public let processor: StateMachine
    /// Where the array of items lies in the state's effective input; `$` by default.
    public let itemsPath: JSONPath
    /// ItemSelector (or Parameters of the older form): evaluated once an item, with `$$.Map.Item` in the context.
    public let itemSelector: PayloadTemplate?
    /// Iterations at the same time; 0 means no limit.
    public let maxConcurrency: NumberSource
    public let toleratedFailurePercentage: PercentageSource?
    public let toleratedFailureCount: NumberSource?

    public init(
        processor: StateMachine, itemsPath: JSONPath, itemSelector: PayloadTemplate?, maxConcurrency: NumberSource,
        toleratedFailurePercentage: PercentageSource?, toleratedFailureCount: NumberSource?
    ) {
        self.processor = processor
        self.itemsPath = itemsPath
        self.itemSelector = itemSelector
        self.maxConcurrency = maxConcurrency
        self.toleratedFailurePercentage = toleratedFailurePercentage
        self.toleratedFailureCount = toleratedFailureCount
    }
}

/// One entry of Retry. Defaults are the language's: 1 s, 3 attempts, rate 2.0, no cap, no jitter.
public struct Retrier: Sendable, Hashable {
    public let errorEquals: [String]
    public let intervalSeconds: Int
    public let maxAttempts: Int
    public let backoffRate: Double
    public let maxDelaySeconds: Int?
    public let hasFullJitter: Bool

    public init(
        errorEquals: [String], intervalSeconds: Int = 1, maxAttempts: Int = 3, backoffRate: Double = 2,
        maxDelaySeconds: Int? = nil, hasFullJitter: Bool = false
    ) {
        self.errorEquals = errorEquals
        self.intervalSeconds = intervalSeconds
        self.maxAttempts = maxAttempts
        self.backoffRate = backoffRate
        self.maxDelaySeconds = maxDelaySeconds
        self.hasFullJitter = hasFullJitter
    }
}

/// One entry of Catch.
public struct Catcher: Sendable, Hashable {
    public let errorEquals: [String]
    public let next: String
    public let resultPath: DataFlow.ResultPlacement

    public init(errorEquals: [String], next: String, resultPath: DataFlow.ResultPlacement) {
        self.errorEquals = errorEquals
        self.next = next
        self.resultPath = resultPath
    }
}
