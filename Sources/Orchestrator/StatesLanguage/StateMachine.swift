public import JSON
public import JSONata
public import OrderedCollections

/// In which language the expressions of a machine or a state are written.
///
/// Source: https://states-language.net/spec.html#query-language
public enum QueryLanguage: String, Sendable, Hashable, CaseIterable {
    case jsonPath = "JSONPath"
    case jsonata = "JSONata"
}

/// A definition in Amazon States Language, checked: every transition leads to a state that exists, every path and every
/// expression parses. Made by ``Definition`` only, so that an invalid machine cannot be built from text.
///
/// Source: https://states-language.net/spec.html
public struct StateMachine: Sendable, Hashable {
    public let comment: String?
    public let startAt: String
    /// The states by name, in the author's order.
    public let states: OrderedDictionary<String, State>
    /// TimeoutSeconds of the whole execution; nil in the machines of Parallel branches and Map processors.
    public let timeoutSeconds: Int?
    public let queryLanguage: QueryLanguage

    public init(
        comment: String?, startAt: String, states: OrderedDictionary<String, State>, timeoutSeconds: Int?,
        queryLanguage: QueryLanguage
    ) {
        self.comment = comment
        self.startAt = startAt
        self.states = states
        self.timeoutSeconds = timeoutSeconds
        self.queryLanguage = queryLanguage
    }
}

/// One state of a machine.
public struct State: Sendable, Hashable {
    public let name: String
    public let comment: String?
    /// How data goes in and out; tells the state's query language too.
    public let dataFlow: DataFlow
    /// Variables set when the state is left by its transition (for a Choice state: when no rule with an Assign of its
    /// own matched). An object.
    public let assign: PayloadTemplate?
    /// Where the execution goes on; nil for Choice, Fail and Succeed, which have no Next of their own.
    public let transition: Transition?
    public let retry: [Retrier]
    public let catches: [Catcher]
    public let kind: Kind

    public enum Kind: Sendable, Hashable {
        /// Result is JSONPath's only; JSONata states say Output.
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
        name: String, comment: String?, dataFlow: DataFlow, assign: PayloadTemplate? = nil, transition: Transition?,
        retry: [Retrier], catches: [Catcher], kind: Kind
    ) {
        self.name = name
        self.comment = comment
        self.dataFlow = dataFlow
        self.assign = assign
        self.transition = transition
        self.retry = retry
        self.catches = catches
        self.kind = kind
    }

