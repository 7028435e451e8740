import Glibc
import Synchronization

/// A serial executor that owns one thread, so that a blocking C call of an actor never holds a thread of the cooperative
/// pool. The thread lives until `shutDown()`, which the actor's `deinit` calls, and runs what was enqueued before.
final class ConnectionThread: SerialExecutor, Sendable {
    private struct Queue {
        var jobs: [UnownedJob] = []
        var isShutDown = false
    }

    private let queue = Mutex(Queue())
    private let wakeUp: Semaphore

    /// Starts the thread. Throws where the system has no thread or semaphore to give.
    init() throws(PostgresError) {
        wakeUp = try Semaphore()
        var thread = pthread_t()
        // The thread keeps the executor alive: the job that drops the last reference to the actor still runs on it.
        let retained = Unmanaged.passRetained(self)
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<ConnectionThread>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, retained.toOpaque())
        guard status == 0 else {
            retained.release()
            throw PostgresError(
                outcome: .notSent, message: "no thread for a connection: \(String(cString: strerror(status)))")
        }
        pthread_detach(thread)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.withLock { $0.jobs.append(job) }
        wakeUp.signal()
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    func shutDown() {
        queue.withLock { $0.isShutDown = true }
        wakeUp.signal()
    }

    private func run() {
        while true {
            let (jobs, isShutDown) = queue.withLock { queue in
                let jobs = queue.jobs
                queue.jobs = []
                return (jobs, queue.isShutDown)
            }
            for job in jobs { job.runSynchronously(on: asUnownedSerialExecutor()) }
            if jobs.isEmpty {
                if isShutDown { return }
                wakeUp.wait()
            }
        }
    }
}

/// The one owner of a POSIX semaphore. Unchecked: `sem_post` and `sem_wait` are made for several threads.
private final class Semaphore: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() throws(PostgresError) {
        guard sem_init(semaphore, 0, 0) == 0 else {
            semaphore.deallocate()
            throw PostgresError(
                outcome: .notSent, message: "no semaphore for a connection: \(String(cString: strerror(errno)))")
        }
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }

    /// Returns after a signal, or early when a signal handler ran: callers look again.
    func wait() { sem_wait(semaphore) }
}
