import Engine
import HTTPServer
import Interpreter
import JSON
import RawHTTP
import Testing

@testable import Console

/// The history of one execution, three events a page.
struct RecordedHistories: RunHistories {
    static let events: [JSON] = [
        [
            "type": "ExecutionStarted",
            "executionStartedEventDetails": ["input": .string("{\"long\":\"" + long + "\"}")],
        ],
        ["type": "TaskStateEntered", "stateEnteredEventDetails": ["name": "Transcode", "input": "{}"]],
        [
            "type": "TaskScheduled",
            "taskScheduledEventDetails": ["resourceType": "showrunner", "resource": "transcode"],
        ],
        [
            "type": "TaskFailed",
            "taskFailedEventDetails": ["error": "Showrunner.SourceInvalid", "cause": "it is broken"],
        ],
    ]
    static let long = String(repeating: "x", count: 2000)

    func history(
        _ id: String, isReversed: Bool, limit: Int, after mark: String?
    ) async throws(EngineError) -> HistoryPage {
        let run = try await RecordedRuns(recordings.day).run(id).run
        let first = mark.flatMap { Int($0) } ?? 0
        let shown = Self.events.enumerated().dropFirst(first).prefix(3)
        let events = shown.compactMap { index, event -> History.Event? in
            var event = event
            event["id"] = .integer(index + 1)
            event["previousEventId"] = .integer(index)
            event["timestamp"] = .double(Double(run.startDateMicroseconds) / 1_000_000 + Double(index) * 30)
            return History.Event(wire: event)
        }
        return HistoryPage(events: events, next: first + 3 < Self.events.count ? String(first + 3) : nil)
    }
}

/// One whose journal gives no answer until its pages end.
private struct StuckHistories: RunHistories {
    let pages: AsyncStream<HistoryPage>

    func history(
        _ id: String, isReversed: Bool, limit: Int, after mark: String?
    ) async throws(EngineError) -> HistoryPage {
        for await page in pages { return page }
        throw EngineError(code: .unavailable, message: "There are no pages.")
    }
}

@Suite("A run's events") struct HistoryTests {
    private static func ask(
        _ path: String, of histories: any RunHistories = RecordedHistories(),
        deadline: AnswerDeadline = AnswerDeadline()
    ) async throws -> Wire.Answer {
        let router = ServiceRouter()
        router.addHistoryRoutes(histories: histories, deadline: deadline)
        return try await withServer(router) { port, _ in
            try await onThread { try Wire(port: port).request("GET", path, [:], []) }
        }
    }

    @Test func pagesFollowEachOtherAndLongPayloadsAreCut() async throws {
        let path = "/console/api/runs/\(recordings.failed.run.id)/history"
        let first = try JSON(parsing: try await Self.ask(path).text)
        #expect(first["events"]?.arrayValue?.map { $0["type"] } == RecordedHistories.events[..<3].map { $0["type"] })
        #expect(first["events"]?[1]?["details"]?["name"] == "Transcode" && first["events"]?[1]?["previousEventId"] == 1)
        #expect(first["events"]?[0]?["details"]?["input"]?.stringValue?.count == 1000)
        let mark = try #require(first["next"]?.stringValue)
        let second = try JSON(parsing: try await Self.ask(path + "?after=\(mark)").text)
        #expect(second["events"]?.arrayValue?.map { $0["id"] } == [4] && second["next"] == nil)
        #expect(try await Self.ask("/console/api/runs/nowhere/history").status == 404)
    }

    @Test func whoeverAsksIsToldWhenTheDatabaseGivesNoAnswer() async throws {
        let (pages, page) = AsyncStream.makeStream(of: HistoryPage.self)
        let answer = try await Self.ask(
            "/console/api/runs/x/history", of: StuckHistories(pages: pages), deadline: AnswerDeadline(.milliseconds(20))
        )
        page.finish()
        #expect(answer.status == 503 && answer["Retry-After"] != nil, "\(answer.text)")
        #expect(
            try JSON(parsing: answer.text)["detail"]?.stringValue == EngineError.unanswered.message, "\(answer.text)")
    }
}
