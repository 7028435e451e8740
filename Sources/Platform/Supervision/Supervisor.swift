import Glibc
public import Logging
import Subprocess
import SystemPackage

/// A program to be kept running.
public struct SupervisedProgram: Sendable {
    /// Names it in logs and in `NAME.pid`.
    public let name: String
    /// Absolute path.
    public let executable: String
    public let arguments: [String]
    /// Set beside what this process has in its environment.
    public let environment: [String: String]
    /// How long it may take to end after SIGTERM; then it is killed.
    public let stopPatience: Duration

    public init(
        name: String, executable: String, arguments: [String], environment: [String: String] = [:],
        stopPatience: Duration = .seconds(15)
    ) {
        self.name = name
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.stopPatience = stopPatience
    }
}

/// Keeps programs running as children of this process: each in a process group of its own, its pid in a file, started
/// again when it ends by itself, ended when told to. Their output goes to this process's standard error.
public actor Supervisor {
    private let directory: String
    private let log: Logger
    private let lifeline: Lifeline
    private var tasks: [String: Task<Void, Never>] = [:]
    /// How the last run of a program ended that has not been up for long.
    private var quickEnds: [String: (count: Int, reason: String)] = [:]

    /// - Parameter directory: where pid files go; exists already.
    public init(directory: String, log: Logger) throws(SupervisionError) {
        self.directory = directory
        self.log = log
        lifeline = try Lifeline()
    }

    /// Starts a program and keeps it running until ``stop(_:)``.
    public func start(_ program: SupervisedProgram) {
        precondition(tasks[program.name] == nil, "\(program.name) is supervised already")
        tasks[program.name] = Task { await keep(program) }
    }

    /// Ends a program and returns when it has ended.
    public func stop(_ name: String) async {
        guard let task = tasks.removeValue(forKey: name) else { return }
        task.cancel()
        await task.value
    }

    /// Ends several programs at the same time.
    public func stop(_ names: [String]) async {
        await withTaskGroup(of: Void.self) { group in
            for name in names { group.addTask { await self.stop(name) } }
        }
    }

    /// A program that keeps ending right after its start, and how it ended; nil while there is none.
    public func failing(after ends: Int) -> (name: String, reason: String)? {
        quickEnds.filter { $0.value.count >= ends }.min { $0.key < $1.key }.map { ($0.key, $0.value.reason) }
    }

    private func keep(_ program: SupervisedProgram) async {
        var pause = Duration.milliseconds(100)
        while !Task.isCancelled {
            let begin = ContinuousClock.now
            let reason = await run(program)
            removePidFile(of: program.name)
            if Task.isCancelled { return }
            if ContinuousClock.now - begin > .seconds(10) {
                pause = .milliseconds(100)
                quickEnds[program.name] = nil
            } else {
                quickEnds[program.name] = ((quickEnds[program.name]?.count ?? 0) + 1, reason)
            }
            log.warning("ended; starting it again", metadata: ["program": "\(program.name)", "reason": "\(reason)"])
            do { try await Task.sleep(for: pause) } catch { return }
            pause = min(pause * 2, .seconds(5))
        }
    }

    /// Runs a program to its end and says how it ended.
    private func run(_ program: SupervisedProgram) async -> String {
        var options = PlatformOptions()
        // The terminal's Ctrl-C is for this process, which ends the others in order.
        options.processGroupID = 0
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: program.stopPatience)]
        var environment = program.environment
        environment[Lifeline.environmentName] = program.name
        let changes = environment.reduce(into: [Environment.Key: String?]()) { changes, entry in
            if let key = Environment.Key(rawValue: entry.key) { changes[key] = entry.value }
        }
        do {
            let result = try await Subprocess.run(
                .path(FilePath(program.executable)), arguments: Arguments(program.arguments),
                environment: .inherit.updating(changes), platformOptions: options,
                input: .fileDescriptor(
                    FileDescriptor(rawValue: lifeline.readingEnd), closeAfterSpawningProcess: false),
                output: .fileDescriptor(.standardError, closeAfterSpawningProcess: false),
                error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
            ) { execution in
                let pid = execution.processIdentifier.value
                log.debug("started", metadata: ["program": "\(program.name)", "pid": "\(pid)"])
                writePidFile(of: program.name, pid: pid)
            }
            switch result.terminationStatus {
            case .exited(let status): return "exit status \(status)"
            case .signaled(let signal): return "signal \(signal)"
            }
        } catch {
            return "\(error)"
        }
    }

    // MARK: Pid files

    private func path(of name: String) -> String { "\(directory)/\(name).pid" }

    /// Whole or not at all: a reader never meets half a number.
    public func writePidFile(of name: String, pid: Int32) {
        let temporary = path(of: name) + ".new"
        guard let file = fopen(temporary, "we") else {
            log.error("a pid file can't be written", metadata: ["file": "\(temporary)"])
            return
        }
        let isWritten = fputs("\(pid)\n", file) >= 0
        let isFlushed = fclose(file) == 0
        // On a full disk the file would be empty, which says less than none.
        if !isWritten || !isFlushed || rename(temporary, path(of: name)) != 0 {
            unlink(temporary)
            log.error("a pid file can't be written", metadata: ["file": "\(path(of: name))"])
        }
    }

    public func removePidFile(of name: String) { unlink(path(of: name)) }
}
