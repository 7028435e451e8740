import Engine
import HTTPServer

/// How the console's routes ask the engine: for as long as a caller is to wait, and with its refusals in HTTP's words.
struct Asking: Sendable {
    let deadline: AnswerDeadline

    func callAsFunction<Answer: Sendable>(
        _ call: @escaping @Sendable () async throws(EngineError) -> Answer
    ) async throws(Problem) -> Answer {
        do throws(EngineError) { return try await engine(call) } catch { throw Problem(error) }
    }

    /// The same in the engine's words, for routes that have their own for some of its refusals.
    func engine<Answer: Sendable>(
        _ call: @escaping @Sendable () async throws(EngineError) -> Answer
    ) async throws(EngineError) -> Answer {
        try await deadline.answer(late: EngineError.unanswered, call)
    }
}

extension Problem {
    init(_ error: EngineError) {
        switch error.code {
        case .notFound, .resourceNotFound:
            self = .notFound(error.message)
        case .machineNotFound:
            self.init(
                "machine-not-found", status: .notFound, title: "No such state machine", detail: error.message)
        case .nameTaken:
            self.init("name-taken", status: .conflict, title: "The name is taken", detail: error.message)
        case .unavailable, .busy, .executionLimit, .pollLimit:
            self = .unavailable(error.message, retryAfter: 1)
        case .machineDeleting, .conflict, .machineExists, .notRedrivable:
            self.init("conflict", status: .conflict, title: "It does not go with what is there", detail: error.message)
        case .invalid, .invalidName, .invalidARN, .typeNotSupported, .invalidDefinition, .invalidInput,
            .invalidLogging, .invalidEncryption, .missingParameter, .tooManyTags, .activityNotFound, .machineLimit,
            .activityLimit, .quotaExceeded, .invalidToken, .invalidOutput, .taskNotFound, .taskTimedOut:
            self.init(
                "invalid-argument", status: .badRequest, title: "An argument is not valid", detail: error.message)
        }
    }
}
