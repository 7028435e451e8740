public import HTTPTypes
public import Hummingbird

/// The routes of one of our servers.
///
/// It is Hummingbird's router with what every server of ours owes its clients already around each route: a request id,
/// problem documents for every failure, security headers, a limit for the request's content, request metrics, HEAD
/// wherever there is GET, and 405 with `Allow` for methods that a path does not have. Routes added with `get`, `post`,
/// `group` and so on are remembered, so that a test can compare them with what is documented.
public final class ServiceRouter: RouterMethods, HTTPResponderBuilder {
    public typealias Context = ServiceContext

    /// One route: a method and a path pattern such as `/v1/titles/{id}`.
    public struct Route: Sendable, Hashable {
        public let method: HTTPRequest.Method
        public let path: String
    }

    private let router: Router<ServiceContext>
    private let methods: Router<ServiceContext>
    private var methodsOfPath: [String: [HTTPRequest.Method]] = [:]
    /// All routes in the order they were added.
    public private(set) var routes: [Route] = []

    /// - Parameters:
    ///   - securityHeaders: what every response carries unless the route sets the field itself.
    ///   - bodyLimit: how many bytes the content of a request may have at most.
    public init(
        securityHeaders: SecurityHeaders = .pages,
        bodyLimit: @escaping @Sendable (Request) -> Int = { _ in 1 << 20 }
    ) {
        router = Router(context: ServiceContext.self, options: .autoGenerateHeadEndpoints)
        methods = Router(context: ServiceContext.self)
        router.add(middleware: ServiceMiddleware(securityHeaders: securityHeaders))
        router.add(middleware: BodyLimitMiddleware(limit: bodyLimit))
    }

    @discardableResult
    public func on<Responder: HTTPResponder>(
        _ path: RouterPath, method: HTTPRequest.Method, responder: Responder
    ) -> Self where Responder.Context == ServiceContext {
        router.on(path, method: method, responder: responder)
        let text = "/" + path.description.drop { $0 == "/" }
        routes.append(Route(method: method, path: text))
        methodsOfPath[text, default: []].append(method)
        return self
    }

    /// Adds a middleware around the routes that are added after it.
    @discardableResult
    public func add(middleware: any MiddlewareProtocol<Request, Response, ServiceContext>) -> Self {
        router.add(middleware: middleware)
        return self
    }

    public func buildResponder() -> ServiceResponder {
        for (path, methods) in methodsOfPath {
            var allowed = Set(methods.map(\.rawValue))
            if allowed.contains("GET") { allowed.insert("HEAD") }
            allowed.insert("OPTIONS")
            let allow = allowed.sorted().joined(separator: ", ")
            self.methods.on(RouterPath(path), method: .get) { _, _ in
                Response(status: .noContent, headers: [.allow: allow])
            }
        }
        return ServiceResponder(routes: router.buildResponder(), methods: methods.buildResponder())
    }
}

/// Answers requests by the routes of a ``ServiceRouter``.
public struct ServiceResponder: HTTPResponder {
    let routes: RouterResponder<ServiceContext>
    /// Knows for each path which methods it has, and answers with an `Allow` field.
    let methods: RouterResponder<ServiceContext>

    public func respond(to request: Request, context: ServiceContext) async throws -> Response {
        var response = try await answer(to: request, context: context)
        // A refusal of HEAD is told by its fields alone: content would be read as the next response (RFC 9110,
        // section 9.3.2).
        if request.method == .head, response.status.code >= 400 {
            let length = response.body.contentLength
            response.body = ResponseBody()
            response.headers[.contentLength] = length.map(String.init)
        }
        return response
    }

    private func answer(to request: Request, context: ServiceContext) async throws -> Response {
        let response = try await routes.respond(to: request, context: context)
        // Hummingbird says "NotFound" for a known path without that method, too.
        guard response.status == .notFound, context.coreContext.endpointPath.value == "NotFound" else {
            return response
        }
        var question = context
        question.coreContext.endpointPath = EndpointPath()
        var head = request.head
        head.method = .get
        let answer = try await methods.respond(
            to: Request(head: head, body: RequestBody(buffer: ByteBuffer())), context: question)
        guard let allow = answer.headers[.allow] else { return response }
        let requestID = response.headers[.requestID] ?? context.requestID
        var refusal =
            request.method == .options
            ? Response(status: .noContent, headers: [.allow: allow])
            : Problem.methodNotAllowed(request.method, path: request.uri.path, allow: allow)
                .response(requestID: requestID)
        for field in response.headers where refusal.headers[field.name] == nil {
            refusal.headers.append(field)
        }
        if request.method == .options { refusal.headers[.contentType] = nil }
        return refusal
    }
}
