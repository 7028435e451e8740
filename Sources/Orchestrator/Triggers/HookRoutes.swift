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
    public func addHookRoutes(_ desk: TriggerDesk) {
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
                try await desk.check(request, body, of: trigger, now: now)
                document = try content(body)
            } catch {
                desk.notes.note(.refused, of: trigger.name, reason: error.detail, at: now)
                throw error
            }
            let started = try await desk.told(
                document, by: trigger, id: request.headers[.webhookID] ?? context.requestID, now: now)
            return Response.json(
                ["executions": .array(started.map(\.json))], headers: [.cacheControl: "no-store"])
        }
    }

    /// Adds `/console/api/triggers`: what starts executions when something happens, what came of it lately, and the
    /// secrets of its hooks.
    public func addTriggerRoutes(_ desk: TriggerDesk) {
        get("/console/api/triggers") { _, _ in
            var views: [JSON] = []
            for trigger in desk.triggers { views.append(try await desk.view(of: trigger)) }
            return Response.json(["Triggers": .array(views)], headers: [.cacheControl: "no-store"])
        }
        get("/console/api/triggers/{name}") { _, context in
            let name = context.parameters.get("name") ?? ""
            guard let trigger = desk.triggers.first(where: { $0.name == name }) else {
                throw Problem.notFound("There is no trigger '\(name.prefix(100))'.")
            }
            var view = try await desk.view(of: trigger)
            view["Input"] = trigger.input?.source
            view["Recent"] = .array(desk.notes[trigger.name].recent.map(\.json))
            return Response.json(view, headers: [.cacheControl: "no-store"])
        }
        post("/console/api/triggers/{name}/secret") { _, context in
            let name = context.parameters.get("name") ?? ""
            guard let trigger = desk.triggers.first(where: { $0.name == name }), trigger.source.isHook else {
                throw Problem.notFound("There is no trigger of that name that takes requests.")
            }
            do throws(EngineError) {
                return Response.json(
                    [
                        "Name": .string(trigger.name), "Path": .string("/hooks/\(trigger.name)"),
                        "Secret": .string(try await desk.service.renewTriggerSecret(trigger.name)),
                    ], status: .created, headers: [.cacheControl: "no-store"])
            } catch { throw Problem(TriggerError(engine: error)) }
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
        let record: TriggerRecord
        do throws(EngineError) { record = try await service.triggerRecord(trigger.name) } catch {
            throw Problem(TriggerError(engine: error))
        }
        guard let secret = record.secret else {
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
                return try await take(event, for: [trigger])
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
            for event in events { started += try await take(event, for: siblings) }
            return started
        } catch { throw Problem(error) }
    }

    fileprivate func view(of trigger: Trigger) async throws(Problem) -> JSON {
        let record: TriggerRecord
        do throws(EngineError) { record = try await service.triggerRecord(trigger.name) } catch  where error.isPassing {
            throw Problem(TriggerError(engine: error))
        } catch {
            record = TriggerRecord(since: 0, secret: nil, listedThrough: nil)
        }
        let notes = notes[trigger.name]
        var counts: JSON = [:]
        for outcome in TriggerNotes.Outcome.allCases {
            if let count = notes.counts[outcome] { counts[outcome.rawValue] = .integer(count) }
        }
        var source: JSON = ["Kind": .string(trigger.source.kind)]
        switch trigger.source {
        case .s3(let bucket): source["Bucket"] = .string(bucket)
        case .directory(let path): source["Path"] = .string(path)
        case .upload, .webhook: break
        }
        return .members(
            ("Name", .string(trigger.name)), ("Description", trigger.description.map(JSON.string)),
            ("State", trigger.isEnabled ? "ENABLED" : "DISABLED"), ("Source", source),
            ("Target", .string(trigger.target)), ("EventPattern", trigger.pattern?.source),
            ("Hook", trigger.source.isHook ? .string("/hooks/\(trigger.name)") : nil),
            ("HasSecret", trigger.source.isHook ? .bool(record.secret != nil) : nil),
            (
                "ListedThrough",
                record.listedThrough.map { .string(Timestamp.text(microseconds: $0)) }
            ), ("Counts", counts), ("LastNote", notes.recent.first?.json))
    }
}

extension Trigger.Source {
    /// Whether others tell of its events over HTTP.
    var isHook: Bool {
        switch self {
        case .s3, .webhook: true
        case .upload, .directory: false
        }
    }
}

extension Problem {
    init(_ error: TriggerError) {
        switch error.code {
        case .unavailable, .source: self = .unavailable(error.message, retryAfter: 1)
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
