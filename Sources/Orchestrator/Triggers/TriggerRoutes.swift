import Engine
import EventPatterns
public import HTTPServer
import Hummingbird
import JSON
import StatesLanguage

extension ServiceRouter {
    /// Adds `/console/api/triggers`: what starts executions when something happens, what came of it lately, the secrets of
    /// its hooks; and the verbs that hold a trigger and let it go on.
    ///
    /// - Parameter deadline: how long a caller waits for the engine, and so for the database.
    public func addTriggerRoutes(_ desk: TriggerDesk, deadline: AnswerDeadline = AnswerDeadline()) {
        get("/console/api/triggers") { _, _ in
            var views: [JSON] = []
            for trigger in desk.triggers { views.append(try await desk.view(of: trigger, deadline)) }
            return Response.json(["Triggers": .array(views)], headers: [.cacheControl: "no-store"])
        }
        get("/console/api/triggers/{name}") { _, context in
            let trigger = try desk.named(context.parameters.get("name"))
            var view = try await desk.view(of: trigger, deadline)
            view["Input"] = trigger.input?.source
            view["Recent"] = .array(desk.notes[trigger.name].recent.map(\.json))
            return Response.json(view, headers: [.cacheControl: "no-store"])
        }
        post("/console/api/triggers/{name}/secret") { _, context in
            let trigger = try desk.named(context.parameters.get("name"))
            guard trigger.source.isHook else {
                throw Problem.notFound("There is no trigger of that name that takes requests.")
            }
            let secret = try await asking(deadline) { () async throws(EngineError) in
                try await desk.service.renewTriggerSecret(trigger.name)
            }
            return Response.json(
                [
                    "Name": .string(trigger.name), "Path": .string("/hooks/\(trigger.name)"),
                    "Secret": .string(secret),
                ], status: .created, headers: [.cacheControl: "no-store"])
        }
        post("/console/api/triggers/{name}/pause") { request, context in
            let trigger = try desk.named(context.parameters.get("name"))
            let content = try await OrderContent(request, limit: orderBytes)
            guard let reason = try content.text("reason", bytes: Engine.reasonBytes), !reason.isEmpty else {
                throw Problem.invalidParameter("reason", "A pause has a 'reason', a text.")
            }
            try await asking(deadline) { () async throws(EngineError) in
                try await desk.service.pauseTrigger(trigger.name, reason: reason)
            }
            return Response.json(try await desk.view(of: trigger, deadline), headers: [.cacheControl: "no-store"])
        }
        post("/console/api/triggers/{name}/resume") { request, context in
            let name = context.parameters.get("name") ?? ""
            _ = try await OrderContent(request, limit: orderBytes)
            // One that no file has any more may hold uploads.
            try await asking(deadline) { () async throws(EngineError) in try await desk.service.resumeTrigger(name) }
            guard let trigger = desk.triggers.first(where: { $0.name == name }) else {
                return Response.json(["Name": .string(name)], headers: [.cacheControl: "no-store"])
            }
            return Response.json(try await desk.view(of: trigger, deadline), headers: [.cacheControl: "no-store"])
        }
    }
}

private let orderBytes = 64 << 10

private func asking<Value: Sendable>(
    _ deadline: AnswerDeadline, _ call: @escaping @Sendable () async throws(EngineError) -> Value
) async throws(Problem) -> Value {
    do throws(EngineError) { return try await deadline.answer(late: EngineError.unanswered, call) } catch {
        switch error.code {
        case .notFound: throw Problem.notFound(error.message)
        case .invalid:
            throw Problem(
                "invalid-argument", status: .badRequest, title: "An argument is not valid", detail: error.message)
        default: throw Problem(TriggerError(engine: error))
        }
    }
}

extension TriggerDesk {
    fileprivate func named(_ name: String?) throws(Problem) -> Trigger {
        guard let trigger = triggers.first(where: { $0.name == name }) else {
            throw Problem.notFound("There is no trigger '\((name ?? "").prefix(100))'.")
        }
        return trigger
    }

    fileprivate func view(of trigger: Trigger, _ deadline: AnswerDeadline) async throws(Problem) -> JSON {
        let record = try await asking(deadline) { () async throws(EngineError) in
            try await service.triggerRecord(trigger.name)
        }
        let notes = notes[trigger.name]
        var counts: JSON = [:]
        for outcome in TriggerNews.Outcome.allCases {
            if let count = notes.counts[outcome] { counts[outcome.rawValue] = .integer(count) }
        }
        var source: JSON = ["Kind": .string(trigger.source.kind)]
        switch trigger.source {
        case .s3(let bucket): source["Bucket"] = .string(bucket)
        case .directory(let path): source["Path"] = .string(path)
        case .upload, .webhook, .execution: break
        }
        return .members(
            ("Name", .string(trigger.name)), ("Description", trigger.description.map(JSON.string)),
            ("State", trigger.isEnabled ? "ENABLED" : "DISABLED"),
            (
                "Pause",
                record.pause.map {
                    ["Reason": .string($0.reason), "Since": .string(Timestamp.text(microseconds: $0.since))]
                }
            ), ("Source", source), ("Target", .string(trigger.target)), ("EventPattern", trigger.pattern?.source),
            ("Hook", trigger.source.isHook ? .string("/hooks/\(trigger.name)") : nil),
            ("HasSecret", trigger.source.isHook ? .bool(record.hasSecret) : nil),
            (
                "ListedThrough",
                record.listedThrough.map { .string(Timestamp.text(microseconds: $0)) }
            ), ("ToldThrough", record.toldThrough.map { .string(Timestamp.text(microseconds: $0)) }),
            ("Counts", counts), ("LastNote", notes.recent.first?.json))
    }
}
