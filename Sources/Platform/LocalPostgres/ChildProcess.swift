import Glibc
import Synchronization

/// A program of ours in a process group of its own, so that the terminal's Ctrl-C reaches only us and we end things in
/// order. Its output goes to a bounded log.
///
/// One thread spawns it and waits for it: the kernel's parent-death signal is sent when the *thread* that spawned ends.
final class ChildProcess: Sendable {
    /// How a process ended.
    enum End: Sendable, Equatable, CustomStringConvertible {
        case exited(Int32)
        case signalled(Int32)

        var description: String {
            switch self {
            case .exited(let status): "exit status \(status)"
            case .signalled(let signal): "signal \(signal)"
            }
        }
    }

    private struct State {
        var end: End?
        var waiters: [Int: CheckedContinuation<End?, Never>] = [:]
        var nextWaiter = 0
    }

    let pid: pid_t
    private let state = Mutex(State())

    private init(pid: pid_t) { self.pid = pid }

    /// Starts a program; `command[0]` is its path.
    static func start(_ command: [String], log: BoundedLog) async throws(LocalPostgresError)
        -> ChildProcess
    {
        let result: Result<ChildProcess, LocalPostgresError> = await withCheckedContinuation { continuation in
            let body = ThreadBody {
                var output: [Int32] = [-1, -1]
                // A socket pair, because it can be closed on exec from the start: a concurrently spawned program must
                // not inherit it.
                let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
                guard socketpair(AF_UNIX, type, 0, &output) == 0 else {
                    continuation.resume(
                        returning: .failure(LocalPostgresError(.startFailed, "no socket pair: \(Files.reason())")))
                    return
                }
                let spawned = spawn(command, output: output[1])
                close(output[1])
                switch spawned {
                case .failure(let error):
                    close(output[0])
                    continuation.resume(returning: .failure(error))
                case .success(let pid):
                    let child = ChildProcess(pid: pid)
                    let reading = output[0]
                    // Backends that outlive their postmaster keep the pipe open, so reading ends on its own time.
                    if !ThreadBody({ log.drain(reading) }).start() { close(reading) }
                    continuation.resume(returning: .success(child))
                    child.reap()
                }
            }
            if !body.start() {
                continuation.resume(
                    returning: .failure(LocalPostgresError(.startFailed, "no thread for \(command[0])")))
            }
        }
        return try result.get()
    }

    /// Sends a signal, unless the process has ended: its number may be another's by then.
    func signal(_ signal: Int32) {
        state.withLock { state in
            if state.end == nil { kill(pid, signal) }
        }
    }

    /// How the process ended, or nil while it runs.
    var end: End? { state.withLock { $0.end } }

    /// Waits until the process has ended; nil when the deadline passed first.
    func wait(deadline: Duration? = nil) async -> End? {
        await withCheckedContinuation { continuation in
            let waiter: Int? = state.withLock { state in
                if let end = state.end {
                    continuation.resume(returning: end)
                    return nil
                }
                state.nextWaiter += 1
                state.waiters[state.nextWaiter] = continuation
                return state.nextWaiter
            }
            guard let waiter, let deadline else { return }
            Task {
                try await Task.sleep(for: deadline)
                self.state.withLock { $0.waiters.removeValue(forKey: waiter) }?.resume(returning: nil)
            }
        }
    }

    private func reap() {
        var information = siginfo_t()
        // Told apart from taking the status away, so that `signal` never meets a number that was given away meanwhile.
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        let waiters = state.withLock { state in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            let signal = status & 0x7f
            state.end = signal == 0 ? .exited((status >> 8) & 0xff) : .signalled(signal)
            defer { state.waiters = [:] }
            return state.waiters.values.map { ($0, state.end) }
        }
        for (waiter, end) in waiters { waiter.resume(returning: end) }
    }

    private static func spawn(
        _ command: [String], output: Int32
    ) -> Result<pid_t, LocalPostgresError> {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        // What we ignore or block would be inherited.
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        let arguments = command.map { strdup($0) }
        // Nothing of our environment may change what the server does: PGDATA, PGPORT, LC_ALL.
        let environment = ["PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"].map { (variable: String) in
            strdup(variable)
        }
        defer { for string in arguments + environment { free(string) } }
        var pid = pid_t()
        let status = posix_spawn(&pid, command[0], &actions, &attributes, arguments + [nil], environment + [nil])
        guard status == 0 else {
            return .failure(
                LocalPostgresError(.startFailed, "cannot run \(command[0]): \(String(cString: strerror(status)))"))
        }
        return .success(pid)
    }
}

/// A detached thread that runs one closure.
private final class ThreadBody: Sendable {
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    /// False if the system has no thread to give.
    func start() -> Bool {
        let retained = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, retained.toOpaque())
        guard status == 0 else {
            retained.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}
