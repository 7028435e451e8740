import CatalogStore
import CatalogTestSupport
import JSON
import Postgres
import Testing

@Suite("Interactions and generations") struct InteractionTests {
    static func event(
        _ number: Int, _ title: String = "t-1", kind: String = "play", value: Double = 0.5, time: Int64 = 1000
    ) -> RecordedEvent {
        RecordedEvent(id: eventID(number), titleID: title, kind: kind, value: value, time: time)
    }

    private func catalogue() async throws -> Catalogue {
        let catalogue = try await Catalogue.make()
        try await catalogue.addProfile("ada", "main")
        try await catalogue.addProfile("ada", "kids", ceiling: 6)
        try await catalogue.addProfile("bob", "main")
        return catalogue
    }

    @Test func whatIsSentAgainIsRecordedOnce() async throws {
        let table = try await catalogue().interactions
        let events = (0..<5).map { Self.event($0, value: Double($0) / 8, time: Int64(1000 + $0)) }
        #expect(try await table.record(events, accountID: "ada", profileID: "main") == .recorded(5))
        var again = events + [Self.event(9)]
        again[0].value = 1
        #expect(try await table.record(again, accountID: "ada", profileID: "main") == .recorded(1))
        // The same id of another profile is another event.
        #expect(try await table.record([events[0]], accountID: "bob", profileID: "main") == .recorded(1))
        let found = try await table.latest(accountID: "ada", profileID: "main").events
        #expect(found == [4, 3, 2, 1].map { events[$0] } + [events[0], Self.event(9)])
        let nothing = try await table.latest(accountID: "ada", profileID: "kids")
        #expect(nothing.events.isEmpty && nothing.recordedAt == nil)
        let recordedAt = try #require(try await table.latest(accountID: "ada", profileID: "main").recordedAt)
        let now = try await table.now()
        #expect(abs(recordedAt - now) < 600)
    }

