import CShims
import StepContracts
import Synchronization

/// What is known of what a task has taken; filled while it runs, read when it is over.
final class UsageMeter: Sendable {
    private let state = Mutex<StepUsage?>(nil)

    var usage: StepUsage? { state.withLock { $0 } }

    func note(_ usage: StepUsage) { state.withLock { $0 = usage } }
}

extension StepUsage {
    /// What this process and those it has waited for have taken since it began.
    ///
    /// - Parameter began: when the step was begun.
    static func ofThisProcess(since began: ContinuousClock.Instant) -> StepUsage {
        let (own, children) = (shim_resource_usage(0), shim_resource_usage(1))
        return StepUsage(
            cpuSeconds: own.cpuSeconds + children.cpuSeconds,
            wallSeconds: (ContinuousClock.now - began) / .seconds(1),
            // Linux counts it in KiB.
            peakMemoryBytes: max(ownPeakKiB ?? own.ru_maxrss, children.ru_maxrss) * 1024)
    }

    /// The most memory that this program had at once (proc(5)); nil where /proc does not tell. What getrusage(2) says is
    /// no less than what the process had as another program, before execve(2): as the worker.
    static var ownPeakKiB: Int? {
        let line = readSmallFile("/proc/self/status")?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
    }
}

extension rusage {
    /// Of the processor, for the program and for the kernel.
    var cpuSeconds: Double {
        [ru_utime, ru_stime].reduce(0.0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
    }
}
