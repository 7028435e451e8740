import Encodings
import Glibc
import StepContracts

/// What is known of a child that ended without telling an outcome.
struct ChildEnding: Sendable, Hashable {
    enum Status: Sendable, Hashable {
        case exited(Int32)
        case killed(signal: Int32)
    }

    let status: Status
    /// The end of what it wrote to standard error.
    let lastWords: String
    /// Its last progress.
    let progress: StepProgress?
    /// Whether the kernel ended a process for want of memory while it ran.
    let memoryWasShort: Bool
    let limits: AppliedLimits

    /// A program under bubblewrap that a signal ended shows as an exit status above 128.
    static func status(exitCode: Int32, isWrapped: Bool) -> Status {
        isWrapped && (129...192).contains(exitCode) ? .killed(signal: exitCode - 128) : .exited(exitCode)
    }

    /// What the engine is told.
    func failure(step: String) -> StepFailure {
        let place = progress.map { " while it was at \($0.stage)\(ChildEnding.mediaTime($0))" } ?? ""
        let words = lastWords.isEmpty ? "" : "; its last words: \(lastWords)"
        if ChildEnding.memoryWords.contains(where: { lastWords.contains($0) }) {
            return .resourceExhausted(
                "\(step) needed more than its \(limits.addressSpaceBytes >> 20) MiB of memory\(place)\(words)")
        }
        switch status {
        case .killed(SIGXCPU):
            return .resourceExhausted("\(step) used more than its \(limits.cpuSeconds) s of CPU time\(place)\(words)")
        case .killed(SIGXFSZ):
            return .resourceExhausted(
                "\(step) wrote a file larger than its \(limits.fileBytes >> 20) MiB\(place)\(words)")
        case .killed(SIGKILL) where memoryWasShort:
            return .resourceExhausted("the machine ran out of memory and ended \(step)\(place)\(words)")
        case .killed(let signal):
            return .crashed("\(step) was ended by \(ChildEnding.name(ofSignal: signal))\(place)\(words)")
        case .exited(StepChild.refusalStatus):
            return .crashed("\(step) could not begin\(words)")
        case .exited(let code):
            return .crashed("\(step) ended with status \(code) and no result\(place)\(words)")
        }
    }

    /// What the Swift runtime, the C++ library and libc say when memory runs out.
    private static let memoryWords = [
        "failed to allocate", "Cannot allocate memory", "std::bad_alloc", "out of memory",
    ]

    private static func mediaTime(_ progress: StepProgress) -> String {
        guard progress.mediaSeconds > 0 else { return "" }
        return ", \(mediaClock(progress.mediaSeconds))"
    }

    static func name(ofSignal signal: Int32) -> String {
        let names: [Int32: String] = [
            SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGHUP: "SIGHUP", SIGILL: "SIGILL",
            SIGINT: "SIGINT", SIGKILL: "SIGKILL", SIGPIPE: "SIGPIPE", SIGQUIT: "SIGQUIT", SIGSEGV: "SIGSEGV",
            SIGSYS: "SIGSYS", SIGTERM: "SIGTERM", SIGTRAP: "SIGTRAP", SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ",
        ]
        return names[signal] ?? "signal \(signal)"
    }
}

/// Media time as people read it: `00:12:40.120`.
public func mediaClock(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "--:--:--.---" }
    return playingTime(milliseconds: Int((seconds * 1000).rounded()))
}
