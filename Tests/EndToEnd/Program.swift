import Foundation
import Synchronization
import TemporaryFolder

/// A program that runs beside the test: its output goes to files, which nobody has to read for it to go on.
final class Program: Sendable {
    let pid: Int32
    let outputPath: String
    let errorPath: String
    private let process: Process
    private let end: Task<Int32, Never>
    private let hasEnded = Atomic(false)

    /// - Parameters:
    ///   - path: absolute, or a name to be found on PATH.
    ///   - environment: set beside what this process has; the empty text takes a variable away.
    ///   - logs: where the files `NAME.out` and `NAME.err` go; made anew.
    ///   - input: kept open for reading as standard input; nothing by default.
    init(
        _ path: String, _ arguments: [String], environment: [String: String] = [:], logs: String, name: String,
        input: FileHandle? = nil, directory: String? = nil
    ) throws {
        outputPath = "\(logs)/\(name).out"
        errorPath = "\(logs)/\(name).err"
        process = Process()
        process.executableURL = URL(filePath: path.hasPrefix("/") ? path : "/usr/bin/env")
        process.arguments = path.hasPrefix("/") ? arguments : [path] + arguments
        if let directory { process.currentDirectoryURL = URL(filePath: directory) }
        var variables = ProcessInfo.processInfo.environment
        // What is tested is on loopback; what a developer has set for an engine elsewhere is not meant.
        for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "SHOWRUNNER_ENGINE"] {
            variables[name] = nil
        }
        for (name, value) in environment { variables[name] = value.isEmpty ? nil : value }
        process.environment = variables
        for path in [outputPath, errorPath] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
        process.standardInput = input ?? FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: outputPath))
        process.standardError = try FileHandle(forWritingTo: URL(filePath: errorPath))
        let (statuses, continuation) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { process in
            let isSignal = process.terminationReason == .uncaughtSignal
            continuation.yield(process.terminationStatus + (isSignal ? 128 : 0))
            continuation.finish()
        }
        end = Task {
            for await status in statuses { return status }
            return -1
        }
        try process.run()
        pid = process.processIdentifier
        let end = self.end
        Task { [self] in
            _ = await end.value
            hasEnded.store(true, ordering: .releasing)
        }
    }

    var isRunning: Bool { !hasEnded.load(ordering: .acquiring) }

    var output: String { get throws { try text(outputPath) } }
    var errors: String { get throws { try text(errorPath) } }

    /// The last lines of both outputs, for the message of a failure.
    func lastWords(_ count: Int = 50) -> String {
        [outputPath, errorPath].map { path in
            do {
                return try text(path).split(separator: "\n").suffix(count).joined(separator: "\n")
            } catch {
                return "\(path) can't be read: \(error)"
            }
        }.joined(separator: "\n")
    }

    func signal(_ signal: Int32) { kill(pid, signal) }

    /// The exit status; 128 and the number for a signal. A program that takes too long is killed.
    func status(within limit: Duration) async throws -> Int32 {
        let killer = Task { [self] in
            try await Task.sleep(for: limit)
            signal(SIGKILL)
            return true
        }
        let status = await end.value
        killer.cancel()
        if case .success(true) = await killer.result {
            throw TooLate(description: "pid \(pid) did not end within \(limit) and was killed\n\(lastWords())")
        }
        return status
    }

    /// Ends it, where it has not ended.
    func stop() async {
        if isRunning { signal(SIGKILL) }
        _ = await end.value
    }
}

/// A text file, read whole.
func text(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
}

/// What a program that was run to its end has said.
struct Ended: Sendable {
    let status: Int32
    let output: String
    let errors: String
}

extension Program {
    private static let runs = Atomic<Int>(0)

    /// Runs a program to its end.
    static func run(
        _ path: String, _ arguments: [String], environment: [String: String] = [:], directory: String? = nil,
        limit: Duration = .seconds(240)
    ) async throws -> Ended {
        let name = "run-\(runs.add(1, ordering: .relaxed).newValue)"
        let program = try Program(
            path, arguments, environment: environment, logs: Workplace.path, name: name, directory: directory)
        let status = try await program.status(within: limit)
        return Ended(status: status, output: try program.output, errors: try program.errors)
    }
}

/// One folder for the files of this run of the tests. It goes when the process ends.
enum Workplace {
    static let path: String = {
        do { return try TemporaryFolder.untilExit() } catch {
            preconditionFailure("/tmp takes no new folder: \(error)")
        }
    }()

    private static let files = Atomic<Int>(0)

    /// A path that nothing has had before.
    static func file(_ name: String) -> String { "\(path)/\(files.add(1, ordering: .relaxed).newValue)-\(name)" }
}

/// The project's programs.
enum Binaries {
    /// Beside the test program, unless the environment names another place.
    static let directory: String =
        ProcessInfo.processInfo.environment["SHOWRUNNER_BIN_DIR"]
        ?? URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path

    static var showrunner: String { directory + "/showrunner" }
    static var worker: String { directory + "/showrunner-worker" }
    static var api: String { directory + "/showrunner-api" }

    /// The checkout.
    static let checkout: String =
        URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
}
