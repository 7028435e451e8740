import Glibc

/// A thread with a stack of a given size, for work that recurses deeper than the threads of the runtime allow.
enum DeepThread {
    private final class Job {
        let body: () -> Void

        init(_ body: @escaping () -> Void) { self.body = body }
    }

    /// Runs `body` on such a thread and waits for it.
    static func run<Value, Failure: Error>(
        stackBytes: Int, _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        var result: Result<Value, Failure>?
        withoutActuallyEscaping(body) { body in
            let job = Job {
                do throws(Failure) { result = .success(try body()) } catch { result = .failure(error) }
            }
            var attributes = pthread_attr_t()
            pthread_attr_init(&attributes)
            defer { pthread_attr_destroy(&attributes) }
            guard pthread_attr_setstacksize(&attributes, stackBytes) == 0 else {
                preconditionFailure("a stack of \(stackBytes) bytes is allowed")
            }
            var thread = pthread_t()
            let status = pthread_create(
                &thread, &attributes,
                { context in
                    guard let context else { return nil }
                    Unmanaged<Job>.fromOpaque(context).takeUnretainedValue().body()
                    return nil
                }, Unmanaged.passUnretained(job).toOpaque())
            guard status == 0 else {
                preconditionFailure("a thread can be started: \(String(cString: strerror(status)))")
            }
            withExtendedLifetime(job) { _ = pthread_join(thread, nil) }
        }
        guard let result else { preconditionFailure("the thread has left its result") }
        return try result.get()
    }
}
