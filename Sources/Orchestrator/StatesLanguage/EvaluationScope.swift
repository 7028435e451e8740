public import JSON
public import OrderedCollections

/// What expressions may read. A value of its own, so that evaluation stays a pure function of it.
public struct EvaluationScope: Sendable {
    /// What `$` names in JSONPath, and `$states.input` in JSONata.
    public var input: JSON
    /// What `$$` names: the context object; `$states.context` in JSONata.
    public var context: JSON
    /// The variables that are visible, by name without `$`.
    public var variables: Variables
    /// `$states.result`, where a state has one: in Assign and Output of Task, Parallel and Map.
    public var result: JSON?
    /// `$states.errorOutput`: in Assign and Output of a catcher.
    public var errorOutput: JSON?
    /// The source of randomness (States.UUID, States.MathRandom, $random, $uuid): the same seed gives the same values.
    public var seed: UInt64
    /// Engine time in microseconds since 1970-01-01T00:00:00Z: `$now` and `$millis`.
    public var now: Int64
    /// Digests for States.Hash and $hash; without one the functions fail. Cryptography is no business of a pure room.
    public var digest: Digest?

    public typealias Variables = OrderedDictionary<String, JSON>

    /// Gives the digest of bytes in lower-case hexadecimal digits.
    public typealias Digest = @Sendable (_ algorithm: DigestAlgorithm, _ bytes: [UInt8]) -> String

    public init(
        input: JSON, context: JSON = [:], variables: Variables = [:], result: JSON? = nil, errorOutput: JSON? = nil,
        seed: UInt64 = 0, now: Int64 = 0, digest: Digest? = nil
    ) {
        self.input = input
        self.context = context
        self.variables = variables
        self.result = result
        self.errorOutput = errorOutput
        self.seed = seed
        self.now = now
        self.digest = digest
    }
}

/// The algorithms of States.Hash, by the names the language gives them.
public enum DigestAlgorithm: String, Sendable, Hashable, CaseIterable {
    case md5 = "MD5"
    case sha1 = "SHA-1"
    case sha256 = "SHA-256"
    case sha384 = "SHA-384"
    case sha512 = "SHA-512"
}

/// Why an expression has no value, as the execution will report it.
public struct EvaluationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A reserved error name of the language, such as `States.ParameterPathFailure`.
    public let error: String
    /// The cause without the words "An error occurred while executing the state ...", which the execution puts before.
    public let cause: String
    /// The field whose expression failed, as the `EvaluationFailed` event names it (`Arguments/FunctionName`, `Items`);
    /// nil where AWS names none.
    public let location: String?
    /// Whether the history tells this as an `EvaluationFailed` event: failures of JSONata states.
    public let isEvaluationFailure: Bool

    public init(error: String, cause: String, location: String? = nil, isEvaluationFailure: Bool = false) {
        self.error = error
        self.cause = cause
        self.location = location
        self.isEvaluationFailure = isEvaluationFailure
    }

    public var description: String { "\(error): \(cause)" }

    static func runtime(_ cause: String) -> EvaluationError {
        EvaluationError(error: ErrorName.runtime, cause: cause)
    }
}

/// The reserved error names of the language.
///
/// Source: https://states-language.net/spec.html#appendix-a
public enum ErrorName {
    public static let all = "States.ALL"
    public static let heartbeatTimeout = "States.HeartbeatTimeout"
    public static let timeout = "States.Timeout"
    public static let taskFailed = "States.TaskFailed"
    public static let permissions = "States.Permissions"
    public static let resultPathMatchFailure = "States.ResultPathMatchFailure"
    public static let parameterPathFailure = "States.ParameterPathFailure"
    public static let branchFailed = "States.BranchFailed"
    public static let noChoiceMatched = "States.NoChoiceMatched"
    public static let intrinsicFailure = "States.IntrinsicFailure"
    public static let exceedToleratedFailureThreshold = "States.ExceedToleratedFailureThreshold"
    public static let itemReaderFailed = "States.ItemReaderFailed"
    public static let resultWriterFailed = "States.ResultWriterFailed"
    public static let queryEvaluationError = "States.QueryEvaluationError"
    public static let runtime = "States.Runtime"
    public static let dataLimitExceeded = "States.DataLimitExceeded"

    static let reserved: Set<String> = [
        all, heartbeatTimeout, timeout, taskFailed, permissions, resultPathMatchFailure, parameterPathFailure,
        branchFailed, noChoiceMatched, intrinsicFailure, exceedToleratedFailureThreshold, itemReaderFailed,
        resultWriterFailed, queryEvaluationError, runtime, dataLimitExceeded, "States.Http.Socket",
    ]
}
