public import ArgumentParser
import Glibc

extension AsyncParsableCommand {
    /// Parses the process's arguments, runs the command and ends the process when that fails: what went wrong on
    /// standard error, and the exit status that the documentation promises (1 failed, 2 wrong use).
    ///
    /// - Parameter statusOf: the status of errors that this program knows better; nil for the general rule.
    public static func runAsProgram(statusOf: @Sendable (any Error) -> Int32?) async {
        // A reader that goes away is an error of the write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        var isRunning = false
        do {
            var command = try parseAsRoot()
            isRunning = true
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let code as ExitCode {
            Glibc.exit(code.rawValue)
        } catch {
            if let status = statusOf(error) { end("\(name): \(error)", status) }
            // What is wrong with the data of a command that is well-formed: how to call it would only stand in the way.
            if isRunning, let fault = error as? ValidationError { end("\(name): \(fault.message)", 2) }
            let code = exitCode(for: error)
            if code == .success {
                Terminal.line(fullMessage(for: error))
                Glibc.exit(0)
            }
            let isUsage = code == .validationFailure
            end(isUsage ? fullMessage(for: error) : "\(name): \(error)", isUsage ? 2 : 1)
        }
    }

    private static var name: String { configuration.commandName ?? "" }

    private static func end(_ message: String, _ status: Int32) -> Never {
        Terminal.error(message)
        Glibc.exit(status)
    }
}
