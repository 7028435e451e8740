public import HTTPServer
import HTTPServerTestSupport

/// Serves a router on a free port of the loopback while the body runs, and stops in order afterwards: ``LoopbackServer``
/// for tests that write requests themselves.
public func withServer<Answer: Sendable>(
    _ router: ServiceRouter,
    _ body: (_ port: Int, _ stop: @escaping @Sendable () async -> Void) async throws -> Answer
) async throws -> Answer {
    try await LoopbackServer.with(router) { client, stop in try await body(client.port, stop) }
}
