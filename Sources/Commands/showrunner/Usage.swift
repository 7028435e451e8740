import ArgumentParser

/// Values that only their user can mend.
enum Usage {
    /// Makes a failure of `body` one of wrong use, which ends the command with status 2.
    static func check<Value, Failure: Error & CustomStringConvertible>(
        _ body: () throws(Failure) -> Value
    ) throws -> Value {
        do { return try body() } catch { throw ValidationError(error.description) }
    }
}
