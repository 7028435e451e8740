import Glibc
import JSON
import StepContracts
import Subprocess
import Synchronization
import SystemPackage

/// Runs steps in child processes of their own, each a fresh start of one program.
struct StepProcess: Sendable {
    /// The program, and the arguments that make it a child (`showrunner-worker run-step`).
    let command: [String]
    let sandbox: Sandbox
    let limits: ChildLimits
    /// Between "please stop" and SIGKILL.
    var patience: Duration = .seconds(2)
    /// A child that has stood still for so long is told of, again and again until it comes forward.
    var watchInterval: Duration = .seconds(5)
    /// How deadlines pass.
    var sleep: @Sendable (Duration) async throws -> Void = { try await ContinuousClock().sleep(for: $0) }

    /// What a child is to do, in terms of this process's file system.
    struct Job: Sendable {
        let step: String
        let input: JSON
        /// Path of each file by the name the step knows it by.
        let files: [String: String]
        let outputDirectory: String
        /// An empty directory for what the process needs beside its output.
        let linkDirectory: String
        let outputPrefix: String
        let threads: Int
        /// The task's own limit, in seconds; the shorter of it and ``ChildLimits/wallSeconds`` holds.
        let timeoutSeconds: Int?
        /// Those that the input names.
        var contentKeys = ContentKeys.none
    }

    /// Runs one step and returns its output. Cancelling the surrounding task ends the child: it is asked first, then
    /// killed with all its descendants.
    ///
    /// - Parameter used: takes what the step took, once, where the child has told it; of one that was killed, what it had
    ///   taken a second before, or less.
    func run(
        _ job: Job, report: @escaping @Sendable (StepProgress) -> Void, used: (StepUsage) -> Void = { _ in }
    ) async throws(StepFailure) -> JSON {
        let name = job.step.isEmpty ? "the trial run" : job.step
        let wallSeconds = min(job.timeoutSeconds ?? limits.wallSeconds, limits.wallSeconds)
        let applied = AppliedLimits(limits, wallSeconds: wallSeconds, threads: job.threads)
        let inputs = try childInputs(job)
        let isWrapped = if case .bubblewrap = sandbox { true } else { false }
        let request = ChildRequest(
            step: job.step, input: job.input,
            files: Dictionary(uniqueKeysWithValues: inputs.map { ($0.name, $0.childPath) }),
            outputDirectory: isWrapped ? Sandbox.outputPath : job.outputDirectory, outputPrefix: job.outputPrefix,
            threads: job.threads, contentKeys: job.contentKeys, limits: applied)
        let environment = StepProcess.environment()
        let (executable, arguments) = sandbox.commandLine(
            for: command, inputs: inputs, outputDirectory: job.outputDirectory, environment: environment)
        let killsBefore = StepProcess.memoryKills()
        let conversation = Conversation(report: report, patience: watchInterval)
        defer { if let usage = conversation.usage { used(usage) } }

        let status: TerminationStatus
        do {
            status = try await withThrowingTaskGroup(of: TerminationStatus?.self) { group in
                group.addTask {
                    try await converse(
                        executable: executable, arguments: arguments, environment: environment,
                        request: request, conversation: conversation)
                }
                group.addTask {
                    try await sleep(.seconds(wallSeconds))
                    return nil
                }
                group.addTask {
                    // Ended by cancellation alone.
                    while true {
                        try await ContinuousClock().sleep(for: watchInterval)
                        conversation.tellStillness()
                    }
                }
                defer { group.cancelAll() }
                guard let status = try await group.next() ?? nil else { throw DeadlinePassed() }
                return status
            }
        } catch is DeadlinePassed {
            throw StepFailure(
                error: "States.Timeout", cause: "\(name) took longer than \(wallSeconds) s\(conversation.place)",
                retry: .elsewhere)
        } catch let violation as ProtocolViolation {
            throw .crashed("\(name) broke off: \(violation.reason)")
        } catch {
            if Task.isCancelled { throw .cancelled("\(name) was stopped") }
            throw .crashed("the process for \(name) could not be run: \(error)")
        }

        switch conversation.outcome {
        case .output(let output): return output
        case .failure(let failure):
            // People know the files by the names in the input, not by those inside the sandbox.
            let cause = inputs.reversed().reduce(failure.cause) { $0.replacing($1.childPath, with: toldName($1.name)) }
            throw StepFailure(error: failure.error, cause: cause, retry: failure.retry)
        case .progress, .usage, nil: break
        }
        if Task.isCancelled { throw .cancelled("\(name) was stopped") }
        let ending = ChildEnding(
            status: endingStatus(status, isWrapped: isWrapped), lastWords: conversation.lastWords,
            progress: conversation.progress, memoryWasShort: StepProcess.memoryKills() > killsBefore, limits: applied)
        throw ending.failure(step: name)
    }

