public import HTTPTypes
import Hummingbird
import Logging
import Metrics
import Synchronization

/// Fields that tell browsers what a page of ours may do.
public struct SecurityHeaders: Sendable {
    /// The fields, set on a response where it does not have them.
    public let fields: HTTPFields

    public init(fields: HTTPFields) { self.fields = fields }

    /// For servers with pages of their own: everything from this origin, nothing inline, nothing framed.
    public static let pages = SecurityHeaders(fields: [
        .contentSecurityPolicy:
            "default-src 'self'; media-src 'self' blob:; img-src 'self'; object-src 'none'; base-uri 'none'; "
            + "form-action 'self'; frame-ancestors 'none'",
        .xContentTypeOptions: "nosniff",
        .referrerPolicy: "same-origin",
        .crossOriginOpenerPolicy: "same-origin",
        .crossOriginResourcePolicy: "same-origin",
    ])
}

/// Around every route: the request id, problems for failures, security headers, and the request metrics
/// `http_requests_total` and `http_request_duration_seconds` by method, route and status.
struct ServiceMiddleware: RouterMiddleware {
    let securityHeaders: SecurityHeaders
    private let meters = RequestMeters()

    init(securityHeaders: SecurityHeaders) { self.securityHeaders = securityHeaders }

    func handle(
        _ request: Request, context: ServiceContext, next: (Request, ServiceContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        if let given = request.headers[.requestID], Self.isWellFormed(given) { context.requestID = given }
        context.logger[metadataKey: "request_id"] = .string(context.requestID)
        let start = ContinuousClock.now
        var response: Response
        do {
            response = try await next(request, context)
        } catch {
            response = problem(for: error, request: request, context: context).response(requestID: context.requestID)
        }
        response.headers[.requestID] = context.requestID
        for field in securityHeaders.fields where response.headers[field.name] == nil {
            response.headers.append(field)
        }
        meters.record(
            method: request.method, route: context.endpointPath ?? "", status: response.status,
            duration: start.duration(to: .now))
        return response
    }

    private func problem(for error: any Error, request: Request, context: ServiceContext) -> Problem {
        switch error {
        case let problem as Problem:
            // 503 is an answer like another: the client comes again.
            if problem.status.code >= 500, problem.status != .serviceUnavailable {
                context.logger.error("\(request.method.rawValue) \(request.uri.path): \(problem)")
            }
            return problem
        case let error as HTTPError:
            return .plain(
                error.status, detail: error.body ?? Self.detail(of: error.status, request: request),
                headers: error.headers)
        case let error as any HTTPResponseError:
            return .plain(error.status, detail: nil, headers: [:])
        default:
            context.logger.error("\(request.method.rawValue) \(request.uri.path) failed: \(error)")
            return .internalError
        }
    }

    private static func detail(of status: HTTPResponse.Status, request: Request) -> String? {
        status == .notFound ? "There is nothing at \(request.uri.path)." : nil
    }

    /// 1 to 64 letters, digits, `-`, `_` and `.`: what may stand in a log without harm.
    static func isWellFormed(_ requestID: String) -> Bool {
        (1...64).contains(requestID.utf8.count)
            && requestID.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }
}

/// Counts requests. Meters are made once for each combination: routes are few, and methods are those of the routes.
private final class RequestMeters: Sendable {
    private struct Key: Hashable {
        let method: String
        let route: String
        let status: Int
    }

    private let meters = Mutex<[Key: (requests: Counter, duration: Metrics.Timer)]>([:])

    func record(method: HTTPRequest.Method, route: String, status: HTTPResponse.Status, duration: Duration) {
        let known: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        let name = known.contains(method.rawValue) ? method.rawValue : "other"
        let key = Key(method: name, route: route, status: status.code)
        let (requests, timer) = meters.withLock { meters in
            if let found = meters[key] { return found }
            let dimensions = [("method", key.method), ("route", key.route), ("status", String(key.status))]
            let made = (
                Counter(label: "http_requests_total", dimensions: dimensions),
                Metrics.Timer(label: "http_request_duration", dimensions: Array(dimensions.prefix(2)))
            )
            meters[key] = made
            return made
        }
        requests.increment()
        timer.recordNanoseconds(Int64(duration / .nanoseconds(1)))
    }
}

/// Refuses content that is larger than the route takes: at once where the length is declared, else as soon as more
/// has arrived.
struct BodyLimitMiddleware: RouterMiddleware {
    let limit: @Sendable (Request) -> Int

    func handle(
        _ request: Request, context: ServiceContext, next: (Request, ServiceContext) async throws -> Response
    ) async throws -> Response {
        guard request.headers[.contentLength] == nil else {
            let limit = limit(request)
            if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit {
                throw Problem.contentTooLarge(limit: limit)
            }
            return try await next(request, context)
        }
        guard request.headers[.transferEncoding] != nil else { return try await next(request, context) }
        var request = request
        request.body = RequestBody(asyncSequence: LimitedBody(body: request.body, limit: limit(request)))
        return try await next(request, context)
    }
}

/// A request's content that throws once it turns out longer than its limit.
private struct LimitedBody: AsyncSequence, Sendable {
    let body: RequestBody
    let limit: Int

    struct AsyncIterator: AsyncIteratorProtocol {
        var body: RequestBody.AsyncIterator
        let limit: Int
        var count = 0

        mutating func next() async throws -> ByteBuffer? {
            guard let buffer = try await body.next() else { return nil }
            count += buffer.readableBytes
            if count > limit { throw Problem.contentTooLarge(limit: limit) }
            return buffer
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: body.makeAsyncIterator(), limit: limit) }
}
