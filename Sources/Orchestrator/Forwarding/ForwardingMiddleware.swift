import AccessControl
public import HTTPServer
import HTTPTypes
public import Hummingbird
import Metrics
import NIOCore

extension ServiceRouter {
    /// Puts before every route that is added after this call that an engine which is not active hands its calls on.
    ///
    /// - Parameters:
    ///   - wireBytes: the largest content of the wire API, as its route has it. Other routes are bounded by the router.
    ///   - takesContent: calls whose content is as long as a film: it is passed on as it comes.
    public func addForwarding(
        _ forwarder: Forwarder, wireBytes: Int, takesContent: @escaping @Sendable (Request) -> Bool
    ) {
        add(
            middleware: ForwardingMiddleware(
                forwarder: forwarder, wireBytes: wireBytes, takesContent: takesContent))
    }
}

struct ForwardingMiddleware: RouterMiddleware {
    let forwarder: Forwarder
    let wireBytes: Int
    let takesContent: @Sendable (Request) -> Bool

    /// The largest content of routes that are bounded by the router.
    private static let contentBytes = 4 << 20
    /// Between two looks at who is active.
    private static let pause = Duration.milliseconds(50)

    func handle(
        _ request: Request, context: ServiceContext, next: (Request, ServiceContext) async throws -> Response
    ) async throws -> Response {
        let role = forwarder.role
        if role == .active { return try await next(request, context) }
        // Whoever handed it on asks again who is active. It is never handed on twice, so it goes round in no circle.
        if request.isHandedOn {
            throw Problem(
                "not-active", status: .misdirectedRequest, title: "Another engine is active",
                detail: "The call was handed on to an engine that is not active.")
        }
        if role == .starting { return try await next(request, context) }
        do {
            return takesContent(request) && request.bringsContent
                ? try await passOn(request, context, next) : try await handOn(request, context, next)
        } catch let refusal as Refusal {
            Counter(label: "showrunner_forwarded_calls_total", dimensions: [("outcome", refusal.outcome)]).increment()
            return try refusal.response(request, context)
        }
    }

    // MARK: Calls held in memory

    private func handOn(
        _ request: Request, _ context: ServiceContext, _ next: (Request, ServiceContext) async throws -> Response
    ) async throws -> Response {
        var request = request
        let limit = request.isWire ? wireBytes : Self.contentBytes
        let declared = request.headers[.contentLength].flatMap { Int($0) }
        let held = request.bringsContent ? min(declared ?? limit, limit) : 0
        guard forwarder.hold(held) else {
            throw Refusal("busy", "The engine that stands by holds as many calls as it may.")
        }
        defer { forwarder.release(held) }
        var call = try HandedOnCall(request, context)
        if request.bringsContent {
            do {
                call.content = .bytes(Array(try await request.collectBody(upTo: limit).readableBytesView))
            } catch is NIOTooManyBytesError {
                throw Refusal(tooLarge: limit)
            }
        }
        let deadline = ContinuousClock.now + forwarder.limits.patience
        while true {
            var reason = "No engine is active."
            switch try await turn(call, until: deadline) {
            case .own: return try await next(request, context)
            case .other(let outcome, let active):
                switch outcome {
                case .answered(let answer): return response(answer, active)
                case .malformed(let why): throw Refusal(malformed: why)
                case .notMade(let why): reason = why
                case .unknown(let why):
                    guard call.isRepeatable else { throw Refusal(unknown: why) }
                    reason = why
                }
            }
            try await rest(until: deadline, reason)
        }
    }

    private enum Turn {
        /// This engine is active itself.
        case own
        case other(HandedOnCall.Outcome, ActiveEngine)
    }

    /// Waits until somebody is active, and makes the call where that is another engine.
    private func turn(_ call: HandedOnCall, until deadline: ContinuousClock.Instant) async throws -> Turn {
        while true {
            switch forwarder.role {
            case .active: return .own
            case .stopping: throw Refusal("stopping", "The engine stops.")
            case .standingBy(let active):
                guard active.address != nil else { throw Refusal(nowhere: active) }
                return .other(await forwarder.hand(call, to: active), active)
            case .starting, .takingOver: try await rest(until: deadline, "The engine takes over.")
            }
        }
    }

    private func rest(until deadline: ContinuousClock.Instant, _ reason: String) async throws {
        guard .now < deadline else { throw Refusal("unreached", reason) }
        try await Task.sleep(for: Self.pause)
    }

    // MARK: Parts of films

    /// Passes content on as it comes. It comes once: where it does not arrive, the client asks how much did.
    private func passOn(
        _ request: Request, _ context: ServiceContext, _ next: (Request, ServiceContext) async throws -> Response
    ) async throws -> Response {
        let deadline = ContinuousClock.now + forwarder.limits.patience
        while true {
            switch forwarder.role {
            case .active: return try await next(request, context)
            case .stopping: throw Refusal("stopping", "The engine stops.")
            case .standingBy(let active): return try await passOn(request, context, to: active)
            case .starting, .takingOver: try await rest(until: deadline, "The engine takes over.")
            }
        }
    }

    private func passOn(_ request: Request, _ context: ServiceContext, to active: ActiveEngine) async throws -> Response
    {
        guard active.address != nil else { throw Refusal(nowhere: active) }
        let upload = PassedContent()
        var call = try HandedOnCall(request, context)
        call.content = .upload(upload, length: request.headers[.contentLength].flatMap { Int64($0) })
        let outcome = await withTaskGroup(of: Void.self) { group in
            let content = request.body
            group.addTask { await Self.give(content, to: upload) }
            let outcome = await forwarder.hand(call, to: active)
            // What the other engine does not want to hear is not waited for.
            group.cancelAll()
            return outcome
        }
        switch outcome {
        case .answered(let answer): return response(answer, active)
        case .malformed(let why): throw Refusal(malformed: why)
        case .notMade(let why): throw Refusal("unreached", why)
        case .unknown(let why): throw Refusal(unknown: why)
        }
    }