    @Test func twoAtOnceRecordOnce() async throws {
        let first = try await catalogue()
        let table = first.interactions
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    _ = try await table.record((0..<50).map { Self.event($0) }, accountID: "ada", profileID: "main")
                }
            }
            try await group.waitForAll()
        }
        #expect(try await first.count("interaction") == 50)
    }

    @Test func aFullProfileTakesNoMore() async throws {
        let catalogue = try await catalogue()
        try await catalogue.connection.script(
            """
            INSERT INTO catalogue.interaction (account_id, profile_id, event_id, title_id, kind, value, at)
            SELECT 'ada', 'main', gen_random_uuid(), 't-1', 'like', 0, now()
            FROM generate_series(1, \(InteractionTable.eventsOfProfile))
            """, deadline: Catalogue.deadline)
        let table = catalogue.interactions
        #expect(try await table.record([Self.event(1)], accountID: "ada", profileID: "main") == .full)
        #expect(try await table.record([Self.event(1)], accountID: "ada", profileID: "kids") == .recorded(1))
    }

    @Test("pages of any size give every event once", arguments: [1, 3, 7, 100])
    func pages(limit: Int) async throws {
        let catalogue = try await catalogue()
        let table = catalogue.interactions
        for (account, profile) in [("ada", "kids"), ("ada", "main"), ("bob", "main")] {
            _ = try await table.record((0..<5).map { Self.event($0) }, accountID: account, profileID: profile)
        }
        // Recorded too late, and happened too early.
        try await catalogue.connection.script(
            "UPDATE catalogue.interaction SET recorded_at = to_timestamp(5000)", deadline: Catalogue.deadline)
        _ = try await table.record([Self.event(50)], accountID: "ada", profileID: "main")
        var found: [String] = []
        var cursor: InteractionTable.Cursor?
        while true {
            let page = try await table.events(recordedBefore: 5001, since: 1000, after: cursor, limit: limit)
            found += page.map { "\($0.accountID)/\($0.profileID)/\($0.event.id) \($0.ceiling ?? -1)" }
            guard page.count == limit, let last = page.last else { break }
            cursor = last.cursor
        }
        #expect(found.count == 15 && Set(found).count == 15)
        #expect(found.first == "ada/kids/\(eventID(0)) 6")
        #expect(try await table.events(recordedBefore: 5000, since: 0, after: nil, limit: 9).isEmpty)
        #expect(try await table.events(recordedBefore: 5001, since: 1001, after: nil, limit: 9).isEmpty)
    }

    @Test func playsThatLaterOnesCoverGo() async throws {
        let catalogue = try await catalogue()
        let table = catalogue.interactions
        let events = [
            Self.event(1, value: 0.1, time: 10), Self.event(2, value: 0.9, time: 20),
            Self.event(3, value: 0.3, time: 30),
            Self.event(4, value: 0.2, time: 25), Self.event(5, "t-2", value: 0.2, time: 5),
            Self.event(6, kind: "like", value: 0, time: 1),
        ]
        _ = try await table.record(events, accountID: "ada", profileID: "main")
        let later = try await table.now() + 10
        #expect(try await table.compact(recordedBefore: later - 1000, limit: 100) == 0)
        #expect(try await table.compact(recordedBefore: later, limit: 100) == 2)
        let left = try await table.latest(accountID: "ada", profileID: "main").events.map(\.id)
        #expect(left == [3, 2, 5, 6].map(eventID))
    }

    @Test func aProfilesEventsGoWithIt() async throws {
        let catalogue = try await catalogue()
        _ = try await catalogue.interactions.record([Self.event(1)], accountID: "ada", profileID: "main")
        try await catalogue.connection.script(
            "DELETE FROM catalogue.account WHERE id = 'ada'", deadline: Catalogue.deadline)
        #expect(try await catalogue.count("interaction") == 0)
    }

    @Test func aGenerationIsPublishedOnceAndGoneBackFrom() async throws {
        let generations = try await catalogue().generations
        #expect(try await generations.inService() == nil)
        #expect(try await generations.rollBack(to: nil, execution: "r0") == nil)
        let first = try await generations.publish(["model": 1], execution: "a")
        #expect(first.previous == nil)
        let second = try await generations.publish(["model": 2], execution: "b")
        #expect(second.previous == first.number)
        // A late attempt of the first run takes nothing back.
        #expect(try await generations.publish(["model": 3], execution: "a").number == first.number)
        #expect(try await generations.inService()?.document == ["model": 2])

        #expect(try #require(try await generations.rollBack(to: nil, execution: "r1")).number == first.number)
        // The same run again changes nothing; another one finds nothing before.
        #expect(try #require(try await generations.rollBack(to: nil, execution: "r1")).number == first.number)
        #expect(try await generations.rollBack(to: nil, execution: "r2") == nil)
        #expect(try await generations.rollBack(to: 999, execution: "r3") == nil)
        #expect(
            try #require(try await generations.rollBack(to: second.number, execution: "r4")).number == second.number)
        #expect(try await generations.numberInService() == second.number)
    }

    @Test func theOneInServiceIsNotForgotten() async throws {
        let generations = try await catalogue().generations
        var numbers: [Int64] = []
        for run in 0..<6 { numbers.append(try await generations.publish([:], execution: "run \(run)").number) }
        _ = try await generations.rollBack(to: numbers[1], execution: "back")
        #expect(try await generations.forget(keeping: 2) == 3)
        #expect(try await generations.all().map(\.number) == [numbers[5], numbers[4], numbers[1]])
        #expect(try await generations.forget(keeping: 2) == 0)
    }

    @Test func whoLooksIsWhomTheTokenNames() async throws {
        let catalogue = try await catalogue()
        let hash = [UInt8](repeating: 7, count: 32)
        #expect(try await catalogue.reader.viewer(tokenSHA256: hash) == nil)
        try await catalogue.addSession("ada", "kids", tokenSHA256: hash)
        let viewer = try #require(try await catalogue.reader.viewer(tokenSHA256: hash))
        #expect(viewer.name == "ada/kids" && viewer.ceiling == 6)
        for change in [
            "UPDATE catalogue.account SET state = 'suspended'", "UPDATE catalogue.session SET expires_at = now()",
            "UPDATE catalogue.session SET revoked_at = now()",
        ] {
            try await catalogue.connection.script("BEGIN; \(change)", deadline: Catalogue.deadline)
            #expect(try await catalogue.reader.viewer(tokenSHA256: hash) == nil, "\(change)")
            try await catalogue.connection.script("ROLLBACK", deadline: Catalogue.deadline)
        }
    }
}
