import Glibc
import Synchronization

/// A few threads for blocking file work, so that the cooperative pool never waits for a disk.
final class FileThreads: Sendable {
    /// One pool per process, started at first use: a disk does not get faster by more.
    static let shared = FileThreads(count: 4)

    /// Tells a long job that nobody waits for its result any more.
    final class Cancellation: Sendable {
        private let flag = Atomic(false)
        func cancel() { flag.store(true, ordering: .relaxed) }

        /// Throws ``ObjectStorageError/Code/cancelled`` once the caller's task is cancelled.
        func check() throws(ObjectStorageError) {
            if flag.load(ordering: .relaxed) {
                throw ObjectStorageError(.cancelled, "The call to the object store was cancelled.")
            }
        }
    }

    private typealias Job = @Sendable () -> Void

    private let jobs = Mutex<[Job]>([])
    /// Counts the jobs that wait. Never freed: the pool lives as long as the process.
    private let waiting: Semaphore

    private struct Semaphore: @unchecked Sendable {
        let pointer: UnsafeMutablePointer<sem_t>
    }

    private init(count: Int) {
        let pointer = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
        precondition(sem_init(pointer, 0, 0) == 0, "No semaphore: \(String(cString: strerror(errno))).")
        waiting = Semaphore(pointer: pointer)
        for _ in 0..<count {
            var thread = pthread_t()
            let failure = pthread_create(
                &thread, nil,
                { context in
                    guard let context else { preconditionFailure("A file thread was started without its pool.") }
                    Unmanaged<FileThreads>.fromOpaque(context).takeRetainedValue().work()
                }, Unmanaged.passRetained(self).toOpaque())
            precondition(failure == 0, "No thread for file work: \(String(cString: strerror(failure))).")
            pthread_detach(thread)
        }
    }

    private func work() -> Never {
        while true {
            while sem_wait(waiting.pointer) != 0 {
                precondition(errno == EINTR, "A semaphore broke: \(String(cString: strerror(errno))).")
            }
            let job = jobs.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            job?()
        }
    }

    /// Runs blocking work on a thread of the pool. Long work calls `check()` between its pieces.
    func run<Value: Sendable>(
        _ body: @escaping @Sendable (Cancellation) throws(ObjectStorageError) -> Value
    ) async throws(ObjectStorageError) -> Value {
        let cancellation = Cancellation()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation {
                (continuation: CheckedContinuation<Result<Value, ObjectStorageError>, Never>) in
                jobs.withLock { jobs in
                    jobs.append {
                        continuation.resume(
                            returning: Result { () throws(ObjectStorageError) -> Value in
                                try cancellation.check()
                                return try body(cancellation)
                            })
                    }
                }
                sem_post(waiting.pointer)
            }
        } onCancel: {
            cancellation.cancel()
        }
        return try result.get()
    }
}
