public import Engine
public import HTTPServer
import Hummingbird
import JSON
import Schedules
import StatesLanguage

extension ServiceRouter {
    /// Adds `/console/api/schedules`: what starts by itself, and the few verbs that people have for it.
    public func addScheduleRoutes(schedules: any ScheduleService, deadline: AnswerDeadline = AnswerDeadline()) {
        let asking = Asking(deadline: deadline)
        get("/console/api/schedules") { _, _ in
            Response.fresh(try await asking { () throws(EngineError) in try await schedules.listSchedules() })
        }
        get("/console/api/schedules/{name}") { _, context in
            let name = try pathText("name", context)
            return Response.fresh(try await asking { () throws(EngineError) in try await schedules.schedule(name) })
        }
        get("/console/api/schedules/{name}/preview") { request, context in
            let name = try pathText("name", context)
            let parameters = request.uri.queryParameters
            let count = try parameters["count"].map { text throws(Problem) in
                guard let count = Int(text) else {
                    throw Problem.invalidParameter("count", "'count' has to be a whole number.")
                }
                return count
            }
            let after = try parameters["after"].map { text throws(Problem) in
                try seconds(String(text), "after")
            }
            return Response.fresh(
                try await asking { () throws(EngineError) in
                    try await schedules.previewSchedule(name, count: count ?? 10, after: after)
                })
        }
        post("/console/api/schedules/{name}/pause") { request, context in
            let name = try pathText("name", context)
            guard let reason = try await OrderContent(request, limit: orderBytes).document["reason"]?.stringValue else {
                throw Problem.invalidParameter("reason", "A pause has a 'reason', a text.")
            }
            return Response.fresh(
                try await asking { () throws(EngineError) in try await schedules.pauseSchedule(name, reason: reason) })
        }
        post("/console/api/schedules/{name}/resume") { request, context in
            let name = try pathText("name", context)
            _ = try await OrderContent(request, limit: orderBytes)
            return Response.fresh(
                try await asking { () throws(EngineError) in try await schedules.resumeSchedule(name) })
        }
        post("/console/api/schedules/{name}/run-now") { request, context in
            let name = try pathText("name", context)
            let document = try await OrderContent(request, limit: orderBytes).document
            let policy = try overlapPolicy(of: document)
            return Response.fresh(
                try await asking { () throws(EngineError) in
                    try await schedules.runSchedule(
                        name, token: document["token"]?.stringValue, overlapPolicy: policy)
                })
        }
        post("/console/api/schedules/{name}/backfill") { request, context in
            let name = try pathText("name", context)
            let document = try await OrderContent(request, limit: orderBytes).document
            let policy = try overlapPolicy(of: document)
            let from = try seconds(document["from"]?.stringValue ?? "", "from")
            let through = try seconds(document["to"]?.stringValue ?? "", "to")
            return Response.fresh(
                try await asking { () throws(EngineError) in
                    try await schedules.backfillSchedule(name, from: from, through: through, overlapPolicy: policy)
                })
        }
    }
}

private let orderBytes = 64 << 10

private func seconds(_ text: String, _ member: String) throws(Problem) -> EpochSeconds {
    guard let time = Timestamp.microseconds(rfc3339: text) else {
        throw Problem.invalidParameter(
            member, "'\(member)' has to be a timestamp, such as 2026-03-14T01:59:00Z.")
    }
    return EpochSeconds(time.quotientAndRemainder(dividingBy: 1_000_000).quotient)
}

private func overlapPolicy(of document: JSON) throws(Problem) -> OverlapPolicy? {
    guard let member = document["overlapPolicy"], !member.isNull else { return nil }
    guard let policy = member.stringValue.flatMap(OverlapPolicy.init) else {
        throw Problem.invalidParameter(
            "overlapPolicy",
            "'overlapPolicy' is one of \(OverlapPolicy.allCases.map(\.rawValue).joined(separator: ", ")).")
    }
    return policy
}
