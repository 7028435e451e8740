public import JSON
public import StepContracts

/// "Done": the task's output. Answered with 200 and `{}`, or 409 ``WorkerProblem/staleToken`` when the attempt is no
/// longer live; the worker repeats it until one of the two comes.
public struct CompleteRequest: WorkerMessage {
    public static let messageName = "complete request"

    public let token: String
    /// At most ``WorkerProtocolLimits/outputBytes`` as compact JSON.
    public let output: JSON
    /// What the attempt took; nil where the worker does not measure it.
    public let usage: StepUsage?

    public init(token: String, output: JSON, usage: StepUsage? = nil) {
        self.token = token
        self.output = output
        self.usage = usage
    }

    public var json: JSON { .members(("token", .string(token)), ("output", output), ("usage", usage?.json)) }

    public init(json: JSON) throws(WorkerProtocolError) {
        var reader = MessageReader(json, as: Self.messageName)
        token = reader.string("token", maximumBytes: WorkerProtocolLimits.tokenBytes)
        output = reader.value("output", maximumBytes: WorkerProtocolLimits.outputBytes)
        usage = reader.optionalUsage("usage")
        try reader.finish()
    }
}

/// "It failed": why, and whether repeating can help. Answered and repeated as ``CompleteRequest`` is.
public struct FailRequest: WorkerMessage {
    public static let messageName = "fail request"

    public let token: String
    /// A States Language error name.
    public let error: String
    /// A sentence a person understands.
    public let cause: String
    public let retry: RetryClass
    /// What the attempt took; nil where the worker does not measure it, or could not.
    public let usage: StepUsage?

    /// Error and cause that are longer than a message allows are cut at the end, at a character.
    public init(token: String, failure: StepFailure, usage: StepUsage? = nil) {
        self.token = token
        self.usage = usage
        error = failure.error.cut(toBytes: WorkerProtocolLimits.errorBytes)
        cause = failure.cause.cut(toBytes: WorkerProtocolLimits.causeBytes)
        retry = failure.retry
    }

    public var failure: StepFailure { StepFailure(error: error, cause: cause, retry: retry) }

    public var json: JSON {
        .members(
            ("token", .string(token)), ("error", .string(error)), ("cause", .string(cause)),
            ("retry", .string(retry.rawValue)), ("usage", usage?.json))
    }

    public init(json: JSON) throws(WorkerProtocolError) {
        var reader = MessageReader(json, as: Self.messageName)
        token = reader.string("token", maximumBytes: WorkerProtocolLimits.tokenBytes)
        error = reader.string("error", maximumBytes: WorkerProtocolLimits.errorBytes)
        cause = reader.string("cause", maximumBytes: WorkerProtocolLimits.causeBytes, mayBeEmpty: true)
        let word = reader.choice("retry", otherwise: RetryWord.never)
        retry = word.retryClass
        usage = reader.optionalUsage("usage")
        try reader.finish()
    }
}

/// The words of ``RetryClass`` on the wire.
private enum RetryWord: String, CaseIterable {
    case never, elsewhere, transient

    var retryClass: RetryClass {
        switch self {
        case .never: .never
        case .elsewhere: .elsewhere
        case .transient: .transient
        }
    }
}

extension String {
    /// The longest beginning that has at most so many bytes and cuts no character in two.
    func cut(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = startIndex
        var count = 0
        while end < endIndex {
            let next = index(after: end)
            count += self[end..<next].utf8.count
            if count > limit { break }
            end = next
        }
        return String(self[..<end])
    }
}
