public import HTTPServer
import Logging
import ServiceLifecycle

/// Serves a router on a free port of the loopback while the body runs, and stops in order afterwards.
public func withServer<Answer: Sendable>(
    _ router: ServiceRouter,
    _ body: @Sendable (_ port: Int, _ stop: @escaping @Sendable () async -> Void) async throws -> Answer
) async throws -> Answer {
    var logger = Logger(label: "tests")
    logger.logLevel = .critical
    let (ports, port) = AsyncStream.makeStream(of: Int.self)
    let server = HTTPService(
        router: router, configuration: .init(port: 0), logger: logger, onListening: { port.yield($0) })
    let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: logger))
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        var iterator = ports.makeAsyncIterator()
        guard let number = await iterator.next() else { throw CancellationError() }
        do {
            let answer = try await body(number) { await group.triggerGracefulShutdown() }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return answer
        } catch {
            tasks.cancelAll()
            throw error
        }
    }
}
