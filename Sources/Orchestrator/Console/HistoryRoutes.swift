public import Engine
public import HTTPServer
import Hummingbird
import JSON
import StatesLanguage

extension ServiceRouter {
    /// Adds `/console/api/runs/{id}/history`: the events that GetExecutionHistory has, the first of them first, a page at a
    /// time. They are for people: long payloads are cut, and the wire has them whole.
    public func addHistoryRoutes(histories: any RunHistories, deadline: AnswerDeadline = AnswerDeadline()) {
        let asking = Asking(deadline: deadline)
        get("/console/api/runs/{id}/history") { request, context in
            let id = try pathText("id", context)
            let mark = request.uri.queryParameters["after"].flatMap { $0.isEmpty ? nil : String($0) }
            let page = try await asking { () throws(EngineError) in
                try await histories.history(id, isReversed: false, limit: pageSize, after: mark)
            }
            return Response.fresh(page.json)
        }
    }
}

private let pageSize = 200
/// Characters of a payload.
private let longestPayload = 1000

extension HistoryPage {
    fileprivate var json: JSON {
        let events = events.map { event in
            JSON.members(
                ("id", .integer(event.id)), ("previousEventId", .integer(event.previousID)),
                ("type", .string(event.type)), ("at", .string(Timestamp.text(microseconds: event.at))),
                ("details", event.details.map { Self.cut($0.value) }))
        }
        return .members(("events", .array(events)), ("next", next.map(JSON.string)))
    }

    private static func cut(_ details: JSON) -> JSON {
        var short = details
        for (name, value) in details.objectValue ?? [:] {
            guard let text = value.stringValue, text.count > longestPayload else { continue }
            short[name] = .string(String(text.prefix(longestPayload - 1)) + "…")
        }
        return short
    }
}