    public var queryLanguage: QueryLanguage {
        switch dataFlow {
        case .jsonPath: .jsonPath
        case .jsonata: .jsonata
        }
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

/// How data goes into a state and out of it, in the state's query language.
public enum DataFlow: Sendable, Hashable {
    case jsonPath(PathFlow)
    case jsonata(ExpressionFlow)
}

/// The JSONPath fields that select and shape what flows through a state, in the order in which they apply:
/// InputPath, Parameters, (the state's work), ResultSelector, ResultPath, OutputPath.
/// Fields that a state type does not have hold their defaults.
public struct PathFlow: Sendable, Hashable {
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

/// The JSONata fields: Arguments (Task, Parallel) make what the state works on, Output what it hands on. Without
/// Arguments a state works on its input; without Output it hands on its result, or its input where it has no result.
public struct ExpressionFlow: Sendable, Hashable {
    public let arguments: PayloadTemplate?
    public let output: PayloadTemplate?

    public init(arguments: PayloadTemplate?, output: PayloadTemplate?) {
        self.arguments = arguments
        self.output = output
    }
}

/// A text `{% ... %}` in a JSONata field. `JSONataExpression.text` is what stands between the marks, trimmed, as causes
/// quote it.
public typealias QueryExpression = JSONataExpression

/// A whole number that the definition names itself, takes by a path (the field's `...Path` form) or computes.
public enum NumberSource: Sendable, Hashable {
    case literal(Int)
    case path(JSONPath)
    case expression(QueryExpression)
}

/// A percentage that the definition names itself, takes by a path or computes; fractions are allowed.
public enum PercentageSource: Sendable, Hashable {
    case literal(Double)
    case path(JSONPath)
    case expression(QueryExpression)
}

/// A text that the definition names itself, takes by a path, or computes by an intrinsic function or an expression.
public enum TextSource: Sendable, Hashable {
    case literal(String)
    case path(JSONPath)
    case intrinsic(IntrinsicCall)
    case expression(QueryExpression)
}

public struct TaskState: Sendable, Hashable {
    /// The Resource, an ARN.
    public let resource: String
    public let timeoutSeconds: NumberSource?
    public let heartbeatSeconds: NumberSource?
    /// Credentials; kept and checked, with no effect but in what TestState and history show.
    public let credentials: PayloadTemplate?

    public init(
        resource: String, timeoutSeconds: NumberSource? = nil, heartbeatSeconds: NumberSource? = nil,
        credentials: PayloadTemplate? = nil
    ) {
        self.resource = resource
        self.timeoutSeconds = timeoutSeconds
        self.heartbeatSeconds = heartbeatSeconds
        self.credentials = credentials
    }
}

public struct ChoiceState: Sendable, Hashable {
    public let rules: [Rule]
    public let defaultNext: String?

    public struct Rule: Sendable, Hashable {
        public let condition: ChoiceCondition
        public let next: String
        /// Instead of the state's own Assign and Output, when this rule matches.
        public let assign: PayloadTemplate?
        /// JSONata only.
        public let output: PayloadTemplate?

        public init(
            condition: ChoiceCondition, next: String, assign: PayloadTemplate? = nil, output: PayloadTemplate? = nil
        ) {
            self.condition = condition
            self.next = next
            self.assign = assign
            self.output = output
        }
    }

    public init(rules: [Rule], defaultNext: String?) {
        self.rules = rules
        self.defaultNext = defaultNext
    }
}

/// Wait in its forms: a number of seconds or an instant, each literal, by path or by expression.
public enum WaitState: Sendable, Hashable {
    case seconds(NumberSource)
    /// RFC 3339 text; literals are checked when the definition is read.
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
    /// INLINE: iterations inside this execution; DISTRIBUTED: a Map Run with child executions.
    public let mode: Mode
    public let items: Items
    /// ItemReader: where a distributed Map takes its items from, instead of ``items`` (then ``Items/path(_:)`` selects
    /// within what was read where it is not `$`).
    public let reader: ItemReader?
    /// ItemSelector (or Parameters of the older form): evaluated once an item, with `Map.Item` in the context.
    public let itemSelector: PayloadTemplate?
    public let batcher: ItemBatcher?
    public let writer: ResultWriter?
    /// Iterations at the same time; 0 means no limit.
    public let maxConcurrency: NumberSource
    public let toleratedFailurePercentage: PercentageSource?
    public let toleratedFailureCount: NumberSource?
    /// The name in ARNs of the Map Run and its child executions; nil: the service makes one.
    public let label: String?

    public enum Mode: Sendable, Hashable {
        case inline
        /// ExecutionType of the children, STANDARD by default.
        case distributed(isExpress: Bool)
    }

    /// What a Map state maps over.
    public enum Items: Sendable, Hashable {
        /// ItemsPath, `$` by default: reads what InputPath selects.
        case path(JSONPath)
        /// Items of a JSONata state: an array (with expressions inside) or one expression. Objects give one item a
        /// member, as `{"Key":..., "Value":...}`, in distributed mode.
        case template(PayloadTemplate)
        /// A JSONata state without Items: the state's input.
        case input
    }

    public init(
        processor: StateMachine, mode: Mode, items: Items, reader: ItemReader?, itemSelector: PayloadTemplate?,
        batcher: ItemBatcher?, writer: ResultWriter?, maxConcurrency: NumberSource,
        toleratedFailurePercentage: PercentageSource?, toleratedFailureCount: NumberSource?, label: String?
    ) {
        self.processor = processor
        self.mode = mode
        self.items = items
        self.reader = reader
        self.itemSelector = itemSelector
        self.batcher = batcher
        self.writer = writer
        self.maxConcurrency = maxConcurrency
        self.toleratedFailurePercentage = toleratedFailurePercentage
        self.toleratedFailureCount = toleratedFailureCount
        self.label = label
    }
}

/// ItemReader of a distributed Map.
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
public struct ItemReader: Sendable, Hashable {
    /// `arn:aws:states:::s3:getObject` or `arn:aws:states:::s3:listObjectsV2`.
    public let resource: String
    /// Parameters (JSONPath) or Arguments (JSONata): Bucket, Key, Prefix.
    public let parameters: PayloadTemplate?
    public let inputType: InputType?
    public let csv: CSVFormat?
    /// MANIFEST: what kind of manifest; nil otherwise.
    public let manifestType: String?
    /// LOAD_AND_FLATTEN of an object listing.
    public let loadsAndFlattens: Bool
    /// ItemsPointer: RFC 6901 pointer to the array in a JSON object.
    public let itemsPointer: String?
    public let maxItems: NumberSource?

    public enum InputType: String, Sendable, Hashable, CaseIterable {
        case json = "JSON"
        case jsonLines = "JSONL"
        case csv = "CSV"
        case manifest = "MANIFEST"
        case parquet = "PARQUET"
    }

    public struct CSVFormat: Sendable, Hashable {
        /// Field names, when CSVHeaderLocation is GIVEN; nil: FIRST_ROW.
        public let headers: [String]?
        /// One of `,` `|` `;` space tab.
        public let delimiter: String

        public init(headers: [String]?, delimiter: String) {
            self.headers = headers
            self.delimiter = delimiter
        }
    }

    public init(
        resource: String, parameters: PayloadTemplate?, inputType: InputType?, csv: CSVFormat?, manifestType: String?,
        loadsAndFlattens: Bool, itemsPointer: String?, maxItems: NumberSource?
    ) {
        self.resource = resource
        self.parameters = parameters
        self.inputType = inputType
        self.csv = csv
        self.manifestType = manifestType
        self.loadsAndFlattens = loadsAndFlattens
        self.itemsPointer = itemsPointer
        self.maxItems = maxItems
    }
}

/// ItemBatcher of a distributed Map; at least one of the two maxima is there.
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html
public struct ItemBatcher: Sendable, Hashable {
    public let batchInput: PayloadTemplate?
    public let maxItemsPerBatch: NumberSource?
    /// Of one child's input; at most 256 KiB.
    public let maxInputBytesPerBatch: NumberSource?

    public init(batchInput: PayloadTemplate?, maxItemsPerBatch: NumberSource?, maxInputBytesPerBatch: NumberSource?) {
        self.batchInput = batchInput
        self.maxItemsPerBatch = maxItemsPerBatch
        self.maxInputBytesPerBatch = maxInputBytesPerBatch
    }
}

/// ResultWriter of a distributed Map.
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
public struct ResultWriter: Sendable, Hashable {
    /// `arn:aws:states:::s3:putObject`; nil: results stay in the state's output, formatted as WriterConfig says.
    public let resource: String?
    /// Parameters (JSONPath) or Arguments (JSONata): Bucket, Prefix.
    public let parameters: PayloadTemplate?
    public let transformation: Transformation
    public let outputType: OutputType

    public enum Transformation: String, Sendable, Hashable, CaseIterable {
        case none = "NONE"
        case compact = "COMPACT"
        case flatten = "FLATTEN"
    }

    public enum OutputType: String, Sendable, Hashable, CaseIterable {
        case json = "JSON"
        case jsonLines = "JSONL"
    }

    public init(
        resource: String?, parameters: PayloadTemplate?, transformation: Transformation, outputType: OutputType
    ) {
        self.resource = resource
        self.parameters = parameters
        self.transformation = transformation
        self.outputType = outputType
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
    /// JSONPath only: where the error output goes in the state's input.
    public let resultPath: PathFlow.ResultPlacement
    /// JSONata only: evaluated with `$states.errorOutput`; nil: the error output is handed on.
    public let output: PayloadTemplate?
    /// Instead of the state's own Assign, when this catcher takes the error.
    public let assign: PayloadTemplate?

    public init(
        errorEquals: [String], next: String, resultPath: PathFlow.ResultPlacement = .replace,
        output: PayloadTemplate? = nil, assign: PayloadTemplate? = nil
    ) {
        self.errorEquals = errorEquals
        self.next = next
        self.resultPath = resultPath
        self.output = output
        self.assign = assign
    }
}