    /// Starts a child that only says hello, to learn whether this sandbox works on this machine.
    func probe(in scratch: ScratchDirectory) async throws(StepFailure) {
        _ = try await run(
            Job(
                step: "", input: .null, files: [:], outputDirectory: scratch.output, linkDirectory: scratch.links,
                outputPrefix: "", threads: 1, timeoutSeconds: 60),
            report: { _ in })
    }

    private func endingStatus(_ status: TerminationStatus, isWrapped: Bool) -> ChildEnding.Status {
        switch status {
        case .exited(let code): ChildEnding.status(exitCode: code, isWrapped: isWrapped)
        case .signaled(let signal): .killed(signal: signal)
        }
    }

    /// Bubblewrap shows each file under a fixed name; without it, links give the same names.
    private func childInputs(_ job: Job) throws(StepFailure) -> [ChildInput] {
        var inputs: [ChildInput] = []
        for (index, file) in job.files.sorted(by: { $0.key < $1.key }).enumerated() {
            let childPath: String
            switch sandbox {
            case .bubblewrap: childPath = "\(Sandbox.inputPath)/\(index)"
            case .limitsOnly:
                childPath = "\(job.linkDirectory)/\(index)"
                guard symlink(file.value, childPath) == 0 else {
                    throw .resourceExhausted("a link in the scratch directory failed: \(systemReason(errno))")
                }
            }
            inputs.append(ChildInput(name: file.key, hostPath: file.value, childPath: childPath))
        }
        return inputs
    }

    /// Writing to a child that is gone must fail the write and not end this process. Done once, for the whole process.
    private static let ignoresBrokenPipes: Void = { signal(SIGPIPE, SIG_IGN) }()

    private func converse(
        executable: String, arguments: [String], environment: [String: String], request: ChildRequest,
        conversation: Conversation
    ) async throws -> TerminationStatus {
        StepProcess.ignoresBrokenPipes
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [
            .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: patience)
        ]
        let configuration = Configuration(
            executable: .path(FilePath(executable)), arguments: Arguments(arguments),
            environment: .custom(
                Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0), $1) })),
            platformOptions: options)
        let line = request.json.utf8 + [UInt8(ascii: "\n")]
        let result = try await Subprocess.run(
            configuration, input: .inputWriter, output: .sequence, error: .sequence
        ) { execution in
            // What a child without sandbox has started goes with it. The child itself has ended here or is about to;
            // nobody has reaped it yet, so that its id is still its own. Bubblewrap's end takes all with it.
            defer {
                if case .limitsOnly = sandbox { kill(-execution.processIdentifier.value, SIGKILL) }
            }
            let writer = execution.standardInputWriter
            let output = execution.standardOutput
            let errors = execution.standardError
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    // A child that dies before it has read the request breaks the pipe; its ending says why.
                    do { _ = try await writer.write(line) } catch is SubprocessError {}
                }
                group.addTask {
                    do {
                        for try await buffer in output {
                            try buffer.withUnsafeBytes { try conversation.heard($0) }
                        }
                    } catch let violation as ProtocolViolation {
                        // Reading ends with the process, not with the task that reads.
                        try execution.send(signal: .kill, toProcessGroup: true)
                        throw violation
                    }
                    // The end of its input lets a child go that has said all.
                    try await writer.finish()
                }
                group.addTask {
                    for try await buffer in errors {
                        buffer.withUnsafeBytes { conversation.muttered($0) }
                    }
                }
                try await group.waitForAll()
            }
        }
        return result.terminationStatus
    }

    /// The child gets no variable of ours but the loader's path: keys and tokens live in environments.
    private static func environment() -> [String: String] {
        var environment = [
            "PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8",
            // A backtrace of a crash takes seconds and writes pages; the signal and the last words are enough.
            "SWIFT_BACKTRACE": "enable=no",
            // SVT-AV1 tells its settings on standard error; what remains are errors.
            "SVT_LOG": "1",
        ]
        if let path = getenv("LD_LIBRARY_PATH") { environment["LD_LIBRARY_PATH"] = String(cString: path) }
        return environment
    }

    /// How often this kernel has ended a process for want of memory; 0 where it does not tell.
    private static func memoryKills() -> Int {
        guard let text = readSmallFile("/proc/vmstat") else { return 0 }
        let line = text.split(separator: "\n").first { $0.hasPrefix("oom_kill ") }
        return line.flatMap { Int($0.dropFirst("oom_kill ".count)) } ?? 0
    }
}

