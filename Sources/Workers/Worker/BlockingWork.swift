import Glibc
import Synchronization

/// Runs work that blocks on the disk on a thread of its own, made for it: such work is rare here (one whole file) and
/// must not hold a thread of the cooperative pool. The work is told when the waiting task is cancelled.
func onOwnThread<Value: Sendable>(
    _ work: @escaping @Sendable (_ isCancelled: @Sendable () -> Bool) -> Value
) async -> Value {
    let flag = CancellationFlag()
    return await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
            startThread { continuation.resume(returning: work { flag.isSet.load(ordering: .relaxed) }) }
        }
    } onCancel: {
        flag.isSet.store(true, ordering: .relaxed)
    }
}

/// Runs work on a thread made for it, which nobody waits for.
func startThread(_ work: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(ThreadBody(work))
    var thread = pthread_t()
    let status = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { preconditionFailure("A thread begins with its body.") }
            Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
            return nil
        }, box.toOpaque())
    precondition(status == 0, "A thread cannot be made: \(systemReason(status))")
    pthread_detach(thread)
}

private final class CancellationFlag: Sendable {
    let isSet = Atomic<Bool>(false)
}

private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}
