import ArgumentParser

/// Values that only their user can mend: on the command line, in a file or in the environment.
public enum Usage {
    /// Makes a failure of `body` one of wrong use, which ends the program with status 2.
    public static func check<Value, Failure: Error & CustomStringConvertible>(
        _ body: () throws(Failure) -> Value
    ) throws -> Value {
        do { return try body() } catch { throw ValidationError(error.description) }
    }
}
