import CShims
import DequeModule
import Glibc
import Synchronization

/// A serial executor that owns one thread, so that a blocking C call of an actor never holds a thread of the cooperative
/// pool. While the actor waits for its socket, guests run: tasks that prefer this thread and are not the actor's. The thread
/// lives until `shutDown()`, which the actor's `deinit` calls, and runs what was enqueued before.
final class ConnectionThread: SerialExecutor, Sendable {
    private struct Guest {
        let job: UnownedJob
        let executor: UnownedTaskExecutor
    }

    /// What the thread waits for, and so what has to wake it.
    private enum Wait {
        case nothing
        case anyWork
        case socketOrGuests
    }

    private struct Queue {
        /// Jobs of the actor whose thread this is.
        var own: Deque<UnownedJob> = []
        /// Jobs of tasks that prefer to run here.
        var guests: [Guest] = []
        var wait = Wait.nothing
        var isShutDown = false
        /// The thread has returned and runs nothing any more.
        var hasEnded = false
    }

    /// What comes of waiting for a socket.
    enum Readiness {
        case ready
        /// Not yet: the time is over, or something else came between. Whoever waits looks at the clock.
        case notYet
        /// With the system's error number.
        case failed(Int32)
    }

    private let queue = Mutex(Queue())
    private let wakeUp: WakeUp

    /// Starts the thread. Throws where the system has no thread or descriptor to give.
    init() throws(PostgresError) {
        wakeUp = try WakeUp()
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
        let (hasEnded, wakes) = queue.withLock { queue in
            queue.own.append(job)
            let wakes = queue.wait == .anyWork
            if wakes { queue.wait = .nothing }
            return (queue.hasEnded, wakes)
        }
        precondition(!hasEnded, "a connection's job after its end")
        if wakes { wakeUp.signal() }
    }

    /// Takes the job of a task that prefers this thread. Where the connection is gone, it goes on elsewhere.
    func enqueue(guest job: UnownedJob, _ executor: UnownedTaskExecutor) {
        let (hasEnded, wakes) = queue.withLock { queue in
            if queue.hasEnded { return (true, false) }
            queue.guests.append(Guest(job: job, executor: executor))
            let wakes = queue.wait != .nothing
            queue.wait = .nothing
            return (false, wakes)
        }
        if hasEnded { return globalConcurrentExecutor.enqueue(ExecutorJob(job)) }
        if wakes { wakeUp.signal() }
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    func shutDown() {
        queue.withLock { $0.isShutDown = true }
        wakeUp.signal()
    }

    /// Runs guests until the socket is ready, at most so long; for the actor's own jobs, on this thread.
    func wait(for socket: pollfd, milliseconds: Int32) -> Readiness {
        let guests = takeGuests(orWaitFor: .socketOrGuests)
        if !guests.isEmpty {
            run(guests)
            return look(at: socket, milliseconds: 0)
        }
        return look(at: socket, milliseconds: milliseconds)
    }

    private func look(at socket: pollfd, milliseconds: Int32) -> Readiness {
        let (socket, error) = wakeUp.wait(with: socket, milliseconds: milliseconds)
        queue.withLock { $0.wait = .nothing }
        if let error { return .failed(error) }
        return socket.revents == 0 ? .notYet : .ready
    }

    /// The guests that are here; where there is none, whoever brings one wakes the thread.
    private func takeGuests(orWaitFor wait: Wait) -> [Guest] {
        queue.withLock { queue in
            if queue.guests.isEmpty {
                queue.wait = wait
                return []
            }
            let guests = queue.guests
            queue.guests = []
            return guests
        }
    }

    private func run(_ guests: [Guest]) {
        for guest in guests { guest.job.runSynchronously(on: guest.executor) }
    }

    private func run() {
        while true {
            // In turn, so that neither keeps the other waiting: an own job may hold the thread until its socket is ready.
            let (guests, own, hasEnded) = queue.withLock { queue in
                let guests = queue.guests
                queue.guests = []
                let own = queue.own.popFirst()
                if guests.isEmpty, own == nil {
                    queue.hasEnded = queue.isShutDown
                    queue.wait = queue.isShutDown ? .nothing : .anyWork
                }
                return (guests, own, queue.hasEnded)
            }
            if hasEnded { return }
            run(guests)
            if let own {
                own.runSynchronously(on: asUnownedSerialExecutor())
            } else if guests.isEmpty {
                wakeUp.wait()
                queue.withLock { $0.wait = .nothing }
            }
        }
    }
}

/// The thread of a connection as what a task may prefer to run on.
final class ConnectionThreadPreference: TaskExecutor {
    private let thread: ConnectionThread

    init(_ thread: ConnectionThread) { self.thread = thread }

    func enqueue(_ job: consuming ExecutorJob) {
        thread.enqueue(guest: UnownedJob(job), asUnownedTaskExecutor())
    }
}

/// An eventfd(2): what one thread waits for, beside a socket or alone, and others signal.
private final class WakeUp: Sendable {
    private let descriptor: Int32

    init() throws(PostgresError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard descriptor >= 0 else {
            throw PostgresError(
                outcome: .notSent, message: "no descriptor for a connection: \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    /// Many before one wait are one.
    func signal() {
        // It only fails where so many are waiting to be seen that one more makes no difference.
        _ = eventfd_write(descriptor, 1)
    }

    /// Returns after a signal, or early: callers look again.
    func wait() {
        var own = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        if poll(&own, 1, -1) > 0 { clear() }
    }

    /// The same, or when something of what the socket is asked for has come, or the time is over: the socket with what has
    /// come, and the system's error number where asking failed otherwise than by an interruption.
    func wait(with socket: pollfd, milliseconds: Int32) -> (socket: pollfd, error: Int32?) {
        var both = (socket, pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
        let (count, error) = withUnsafeMutableBytes(of: &both) { bytes in
            let count = poll(bytes.baseAddress?.assumingMemoryBound(to: pollfd.self), 2, milliseconds)
            return (count, errno)
        }
        if count < 0 { return (socket, error == EINTR ? nil : error) }
        if both.1.revents != 0 { clear() }
        return (both.0, nil)
    }

    private func clear() {
        var count: eventfd_t = 0
        _ = eventfd_read(descriptor, &count)
    }
}
