import CShims
import Glibc
import JSON
public import StepContracts
import Synchronization

/// The inside of a child process: reads one request, gives up what rights it has, runs the step, reports.
public enum StepChild {
    /// Runs the one step that standard input asks for and returns the process's exit status: 0 when an outcome,
    /// good or bad, has been reported. Call it from the main thread of a process that does nothing else.
    ///
    /// - Parameter step: The step of a name; nil for a name this program does not know.
    public static func run(step: (String) -> (any LocalStep)?) -> Int32 {
        signal(SIGPIPE, SIG_IGN)
        // Libraries may print to standard output; that goes to standard error, and the protocol keeps its own copy.
        let channel = dup(STDOUT_FILENO)
        guard channel >= 0, dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 else {
            return fatal("standard output cannot be set aside: \(systemReason(errno))")
        }
        let reports = ReportWriter(descriptor: channel)

        guard let line = readLine(strippingNewline: true) else { return fatal("no request on standard input") }
        let request: ChildRequest
        do {
            guard let parsed = ChildRequest(json: try JSON(parsing: line)) else {
                return fatal("the request lacks a member or has one of another type")
            }
            request = parsed
        } catch {
            return fatal("the request is \(error)")
        }

        if let refusal = giveUpRights(request.limits) { return fatal(refusal) }
        stopRequested.store(false, ordering: .relaxed)
        signal(SIGTERM) { _ in stopRequested.store(true, ordering: .relaxed) }
        let began = ContinuousClock.now
        let tell = { @Sendable in reports.write(.usage(.ofThisProcess(since: began))) }
        tell()
        startThread { watchStandardInput(everySecond: tell) }

        if request.step.isEmpty {
            reports.write(.output(["ready": true]))
            return 0
        }
        guard let step = step(request.step) else {
            reports.write(.failure(.parametersInvalid("this worker has no step '\(request.step)'")))
            return 0
        }
        let surroundings = StepSurroundings(
            files: request.files, outputDirectory: request.outputDirectory, outputPrefix: request.outputPrefix,
            threads: request.threads, contentKeys: request.contentKeys, report: { reports.report($0) },
            isCancelled: { stopRequested.load(ordering: .relaxed) })
        let outcome: ChildReport
        do { outcome = .output(try step.run(input: request.input, in: surroundings)) } catch {
            outcome = .failure(error)
        }
        reports.write(.usage(.ofThisProcess(since: began)))
        reports.write(outcome)
        return 0
    }

    /// The mark of a child that could not even begin.
    static let refusalStatus: Int32 = 70

    private static func fatal(_ reason: String) -> Int32 {
        writeAll(Array("\(reason)\n".utf8), to: STDERR_FILENO)
        return refusalStatus
    }

    private static func giveUpRights(_ limits: AppliedLimits) -> String? {
        let death = shim_set_parent_death_signal(SIGKILL)
        if death != 0 { return "the parent-death signal cannot be set: \(systemReason(death))" }
        let privileges = shim_set_no_new_privileges()
        if privileges != 0 { return "no_new_privs cannot be set: \(systemReason(privileges))" }
        return limits.apply()
    }

    /// Waits for the end of standard input. A step that does not stop within two seconds of it is ended with the process:
    /// nobody is left to read what it would say.
    ///
    /// - Parameter tell: called every second until then: who is killed has told what it took.
    private static func watchStandardInput(everySecond tell: () -> Void) {
        var byte: UInt8 = 0
        while true {
            var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            let ready = poll(&input, 1, 1000)
            if ready == 0 {
                tell()
                continue
            }
            let count = ready > 0 ? read(STDIN_FILENO, &byte, 1) : -1
            if count == 0 || (count < 0 && errno != EINTR) { break }
        }
        stopRequested.store(true, ordering: .relaxed)
        sleep(2)
        _exit(128 + SIGTERM)
    }
}

/// Set by SIGTERM and by the end of standard input. A global, since a signal handler can reach nothing else.
private let stopRequested = Atomic<Bool>(false)

/// Writes reports as lines; progress at most five times a second, except where the stage changes.
private final class ReportWriter: Sendable {
    private struct State {
        var stage = ""
        var nextAt: Int64 = 0
        /// Whether the outcome is told, behind which there is nothing.
        var isOver = false
    }

    private let descriptor: Int32
    private let state = Mutex(State())

    init(descriptor: Int32) { self.descriptor = descriptor }

    func report(_ progress: StepProgress) {
        state.withLock { state in
            let now = monotonicMilliseconds()
            guard !state.isOver, progress.stage != state.stage || now >= state.nextAt else { return }
            state.stage = progress.stage
            state.nextAt = now + 200
            writeLine(.progress(progress))
        }
    }

    func write(_ report: ChildReport) {
        state.withLock { state in
            guard !state.isOver else { return }
            switch report {
            case .output, .failure: state.isOver = true
            case .progress, .usage: break
            }
            writeLine(report)
        }
    }

    private func writeLine(_ report: ChildReport) {
        var bytes = report.json.utf8
        bytes.append(UInt8(ascii: "\n"))
        writeAll(bytes, to: descriptor)
    }

    private func monotonicMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// Writes all bytes, or ends the process: a child whose reader is gone has nothing left to do.
private func writeAll(_ bytes: [UInt8], to descriptor: Int32) {
    var offset = 0
    while offset < bytes.count {
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + offset, $0.count - offset) }
        if count < 0 {
            if errno == EINTR { continue }
            _exit(StepChild.refusalStatus)
        }
        offset += count
    }
}