private struct DeadlinePassed: Error {}

private struct ProtocolViolation: Error {
    let reason: String
}

/// What a child has said so far.
private final class Conversation: Sendable {
    private struct State {
        var line: [UInt8] = []
        var total = 0
        var outcome: ChildReport?
        var progress: StepProgress?
        var usage: StepUsage?
        /// When it came to where it is.
        var movedAt = ContinuousClock.now
        var words: [UInt8] = []
    }

    /// Everything one child may say; a day of progress reports is well below it.
    private static let maximumTotalBytes = 1 << 30
    /// How much of its standard error is kept.
    private static let maximumWordBytes = 8 << 10

    private let report: @Sendable (StepProgress) -> Void
    /// Who stands still for less than this is not told of.
    private let patience: Duration
    private let state = Mutex(State())

    init(report: @escaping @Sendable (StepProgress) -> Void, patience: Duration) {
        self.report = report
        self.patience = patience
    }

    var outcome: ChildReport? { state.withLock { $0.outcome } }
    var progress: StepProgress? { state.withLock { $0.progress } }
    var usage: StepUsage? { state.withLock { $0.usage } }

    /// " at encode, 00:12:40.120", or nothing.
    var place: String {
        guard let progress else { return "" }
        return "; it was at \(progress.stage), \(mediaClock(progress.mediaSeconds))"
    }

    /// The end of its standard error on one line, without control characters.
    var lastWords: String {
        let text = String(decoding: state.withLock { $0.words }, as: UTF8.self)
        let lines = text.split(whereSeparator: \.isNewline).map { line in
            String(String.UnicodeScalarView(line.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }))
        }
        return lines.filter { !$0.isEmpty }.joined(separator: " | ")
    }

    func heard(_ bytes: UnsafeRawBufferPointer) throws {
        let reports = try state.withLock { state -> [StepProgress] in
            var reports: [StepProgress] = []
            state.total += bytes.count
            if state.total > Conversation.maximumTotalBytes {
                throw ProtocolViolation(reason: "it reported more than \(Conversation.maximumTotalBytes >> 20) MiB")
            }
            var rest = bytes[...]
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                state.line.append(contentsOf: rest[..<end])
                rest = rest[(end + 1)...]
                if let progress = try take(&state) { reports.append(progress) }
            }
            state.line.append(contentsOf: rest)
            if state.line.count > ChildReport.maximumLineBytes {
                throw ProtocolViolation(reason: "it reported a line of more than \(ChildReport.maximumLineBytes) bytes")
            }
            return reports
        }
        if let last = reports.last { report(last) }
    }

    /// Tells of a child that stands still.
    func tellStillness() {
        let progress = state.withLock { state -> StepProgress? in
            guard state.outcome == nil else { return nil }
            // One that has said nothing is where it began.
            var progress = state.progress ?? StepProgress(stage: "start")
            progress.stillSeconds = stillSeconds(state)
            return progress.stillSeconds == nil ? nil : progress
        }
        if let progress { report(progress) }
    }

    private func stillSeconds(_ state: State) -> Double? {
        let still = ContinuousClock.now - state.movedAt
        return still < patience ? nil : Double(still / .milliseconds(100)).rounded() / 10
    }

    private func take(_ state: inout State) throws -> StepProgress? {
        let line = state.line
        state.line.removeAll(keepingCapacity: true)
        if state.outcome != nil { throw ProtocolViolation(reason: "it reported more after its outcome") }
        let json: JSON
        do {
            json = try JSON(parsing: line)
        } catch {
            throw ProtocolViolation(reason: "its report is \(error)")
        }
        guard let report = ChildReport(json: json) else {
            throw ProtocolViolation(reason: "its report is neither progress nor usage nor output nor failure")
        }
        switch report {
        case .progress(var progress):
            if state.progress.map({ !$0.isAtSamePlace(as: progress) }) ?? true { state.movedAt = .now }
            progress.stillSeconds = stillSeconds(state)
            state.progress = progress
            return progress
        case .usage(let usage):
            state.usage = usage
            return nil
        case .output, .failure:
            state.outcome = report
            return nil
        }
    }

    func muttered(_ bytes: UnsafeRawBufferPointer) {
        state.withLock { state in
            state.words.append(contentsOf: bytes)
            let surplus = state.words.count - Conversation.maximumWordBytes
            if surplus > 0 { state.words.removeFirst(surplus) }
        }
    }
}
