import HTTP
public import HTTPServer
import Logging
import ServiceLifecycle

/// Runs a server on a free port of the loopback interface for as long as a test talks to it.
public enum LoopbackServer {
    /// - Parameter body: gets a client, and a closure that asks the server to stop as SIGTERM does.
    public static func with<Value: Sendable>(
        _ router: ServiceRouter,
        body: (_ client: LoopbackClient, _ stop: @escaping @Sendable () async -> Void) async throws -> Value
    ) async throws -> Value {
        let (ports, continuation) = AsyncStream<Int>.makeStream()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let service = HTTPService(
            router: router, configuration: .init(port: 0), logger: logger, onListening: { continuation.yield($0) })
        let group = ServiceGroup(services: [service], gracefulShutdownSignals: [], logger: logger)
        let running = Task {
            defer { continuation.finish() }
            try await group.run()
        }
        var iterator = ports.makeAsyncIterator()
        guard let port = await iterator.next() else {
            try await running.value
            throw LoopbackServerError(description: "the server ended before it listened")
        }
        do {
            let value = try await body(
                LoopbackClient(port: port), { await group.triggerGracefulShutdown() })
            await group.triggerGracefulShutdown()
            try await running.value
            return value
        } catch {
            running.cancel()
            throw error
        }
    }
}

public struct LoopbackServerError: Error, CustomStringConvertible {
    public let description: String
}

/// Talks to a ``LoopbackServer``.
public struct LoopbackClient: Sendable {
    public let port: Int
    private let http = HTTPClient()

    public var base: String { "http://127.0.0.1:\(port)" }

    /// What came back.
    public struct Answer: Sendable {
        public let status: Int
        public let body: [UInt8]
        private let headers: HTTPHeaders

        init(_ response: HTTPResponse) {
            status = response.status
            body = response.body
            headers = response.headers
        }

        public subscript(name: String) -> String? { headers[name] }
        public var text: String { String(decoding: body, as: UTF8.self) }
    }

    public func send(
        _ method: String, _ path: String, _ headers: [String: String] = [:], body: [UInt8]? = nil
    ) async throws -> Answer {
        var fields = HTTPHeaders()
        for (name, value) in headers { fields[name] = value }
        // One connection a request: a kept-alive one would hold the server's end up.
        fields["Connection"] = "close"
        let request = HTTPRequest(
            method, base + path, headers: fields, body: body.map { .bytes($0) } ?? .none, reusesConnection: false)
        return Answer(try await http.send(request))
    }

    public func get(_ path: String, _ headers: [String: String] = [:]) async throws -> Answer {
        try await send("GET", path, headers)
    }
}