    private static func give(_ content: RequestBody, to upload: PassedContent) async {
        do {
            for try await buffer in content {
                guard await upload.send(Array(buffer.readableBytesView)) else { return }
            }
            upload.finish()
        } catch {
            // The client is gone, or nobody listens: then the request fails, and says so.
            upload.fail()
        }
    }

    // MARK: Answers

    private func response(_ answer: HandedOnCall.Answer, _ active: ActiveEngine) -> Response {
        Counter(label: "showrunner_forwarded_calls_total", dimensions: [("outcome", "answered")]).increment()
        var headers = HTTPFields()
        for (name, value) in answer.headers {
            // An engine's own fields, which its server has checked.
            guard let name = HTTPField.Name(name) else { continue }
            headers.append(HTTPField(name: name, value: value))
        }
        let status = HTTPResponse.Status(code: answer.status)
        switch answer.content {
        case .none(let length):
            var response = Response(status: status, headers: headers)
            response.headers[.contentLength] = status.code == 204 ? nil : length
            return response
        case .whole(let bytes):
            return Response(
                status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
        case .stream(let iterator, let length):
            return Response(
                status: status, headers: headers,
                body: ResponseBody(contentLength: length) { [forwarder] writer in
                    while let piece = try await forwarder.next(iterator, of: active) {
                        try await writer.write(ByteBuffer(bytes: piece))
                    }
                    try await writer.finish(nil)
                })
        }
    }
}

/// Why a call was not handed on, or what is not known of it.
private struct Refusal: Error {
    let status: HTTPResponse.Status
    /// AWS's name of it: SDKs try again what is unavailable, and nothing else of these.
    let code: String
    let message: String
    /// In metrics.
    let outcome: String
    private var limit = 0

    init(_ outcome: String, _ message: String) {
        (status, code, self.message, self.outcome) = (.serviceUnavailable, "ServiceUnavailable", message, outcome)
    }

    init(nowhere active: ActiveEngine) {
        self.init(
            "unreached", "The engine stands by, and the active one (\(active.incarnation)) does not say where it is.")
    }

    init(unknown reason: String) {
        self.init(
            "unknown",
            "Whether the call was made is not known, because the engine that had it is gone or does not answer. \(reason)"
        )
    }

    init(malformed reason: String) {
        (status, code, message, outcome) = (.badRequest, "ValidationException", reason, "malformed")
    }

    init(tooLarge limit: Int) {
        (status, code, outcome) = (.contentTooLarge, "RequestEntityTooLargeException", "too-large")
        message = "The content of a request may have \(limit) bytes at most."
        self.limit = limit
    }

    /// In the words of the protocol that the call came by.
    func response(_ request: Request, _ context: ServiceContext) throws -> Response {
        guard request.isWire else {
            switch status {
            case .serviceUnavailable: throw Problem.unavailable(message, retryAfter: 1)
            case .contentTooLarge: throw Problem.contentTooLarge(limit: limit)
            default:
                throw Problem(
                    "invalid-request", status: status, title: "The request can't be handed on", detail: message)
            }
        }
        return .awsError(
            code, message, status: status, retryAfter: status == .serviceUnavailable ? 1 : nil, context: context)
    }
}

extension Request {
    fileprivate var isWire: Bool { uri.path == "/" && method == .post }

    fileprivate var bringsContent: Bool {
        headers[.transferEncoding] != nil || (headers[.contentLength] ?? "0") != "0"
    }

    fileprivate var isHandedOn: Bool {
        headers[.via]?.split(separator: ",").contains { $0.hasSuffix(HandedOnCall.pseudonym) } ?? false
    }

    /// Whether a call changes nothing, and takes nothing away from others either.
    fileprivate var isRepeatable: Bool {
        if method == .get || method == .head || method == .options { return true }
        guard isWire, let target = headers[.amzTarget], target.hasPrefix("AWSStepFunctions."),
            let action = Action(operation: String(target.dropFirst("AWSStepFunctions.".count)))
        else { return false }
        return !action.isChange && action != .getActivityTask && action != .testState
    }
}

extension HandedOnCall {
    /// What an engine that hands on calls itself in Via (RFC 9110, section 7.6.3).
    fileprivate static let pseudonym = " showrunner"

    fileprivate init(_ request: Request, _ context: ServiceContext) throws {
        guard let target = request.head.path, target.hasPrefix("/") else {
            // Behind an address anything else would be another address.
            throw Refusal(malformed: "The request's target is no path.")
        }
        var headers: [(name: String, value: String)] = []
        for field in request.headers
        where !Self.connectionFields.contains(field.name.canonicalName) && field.name != .via
            && field.name != .requestID
            && field.name != .forwardedFor
        {
            headers.append((field.name.rawName, field.value))
        }
        // What is signed, and what names of the outside are judged by: it stays as the client has it.
        if let authority = request.head.authority { headers.append(("Host", authority)) }
        headers.append((HTTPField.Name.requestID.rawName, context.requestID))
        headers.append(("Via", (request.headers[.via].map { $0 + ", " } ?? "") + "1.1" + Self.pseudonym))
        // A call of this machine is one there, too; one from elsewhere says from where, and is nobody's own.
        let senders = [request.headers[.forwardedFor], context.isLoopback ? nil : context.peerAddress].compactMap(
            \.self)
        if !senders.isEmpty { headers.append(("X-Forwarded-For", senders.joined(separator: ", "))) }
        self.init(
            method: request.method.rawValue, target: target, headers: headers, isRepeatable: request.isRepeatable)
    }
}
