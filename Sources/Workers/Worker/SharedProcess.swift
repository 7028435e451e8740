import CShims
import Glibc
import StepContracts
import Synchronization

/// Measures tasks that are done in this process, one after another: of those that were in it at the same time nobody can tell
/// which took what.
final class SharedProcess: Sendable {
    private struct State {
        var running = 0
        /// Tasks begun so far.
        var begun = 0
    }

    private let state = Mutex(State())

    /// Does a task's work, and notes what it took where no other was done meanwhile.
    func measured<Value>(by meter: UsageMeter, _ work: () async -> Value) async -> Value {
        let place = state.withLock { state in
            state.running += 1
            state.begun += 1
            return (isAlone: state.running == 1 && SharedProcess.forgetPeak(), number: state.begun)
        }
        let (before, began) = (shim_resource_usage(0).cpuSeconds, ContinuousClock.now)
        let value = await work()
        let usage = StepUsage.ownPeakKiB.map { peak in
            StepUsage(
                cpuSeconds: max(0, shim_resource_usage(0).cpuSeconds - before),
                wallSeconds: (ContinuousClock.now - began) / .seconds(1), peakMemoryBytes: peak * 1024)
        }
        let wasAlone = state.withLock { state in
            state.running -= 1
            return place.isAlone && state.begun == place.number
        }
        if wasAlone, let usage { meter.note(usage) }
        return value
    }

    /// Makes the kernel count anew how much memory the process had at most (proc(5), clear_refs).
    /// - Returns: false where it does not: earlier tasks would be counted with a later one.
    private static func forgetPeak() -> Bool {
        let file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        return write(file, "5", 1) == 1
    }
}
