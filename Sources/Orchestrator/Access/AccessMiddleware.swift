import AccessControl
import Cryptography
import Encodings
import HTTPServer
import HTTPTypes
import Hummingbird
import JSON
import Journal
import Logging
import Metrics
import Postgres
import SignatureV4

/// Around every route of the engine: who calls, whether they may, and what the audit log says of it.
struct AccessMiddleware: RouterMiddleware {
    let authentication: Authentication
    let audit: AuditLog
    /// For a row of the audit log.
    let deadline: AnswerDeadline
    let denied = DeniedCalls()
    /// Why nothing can be changed at present; nil while it can.
    let trouble: @Sendable () async -> String?

    func handle(
        _ request: Request, context: ServiceContext, next: (Request, ServiceContext) async throws -> Response
    ) async throws -> Response {
        // Without a pattern no route was matched: there is nothing to guard, and 404 or 405 say so to everybody.
        guard let pattern = context.endpointPath else { return try await next(request, context) }
        let rule = RouteRule.of(request.method, pattern)
        do {
            return try await answer(request, context, rule, next)
        } catch let refusal as Refusal {
            Counter(label: "showrunner_refused_calls_total", dimensions: [("reason", refusal.reason)]).increment()
            switch rule {
            case .wire: return refusal.wireResponse(context)
            case .page where refusal.wantsSignIn:
                return Response(
                    status: .seeOther,
                    headers: [
                        .location: "/console/sign-in?next="
                            + PercentEncoding.encode(request.head.path ?? "/console/", keepingSlashes: true),
                        .cacheControl: "no-store",
                    ])
            case .open, .page, .action, .upload, .unlisted: throw refusal.problem
            }
        }
    }

    private func answer(
        _ request: Request, _ context: ServiceContext, _ rule: RouteRule,
        _ next: (Request, ServiceContext) async throws -> Response
    ) async throws -> Response {
        if rule == .open { return try await next(request, context) }
        var request = request
        let caller = try await authentication.caller(of: &request, context, rule)
        var call = Call(caller: caller, rule: rule, request: request, context: context)
        if rule == .wire, call.unknownOperation == nil, call.isChange || !call.isAllowed {
            call.resource = AuditSubject.resource(
                ofOperation: try await authentication.content(of: &request, rule))
        }
        if let unknown = call.unknownOperation { throw Refusal.unknownOperation(unknown) }
        guard call.isAllowed else {
            let moment = authentication.now()
            if call.isChange, let leftOut = denied.admit(caller.accessKeyID, at: moment) {
                let more = leftOut == 0 ? "" : ", like \(leftOut) calls before it that have no row"
                try await write(call.row(at: moment, outcome: "AccessDeniedException" + more))
            }
            throw Refusal.denied(caller, call.name, resource: call.resource)
        }
        let response = try await Caller.$current.withValue(caller) {
            call.isChange ? try await change(call, request, context, next) : try await next(request, context)
        }
        if rule == .upload, let subject = Self.subject(ofUpload: request, response) {
            call.resource = subject
            try await write(call.row(at: authentication.now(), outcome: Self.succeeded))
        }
        return response
    }

    /// What an upload has changed beside its own bytes: the execution that its last part started, or itself when it was
    /// given up. The answer waits for the row; without it the client asks again.
    private static func subject(ofUpload request: Request, _ response: Response) -> String? {
        guard response.status.code < 400 else { return nil }
        switch request.method {
        case .head, .get: return nil
        case .delete: return AuditSubject.kept(request.uri.path)
        default: return response.headers[.executionARN]
        }
    }

    static let succeeded = "Succeeded"

    /// The row may be written yet, without an outcome.
    private static let late = PostgresError(outcome: .unknown, message: "the database has not answered in time")

    /// Makes a change between its row and its outcome.
    private func change(
        _ call: Call, _ request: Request, _ context: ServiceContext,
        _ next: (Request, ServiceContext) async throws -> Response
    ) async throws -> Response {
        if let trouble = await trouble() { throw Refusal.unavailable(trouble) }
        let row = call.row(at: authentication.now(), outcome: nil)
        try await write(row)
        do {
            let response = try await next(request, context)
            await audit.end(
                AuditOutcome(
                    id: row.id, outcome: Self.outcome(of: response), resource: Self.subject(of: request, response)))
            return response
        } catch {
            await audit.end(AuditOutcome(id: row.id, outcome: (error as? Problem)?.name ?? "internal-error"))
            throw error
        }
    }

    /// What an answer names better than the call could: an execution by its ARN, or what was made.
    private static func subject(of request: Request, _ response: Response) -> String? {
        if let arn = response.headers[.executionARN] {
            return AuditSubject.resource(ofExecution: arn, path: request.uri.path)
        }
        return response.status == .created ? response.headers[.location].map(AuditSubject.resource(ofPath:)) : nil
    }

    private static func outcome(of response: Response) -> String {
        if response.status.code < 400 { return succeeded }
        return response.headers[.amznErrorType] ?? "status \(response.status.code)"
    }

    private func write(_ row: AuditRow) async throws {
        do throws(PostgresError) {
            try await deadline.answer(late: Self.late) { [audit] () async throws(PostgresError) in
                try await audit.begin(row)
            }
        } catch {
            throw Refusal.unavailable("The audit log takes no rows: \(error.message)")
        }
    }
}

/// One call, as it is judged and told.
private struct Call {
    let caller: Caller
    /// What the caller asks for, as refusals and the audit log name it.
    let name: String
    let isAllowed: Bool
    /// What the caller names instead of an operation of the wire API; nil where it names one, and on other routes.
    let unknownOperation: String?
    /// Whether it stands in the audit log before it is made.
    let isChange: Bool
    var resource: String?
    private let source: String?
    private let requestID: String
    private let reason: String?

    init(caller: Caller, rule: RouteRule, request: Request, context: ServiceContext) {
        self.caller = caller
        let isRead = request.method == .get || request.method == .head
        var action: Action?
        var unknown: String?
        switch rule {
        case .open: preconditionFailure("what is open to all is not judged")
        case .page: action = .useConsole
        case .upload: action = .upload
        case .action(let named): action = named
        case .wire:
            let target = request.headers[.amzTarget] ?? ""
            action =
                target.hasPrefix(Self.prefix) ? Action(operation: String(target.dropFirst(Self.prefix.count))) : nil
            if action == nil { unknown = target }
        case .unlisted: break
        }
        unknownOperation = unknown
        // A route that nobody has listed is for admins.
        isAllowed = action.map(caller.role.allows) ?? (caller.role == .admin)
        name = action?.rawValue ?? "\(request.method.rawValue) \(context.endpointPath ?? "")"
        isChange =
            switch rule {
            case .wire: action?.isChange ?? false
            case .action: action?.isChange == true && !isRead
            case .unlisted: !isRead
            case .open, .page, .upload: false
            }
        resource = rule == .wire ? nil : AuditSubject.resource(ofPath: request.uri.path)
        source = AuditSubject.source(request, context)
        requestID = context.requestID
        reason = AuditSubject.reason(request)
    }

    private static let prefix = "AWSStepFunctions."

    /// - Parameter moment: microseconds since 1970.
    func row(at moment: Int64, outcome: String?) -> AuditRow {
        AuditRow(
            id: timeOrderedUUID(at: moment), at: moment, accessKeyID: caller.accessKeyID, role: caller.role.rawValue,
            action: name, resource: resource, source: source, requestID: requestID, reason: reason, outcome: outcome)
    }
}
