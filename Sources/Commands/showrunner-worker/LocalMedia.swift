import ArgumentParser
import Glibc
import JSON
import Logging
import StepContracts
import UnixSignals
import Worker

/// What the media commands on local files have in common.
enum LocalMedia {
    /// Wrong use, exit code 2, for a file that cannot be read.
    static func checkReadable(_ path: String) throws {
        var info = stat()
        guard stat(path, &info) == 0 else {
            throw ValidationError("\(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        guard info.st_mode & S_IFMT == S_IFREG else { throw ValidationError("\(path) is not a regular file") }
        guard access(path, R_OK) == 0 else {
            throw ValidationError("\(path) cannot be read: \(String(cString: strerror(errno)))")
        }
    }

    /// Runs a step on a file in the sandboxed child. SIGINT and SIGTERM end it and leave nothing behind.
    static func run(
        _ contract: StepContract, file: String, input: JSON = [:], directory: String?, threads: Int,
        usesResults: Bool, bars: ProgressBars
    ) async throws -> LocalStepRun.Result {
        // The commands speak for themselves; only what is wrong with the machine is logged.
        var logger = Logger(label: "showrunner-worker", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .warning
        let run = LocalStepRun(contract, threads: threads, childCommand: try ChildProgram.command(), logger: logger)
        return try await untilInterrupted {
            try await run.run(
                file: file, input: input, directory: directory, usesResults: usesResults,
                report: { bars.show($0) })
        }
    }

    /// Cancels the work on SIGINT and SIGTERM.
    private static func untilInterrupted<Value: Sendable>(
        _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await work() }
            group.addTask {
                for await _ in signals { break }
                return nil
            }
            defer { group.cancelAll() }
            guard let value = try await group.next() ?? nil else { throw StepFailure.cancelled("interrupted") }
            return value
        }
    }
}
