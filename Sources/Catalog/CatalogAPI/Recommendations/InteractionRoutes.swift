import CatalogStore
import Foundation
import HTTPServer
import Hummingbird
import JSON
import Recommender

extension ProfileService {
    /// Bytes of one batch.
    private static let batchBytes = 64 << 10
    /// How far a client's clock may be ahead.
    private static let secondsAhead: Int64 = 300
    /// What happened longer ago is not told any more.
    private static let secondsBack: Int64 = 400 * 86_400

    /// `POST /v1/profiles/{id}/interactions`: a batch of events, each with an id of the client's own. Sent again, they
    /// are known.
    func record(_ request: Request, _ viewer: ViewerIdentity) async throws -> Response {
        let content = try await request.body.collect(upTo: Self.batchBytes)
        let events = try Self.events(Array(content.readableBytesView), now: viewer.now)
        let outcome = try await interactions.record(
            events, accountID: viewer.accountID, profileID: viewer.profileID)
        switch outcome {
        case .recorded(let count):
            return .json(
                ["recorded": .integer(count), "known": .integer(events.count - count)], headers: Self.headers)
        case .full:
            throw Problem(
                "too-many-interactions", status: .conflict, title: "The profile has too many interactions",
                detail: "A profile may have \(InteractionTable.eventsOfProfile) events.")
        }
    }

    /// Every mistake of a batch is told, the first twenty of them.
    private static func events(_ content: [UInt8], now: Int64) throws(Problem) -> [RecordedEvent] {
        let document: JSON
        do { document = try JSON(parsing: content) } catch { throw malformed(["The content is \(error)."]) }
        guard let list = document["events"]?.arrayValue, (1...InteractionTable.batch).contains(list.count) else {
            throw malformed(["'events' has to be a list of 1 to \(InteractionTable.batch) events."])
        }
        var events: [RecordedEvent] = []
        var mistakes: [String] = []
        for (index, value) in list.enumerated() {
            do {
                events.append(try event(value, now: now))
            } catch {
                mistakes.append("events[\(index)]\(error.description)")
            }
        }
        guard mistakes.isEmpty else { throw malformed(Array(mistakes.prefix(20))) }
        guard Set(events.map(\.id)).count == events.count else {
            throw malformed(["'events' has two events of one id."])
        }
        return events
    }

    private static func malformed(_ mistakes: [String]) -> Problem {
        Problem(
            "malformed-interactions", status: .badRequest, title: "These are no interactions", detail: mistakes[0],
            members: [("mistakes", .array(mistakes.map { .string($0) }))])
    }

    /// What is wrong with one event: the member's name with a point before it, and a sentence.
    private struct Mistake: Error {
        let description: String

        init(_ member: String, _ sentence: String) { description = ".\(member): \(sentence)" }
    }

    private static func event(_ value: JSON, now: Int64) throws(Mistake) -> RecordedEvent {
        guard case .object(let members) = value else { throw Mistake("", "It is no object.") }
        let known = ["id", "title", "kind", "watched", "stars", "at"]
        if let stranger = members.keys.first(where: { !known.contains($0) }) {
            throw Mistake(
                String(stranger.prefix(40)), "There is no such member; known are \(known.joined(separator: ", ")).")
        }
        guard let id = value["id"]?.stringValue, let uuid = UUID(uuidString: id) else {
            throw Mistake("id", "It has to be a UUID.")
        }
        guard let title = value["title"]?.stringValue, CatalogID.isValid(title) else {
            throw Mistake("title", "It has to be a title's id.")
        }
        let kinds = ViewerEvent.Kind.allCases.map(\.rawValue)
        guard let kind = value["kind"]?.stringValue.flatMap(ViewerEvent.Kind.init(rawValue:)) else {
            throw Mistake("kind", "It has to be one of \(kinds.joined(separator: ", ")).")
        }
        let number: Double
        switch kind {
        case .play: number = try amount("watched", value, in: 0...1)
        case .rating: number = try amount("stars", value, in: 0.5...5)
        case .like, .dislike, .neutral, .listAdd, .listRemove, .dismiss: number = 0
        }
        for (member, owner) in [("watched", ViewerEvent.Kind.play), ("stars", .rating)] where kind != owner {
            if let given = value[member], given != .null {
                throw Mistake(member, "Only an event of the kind '\(owner.rawValue)' has it.")
            }
        }
        let time = try moment(value["at"]?.stringValue ?? "")
        guard time <= now + secondsAhead, time >= now - secondsBack else {
            throw Mistake("at", "It lies ahead, or longer ago than \(secondsBack / 86_400) days.")
        }
        return RecordedEvent(
            id: uuid.uuidString.lowercased(), titleID: title, kind: kind.rawValue, value: number,
            time: min(time, now))
    }

    private static func amount(
        _ member: String, _ value: JSON, in range: ClosedRange<Double>
    ) throws(Mistake) -> Double {
        guard let number = value[member]?.doubleValue, range.contains(number) else {
            throw Mistake(member, "It has to be a number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    private static func moment(_ text: String) throws(Mistake) -> Int64 {
        if text.utf8.count <= 40 {
            for fraction in [false, true] {
                let style = Date.ISO8601FormatStyle(includingFractionalSeconds: fraction)
                do { return Int64(try style.parse(text).timeIntervalSince1970.rounded(.down)) } catch { continue }
            }
        }
        throw Mistake("at", "It has to be a moment as in RFC 3339, such as 2026-11-28T20:15:00Z.")
    }
}
