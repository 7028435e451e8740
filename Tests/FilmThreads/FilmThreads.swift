import Dispatch
import Synchronization
public import Testing

/// Runs tests that encode, decode and wait for programs on two threads of their own: on the cooperative pool they would
/// keep its few threads from all other tests for seconds.
public struct FilmThreads: SuiteTrait, TestTrait, TestScoping {
    public var isRecursive: Bool { true }

    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(FilmExecutor.shared) { try await function() }
    }
}

extension Trait where Self == FilmThreads {
    /// See ``FilmThreads``.
    public static var filmThreads: FilmThreads { FilmThreads() }
}

private final class FilmExecutor: TaskExecutor {
    static let shared = FilmExecutor(threads: 2)

    private let jobs = Mutex<[UnownedJob]>([])
    private let waiting = DispatchSemaphore(value: 0)

    private init(threads: Int) {
        for number in 0..<threads {
            DispatchQueue(label: "films \(number)").async { [self] in
                while true {
                    waiting.wait()
                    let job = jobs.withLock { $0.removeFirst() }
                    job.runSynchronously(on: asUnownedTaskExecutor())
                }
            }
        }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        waiting.signal()
    }
}
