import Glibc
import JSON
import JSONata

/// Evaluates an expression over JSON text; 2026-01-02T03:04:05.006Z is now.
func evaluate(
    _ expression: String, over data: String? = nil, bindings: [String: JSON] = [:],
    dialect: JSONataEnvironment.Dialect = .reference, limits: JSONataLimits = JSONataLimits(stackBytes: 6 << 20)
) throws -> JSON? {
    let environment = JSONataEnvironment(
        dialect: dialect, nowMilliseconds: 1_767_323_045_006, seed: 7, limits: limits,
        digest: { algorithm, bytes in "\(algorithm.rawValue):\(bytes.count)" })
    return try JSONataExpression(expression).evaluate(
        input: data.map { try JSON(parsing: $0) }, bindings: bindings, in: environment)
}

/// The error an expression ends with, or nil if it gives a value.
func failure(
    of expression: String, over data: String? = nil, dialect: JSONataEnvironment.Dialect = .reference,
    limits: JSONataLimits = JSONataLimits(stackBytes: 6 << 20)
) throws -> JSONataError? {
    do {
        _ = try evaluate(expression, over: data, dialect: dialect, limits: limits)
        return nil
    } catch let error as JSONataError { return error }
}

/// A thread with little stack, and with enough for what only debug builds need so much of.
enum Stack {
    private final class Job {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    /// Runs on a thread with that much stack.
    static func run<Value>(bytes: Int, _ body: () throws -> Value) throws -> Value {
        var result: Result<Value, any Error>?
        withoutActuallyEscaping(body) { body in
            let job = Job { result = Result { try body() } }
            var attributes = pthread_attr_t()
            pthread_attr_init(&attributes)
            defer { pthread_attr_destroy(&attributes) }
            precondition(pthread_attr_setstacksize(&attributes, bytes) == 0, "the stack size is allowed")
            var thread = pthread_t()
            let status = pthread_create(
                &thread, &attributes,
                { context in
                    if let context { Unmanaged<Job>.fromOpaque(context).takeUnretainedValue().body() }
                    return nil
                }, Unmanaged.passUnretained(job).toOpaque())
            precondition(status == 0, "a thread can be started")
            withExtendedLifetime(job) { _ = pthread_join(thread, nil) }
        }
        guard let result else { preconditionFailure("the thread has left its result") }
        return try result.get()
    }
}
