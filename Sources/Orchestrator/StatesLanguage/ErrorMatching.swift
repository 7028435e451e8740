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
/// `States.ALL` and `States.TaskFailed` never cover `States.Runtime`, which the service reports when going on makes no
/// sense. `States.ALL` does cover `States.DataLimitExceeded`: the service's documentation says that it does not, and the
/// service's recorded histories show that it does. A missed heartbeat is a time-out, so `States.Timeout` covers it and
/// `States.TaskFailed` covers neither.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
private func errorName(_ name: String, covers error: String) -> Bool {
    if name.utf8.elementsEqual(error.utf8) { return true }
    return switch name {
    case ErrorName.all: error != ErrorName.runtime
    case ErrorName.taskFailed:
        error != ErrorName.runtime && error != ErrorName.dataLimitExceeded && error != ErrorName.timeout
            && error != ErrorName.heartbeatTimeout
    case ErrorName.timeout: error == ErrorName.heartbeatTimeout
    default: false
    }
}
