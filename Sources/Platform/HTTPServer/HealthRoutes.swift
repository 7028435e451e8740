import HTTPTypes
import Hummingbird
import JSON

/// Whether a server can do its work, and if not, why.
public struct Readiness: Sendable {
    /// One part that the server depends on: its name, and what is wrong with it, nil if nothing is.
    public struct Check: Sendable {
        public let name: String
        public let trouble: String?

        public init(_ name: String, trouble: String?) {
            self.name = name
            self.trouble = trouble
        }
    }

    public let checks: [Check]

    public init(_ checks: [Check]) { self.checks = checks }

    public var isReady: Bool { checks.allSatisfy { $0.trouble == nil } }

    var document: JSON {
        .members(
            ("status", .string(isReady ? "ready" : "not ready")),
            (
                "checks",
                .array(
                    checks.map { check in
                        .members(
                            ("name", .string(check.name)), ("ok", .bool(check.trouble == nil)),
                            ("trouble", check.trouble.map { .string($0) }))
                    })
            ))
    }
}

extension ServiceRouter {
    /// Adds `/livez` (200 while the process serves), `/readyz` (200, or 503 naming what is missing) and `/metrics`
    /// (Prometheus text exposition format).
    ///
    /// - Parameters:
    ///   - readiness: is asked at each request to `/readyz`; it bounds its own time.
    ///   - metricsText: the registry's text.
    public func addHealthRoutes(
        readiness: @escaping @Sendable () async -> Readiness, metricsText: @escaping @Sendable () -> String
    ) {
        get("/livez") { _, _ in
            Response.json(["status": "alive"], headers: [.cacheControl: "no-store"])
        }
        get("/readyz") { _, _ in
            let readiness = await readiness()
            return Response.json(
                readiness.document, status: readiness.isReady ? .ok : .serviceUnavailable,
                headers: readiness.isReady
                    ? [.cacheControl: "no-store"] : [.cacheControl: "no-store", .retryAfter: "1"])
        }
        get("/metrics") { _, _ in
            Response(
                status: .ok,
                headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8", .cacheControl: "no-store"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: metricsText())))
        }
    }
}
