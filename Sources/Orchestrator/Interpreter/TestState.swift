public import JSON
public import StatesLanguage

/// One state tried alone, as the service's TestState tries it: with a mock in the place of what the state would have
/// done, and with a look at what each of its fields made of the data.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_TestState.html
public struct TestStateRequest: Sendable, Hashable {
    /// A state as JSON text; with ``stateName`` a whole machine.
    public var definition: String
    /// The state to try, wherever it stands in the machine.
    public var stateName: String?
    /// JSON text.
    public var input: String
    public var roleARN: String?
    public var inspectionLevel: InspectionLevel
    /// Shows what the connection of an HTTP task adds; without a meaning as long as nothing is called.
    public var revealSecrets: Bool
    public var mock: Mock?
    /// The context object as JSON text, instead of the one that is made up.
    public var context: String?
    /// Variables by name as JSON text.
    public var variables: String?
    public var configuration: Configuration

    /// How much is told beside the outcome.
    public enum InspectionLevel: String, Sendable, Hashable, CaseIterable {
        case info = "INFO"
        case debug = "DEBUG"
        /// As ``debug``, and of an HTTP task its request and its response.
        case trace = "TRACE"
    }

    /// What the state's work gave.
    public struct Mock: Sendable, Hashable {
        public var outcome: Outcome
        public var fieldValidation: FieldValidation

        public enum Outcome: Sendable, Hashable {
            /// JSON text.
            case result(String)
            case error(String?, cause: String?)
        }

        /// How far a mocked result has to be what the service would answer.
        public enum FieldValidation: String, Sendable, Hashable, CaseIterable {
            /// All required fields, each of its type.
            case strict = "STRICT"
            /// The fields that are there, each of its type.
            case present = "PRESENT"
            case none = "NONE"
        }

        public init(_ outcome: Outcome, fieldValidation: FieldValidation = .strict) {
            self.outcome = outcome
            self.fieldValidation = fieldValidation
        }
    }

    /// What has happened before.
    public struct Configuration: Sendable, Hashable {
        /// Times the retrier that covers the error has been used.
        public var retrierRetryCount: Int?
        /// Failed iterations of a Map state.
        public var mapIterationFailureCount: Int?
        /// The state inside a Parallel or Map state from which a mocked error comes.
        public var errorCausedByState: String?
        /// What a Map state's ItemReader reads, as it stands in the object.
        public var mapItemReaderData: String?

        public init(
            retrierRetryCount: Int? = nil, mapIterationFailureCount: Int? = nil, errorCausedByState: String? = nil,
            mapItemReaderData: String? = nil
        ) {
            self.retrierRetryCount = retrierRetryCount
            self.mapIterationFailureCount = mapIterationFailureCount
            self.errorCausedByState = errorCausedByState
            self.mapItemReaderData = mapItemReaderData
        }
    }

    public init(
        definition: String, stateName: String? = nil, input: String = "{}", roleARN: String? = nil,
        inspectionLevel: InspectionLevel = .info, revealSecrets: Bool = false, mock: Mock? = nil,
        context: String? = nil, variables: String? = nil, configuration: Configuration = Configuration()
    ) {
        self.definition = definition
        self.stateName = stateName
        self.input = input
        self.roleARN = roleARN
        self.inspectionLevel = inspectionLevel
        self.revealSecrets = revealSecrets
        self.mock = mock
        self.context = context
        self.variables = variables
        self.configuration = configuration
    }
}

/// How a tried state ended.
public struct TestStateAnswer: Sendable, Hashable {
    public var status: Status
    /// What the state or its catcher hands on.
    public var output: JSON?
    public var error: String?
    public var cause: String?
    /// Where the machine would go on.
    public var nextState: String?
    /// What the fields made of the data, by the names of the service's InspectionData; nil at level INFO.
    public var inspection: Inspection?

    public enum Status: String, Sendable, Hashable {
        case succeeded = "SUCCEEDED"
        case failed = "FAILED"
        /// A retrier would try again.
        case retriable = "RETRIABLE"
        /// A catcher took the error.
        case caughtError = "CAUGHT_ERROR"
    }
}

/// Why a request was refused: the service's error by its name.
public struct TestStateError: Error, Sendable, Hashable, CustomStringConvertible {
    /// `ValidationException`, `InvalidDefinition` or `InvalidExecutionInput`.
    public let name: String
    public let message: String

    public init(name: String, message: String) {
        self.name = name
        self.message = message
    }

    public var description: String { "\(name): \(message)" }

    static func validation(_ message: String) -> TestStateError {
        TestStateError(name: "ValidationException", message: message)
    }

    static func invalidDefinition(_ message: String) -> TestStateError {
        TestStateError(name: "InvalidDefinition", message: message)
    }
}

/// What a test cannot know by itself.
public struct TestSurroundings: Sendable {
    /// Engine time.
    public var now: Instant
    /// Of everything random: names in the context object, jitter, `States.UUID`.
    public var seed: UInt64
    /// `PARTITION:states:REGION:ACCOUNT` of the ARNs in the context object.
    public var location: String
    public var limits: DataLimits
    public var digest: EvaluationScope.Digest?
    /// What is known of a resource's results; nil: nothing is, and any mocked result will do. The integrations of AWS are
    /// known unless another is given.
    public var resultShape: @Sendable (_ resource: String) -> ResultShape?

    public init(
        now: Instant, seed: UInt64, location: String = "aws:states:us-east-1:000000000000",
        limits: DataLimits = .standard, digest: EvaluationScope.Digest? = nil,
        resultShape: @escaping @Sendable (_ resource: String) -> ResultShape? = { ResultShape.ofIntegration($0) }
    ) {
        self.now = now
        self.seed = seed
        self.location = location
        self.limits = limits
        self.digest = digest
        self.resultShape = resultShape
    }
}

/// Tries one state. Calls nothing: a state that works has to be mocked.
public func testState(
    _ request: TestStateRequest, in surroundings: TestSurroundings
) throws(TestStateError) -> TestStateAnswer {
    let test = try StateTest(request, surroundings)
    var rehearsal = Rehearsal(test, surroundings)
    return rehearsal.answer(level: request.inspectionLevel)
}
