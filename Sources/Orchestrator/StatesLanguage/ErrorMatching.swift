extension Retrier {
    /// Whether this retrier is meant for an error of that name.
    public func matches(error: String) -> Bool { errorEquals.contains { errorName($0, covers: error) } }
}

extension Catcher {
    /// Whether this catcher is meant for an error of that name.
    public func matches(error: String) -> Bool { errorEquals.contains { errorName($0, covers: error) } }
}

/// Whether a name in ErrorEquals covers a reported error.
///
/// `States.ALL` and `States.TaskFailed` never cover `States.Runtime` and `States.DataLimitExceeded`, which the service
/// reports when going on makes no sense. A missed heartbeat is a time-out, so `States.Timeout` covers it and
/// `States.TaskFailed` covers neither.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
private func errorName(_ name: String, covers error: String) -> Bool {
    if name.utf8.elementsEqual(error.utf8) { return true }
    let isTerminal = error == ErrorName.runtime || error == ErrorName.dataLimitExceeded
    return switch name {
    case ErrorName.all: !isTerminal
    case ErrorName.taskFailed: !isTerminal && error != ErrorName.timeout && error != ErrorName.heartbeatTimeout
    case ErrorName.timeout: error == ErrorName.heartbeatTimeout
    default: false
    }
}
