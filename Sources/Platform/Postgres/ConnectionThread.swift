import Glibc
import Synchronization

/// A serial executor that owns one thread, so that a blocking C call of an actor never holds a thread of the cooperative
/// pool. The thread lives until `shutDown()`, which the actor's `deinit` calls, and runs what was enqueued before.
final class ConnectionThread: SerialExecutor, Sendable {
    enum Work {
        /// Of the actor whose thread this is.
        case own(UnownedJob)
        /// Of a task that prefers to run here.
        case guest(UnownedJob, UnownedTaskExecutor)
    }

    private struct Queue {
        var work: [Work] = []
        var isShutDown = false
        /// The thread has returned and runs nothing any more.
        var hasEnded = false
    }

    private let queue = Mutex(Queue())
    private let wakeUp: Semaphore
    /// The thread, once it runs.
    private let identity = Atomic<pthread_t>(0)

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

    func enqueue(_ job: consuming ExecutorJob) { enqueue(.own(UnownedJob(job))) }

    func enqueue(_ work: Work) {
        let isTaken = queue.withLock { queue in
            if !queue.hasEnded { queue.work.append(work) }
            return !queue.hasEnded
        }
        guard isTaken else {
            guard case .guest(let job, _) = work else { preconditionFailure("a connection's job after its end") }
            // The connection is gone; where its task goes on does not matter.
            return globalConcurrentExecutor.enqueue(ExecutorJob(job))
        }
        // What the thread gives itself it finds before it waits.
        if identity.load(ordering: .relaxed) != pthread_self() { wakeUp.signal() }
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    func shutDown() {
        queue.withLock { $0.isShutDown = true }
        wakeUp.signal()
    }

    private func run() {
        identity.store(pthread_self(), ordering: .relaxed)
        var taken: [Work] = []
        while true {
            let hasEnded = queue.withLock { queue in
                swap(&taken, &queue.work)
                queue.hasEnded = taken.isEmpty && queue.isShutDown
                return queue.hasEnded
            }
            if hasEnded { return }
            if taken.isEmpty { wakeUp.wait() }
            for work in taken {
                switch work {
                case .own(let job): job.runSynchronously(on: asUnownedSerialExecutor())
                case .guest(let job, let executor): job.runSynchronously(on: executor)
                }
            }
            taken.removeAll(keepingCapacity: true)
        }
    }
}

/// The thread of a connection as what a task may prefer to run on.
final class ConnectionThreadPreference: TaskExecutor {
    private let thread: ConnectionThread

    init(_ thread: ConnectionThread) { self.thread = thread }

    func enqueue(_ job: consuming ExecutorJob) {
        thread.enqueue(.guest(UnownedJob(job), asUnownedTaskExecutor()))
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
