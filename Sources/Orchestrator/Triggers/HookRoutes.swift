public import HTTPServer
import Engine
import EventPatterns
import HTTPTypes
import Hummingbird
import JSON
import StatesLanguage

extension ServiceRouter {
    /// Adds `POST /hooks/{name}`: where services tell what happened. A request proves itself by the trigger's secret, so
    /// that it needs no access key; the answer comes when what it starts is durable.
    ///
    /// - Parameter deadline: how long a sender waits for that; then he is told to tell it again, which
    ///   under the same id starts nothing twice.
    public func addHookRoutes(_ desk: TriggerDesk, deadline: AnswerDeadline = AnswerDeadline()) {
        let late = Problem(TriggerError(engine: .unanswered))
        post("/hooks/{name}") { request, context in
            let name = context.parameters.get("name") ?? ""
            guard let trigger = desk.triggers.first(where: { $0.name == name }), trigger.source.isHook else {
                throw Problem.notFound("There is no trigger of that name that takes requests.")
            }
            let body = Array(try await request.body.collect(upTo: TriggerDesk.maximumBodyBytes).readableBytesView)
            guard let now = await desk.service.triggerTime() else {
                throw Problem.unavailable("The engine is starting, stopping or standing by.", retryAfter: 1)
            }
            let document: JSON
            do throws(Problem) {
                try await deadline.answer(late: late) { () async throws(Problem) in
                    try await desk.check(request, body, of: trigger, now: now)
                }
                document = try content(body)
            } catch {
                desk.notes.note(TriggerNews(.refused, of: trigger.name, reason: error.detail), at: now)
                throw error
            }
            let id = request.headers[.webhookID] ?? context.requestID
            let started = try await deadline.answer(late: late) { () async throws(Problem) in
                try await desk.told(document, by: trigger, id: id, now: now)
            }
            return Response.json(
                ["executions": .array(started.map(\.json))], headers: [.cacheControl: "no-store"])
        }
    }
}

private func content(_ body: [UInt8]) throws(Problem) -> JSON {
    do { return try JSON(parsing: body) } catch {
        throw Problem("invalid-content", status: .badRequest, title: "The content is not valid", detail: "\(error).")
    }
}

extension TriggerDesk {
    /// A notification with its 1,000 records of 1 KiB each fits in.
    static let maximumBodyBytes = 2 << 20

    fileprivate func check(
        _ request: Request, _ body: [UInt8], of trigger: Trigger, now: Int64
    ) async throws(Problem) {
        let known: String?
        do throws(EngineError) { known = try await service.triggerSecret(trigger.name) } catch {
            throw Problem(TriggerError(engine: error))
        }
        guard let secret = known else {
            throw Problem(
                "no-secret", status: .forbidden, title: "The hook has no secret",
                detail: "Make one with 'showrunner triggers secret \(trigger.name)'.")
        }
        let authorization = request.headers[.authorization]
        let proof = HookSignature.Request(
            id: request.headers[.webhookID], timestamp: request.headers[.webhookTimestamp],
            signatures: request.headers[.webhookSignature], hubSignature: request.headers[.hubSignature],
            bearer: authorization?.hasPrefix("Bearer ") == true ? authorization.map { String($0.dropFirst(7)) } : nil,
            token: request.uri.queryParameters["token"].map(String.init), body: body)
        var takesToken = false
        if case .s3 = trigger.source { takesToken = true }
        if let refusal = HookSignature.refusal(
            proof, secret: secret, takesToken: takesToken, now: now / 1_000_000)
        {
            throw Problem(
                "not-authenticated", status: .unauthorized, title: "The request is not proven",
                detail: "Refused: \(refusal).")
        }
    }

    /// What a request to a hook starts.
    fileprivate func told(
        _ document: JSON, by trigger: Trigger, id: String, now: Int64
    ) async throws(Problem) -> [Started] {
        do throws(TriggerError) {
            guard case .s3(let bucket) = trigger.source else {
                let event = TriggerEvents.webhook(
                    name: trigger.name, id: id, body: document, time: Timestamp.text(microseconds: now),
                    from: Self.origin)
                let taken = try await take(event, for: [trigger])
                guard taken.held.isEmpty else { throw Self.paused(trigger.name) }
                return taken.started
            }
            let events: [JSON]
            do throws(NotificationError) {
                // AWS tries a new configuration with this, and with no record.
                events =
                    document["Event"] == "s3:TestEvent"
                    ? [] : try TriggerEvents.s3(notification: document, from: Self.origin)
            } catch {
                throw TriggerError(.event, "Refused: \(error).")
            }
            // Who may tell of a bucket tells all its triggers: a bucket has one notification for an event.
            let siblings = triggers.filter { $0.source == .s3(bucket: bucket) }
            var started: [Started] = []
            var failure: TriggerError?
            for event in events {
                // A listing tells of objects that are there, and of nothing else.
                let isListed = event["detail-type"] == "Object Created"
                for sibling in siblings {
                    do throws(TriggerError) {
                        let taken = try await take(event, for: [sibling])
                        started += taken.started
                        if !taken.held.isEmpty, !isListed { throw Self.paused(sibling.name) }
                    } catch {
                        failure = failure.map { $0.worse(than: error) } ?? error
                    }
                }
            }
            if let failure { throw failure }
            return started
        } catch { throw Problem(error) }
    }

    /// Without the reason, which is for people here.
    private static func paused(_ name: String) -> TriggerError {
        TriggerError(.paused, "The trigger '\(name)' is paused; tell it again when it is resumed.")
    }
}

extension Trigger.Source {
    /// Whether others tell of its events over HTTP.
    var isHook: Bool {
        switch self {
        case .s3, .webhook: true
        case .upload, .directory, .execution: false
        }
    }
}

extension Problem {
    init(_ error: TriggerError) {
        switch error.code {
        case .unavailable, .source: self = .unavailable(error.message, retryAfter: 1)
        case .paused: self = .unavailable(error.message, retryAfter: 60)
        case .event:
            self.init(
                "invalid-event", status: .unprocessableContent, title: "The event can't be used", detail: error.message)
        case .refused:
            self.init("conflict", status: .conflict, title: "Nothing could be started", detail: error.message)
        }
    }
}

extension HTTPField.Name {
    fileprivate static let webhookID = constant("webhook-id")
    fileprivate static let webhookTimestamp = constant("webhook-timestamp")
    fileprivate static let webhookSignature = constant("webhook-signature")
    fileprivate static let hubSignature = constant("X-Hub-Signature-256")
}
