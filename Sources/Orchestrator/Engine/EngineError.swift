/// Why the engine refused a call.
public struct EngineError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable, Hashable {
        /// No such execution.
        case notFound
        /// No such state machine.
        case machineNotFound
        /// The name belongs to another execution of this machine.
        case nameTaken
        /// An argument is malformed or beyond its limit.
        case invalid
        /// The engine starts, stops or stands by, or the database does not answer: the same call may succeed later.
        case unavailable
        /// As many synchronous executions are waited for as may be: the same call may succeed later.
        case busy
        /// As many executions are open as may be: the same call may succeed later.
        case executionLimit
        /// As many polls wait as may: the same call may succeed later.
        case pollLimit
        /// A name that AWS's rules do not allow.
        case invalidName
        /// No ARN, or one of another kind of resource.
        case invalidARN
        /// Another machine has the name.
        case machineExists
        /// The machine is about to be gone.
        case machineDeleting
        /// The operation is not for machines of this type.
        case typeNotSupported
        case invalidDefinition
        /// The input of an execution is no JSON.
        case invalidInput
        case invalidLogging
        case invalidEncryption
        /// None of several arguments is there, and one has to be.
        case missingParameter
        /// What is asked for does not go with what is there.
        case conflict
        /// No such version, alias or tagged resource.
        case resourceNotFound
        case tooManyTags
        case activityNotFound
        case machineLimit
        case activityLimit
        case quotaExceeded
        /// The token was made by nobody here.
        case invalidToken
        /// The output of a task is no JSON.
        case invalidOutput
        /// No task has this token.
        case taskNotFound
        /// The task that had this token is over.
        case taskTimedOut
        /// The execution runs, has succeeded, belongs to a Map Run, or ended too long ago.
        case notRedrivable
    }

    public let code: Code
    /// A sentence for people, with the values in it.
    public let message: String

    public init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }

    /// What whoever has waited long enough is told, since the database does not answer: the change is on its way, and goes in
    /// when it does.
    public static let unanswered = EngineError(
        code: .unavailable, message: "Whether the call was made is not known: the database has not answered in time.")

    /// Whether the same call may succeed later, without anybody changing anything.
    public var isPassing: Bool {
        switch code {
        case .unavailable, .busy, .executionLimit, .pollLimit: true
        default: false
        }
    }
}
