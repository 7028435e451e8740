import CatalogAPI
import CatalogStore
import CatalogTestSupport
import Cryptography
import Foundation
import HTTPServer
import HTTPServerTestSupport
import JSON
import Postgres
import Recommender
import Testing

/// A profile's own routes over a real catalogue; its token is the profile's name and `-token`.
private struct Home {
    let viewers: Viewers

    init(titles: Int = 12, country: String? = "DE") async throws {
        viewers = try await Viewers.make()
        for number in 1...titles {
            try await viewers.publishStored(number, metadata: ["genres": [number % 2 == 0 ? "Drama" : "War"]])
            if number % 4 != 0 { try await viewers.catalogue.rate("t-\(number)", age: number % 3 == 0 ? 16 : 6) }
        }
        for (profile, ceiling) in [("main", nil), ("kids", 6), ("other", nil)] as [(String, Int?)] {
            try await viewers.catalogue.addProfile("ada", profile, ceiling: ceiling, country: country)
            try await viewers.catalogue.addSession(
                "ada", profile, tokenSHA256: SHA256.hash("\(profile)-token").bytes)
        }
    }

    func with(_ body: (LoopbackClient) async throws -> Void) async throws {
        try await viewers.with { client in try await body(client) }
    }

    static func authorized(_ profile: String) -> [String: String] { ["Authorization": "Bearer \(profile)-token"] }

    func rows(_ client: LoopbackClient, _ profile: String) async throws -> JSON {
        viewers.clock.advance(by: .seconds(2))
        let answer = try await client.get("/v1/profiles/\(profile)/rows", Self.authorized(profile))
        #expect(answer.status == 200, "\(answer.text)")
        #expect(answer["Cache-Control"] == "private, no-store")
        return try JSON(parsing: answer.body)
    }

    static func titles(_ home: JSON, _ kind: String? = nil) -> [String] {
        (home["rows"]?.arrayValue ?? []).filter { kind == nil || $0["kind"]?.stringValue == kind }
            .flatMap { $0["items"]?.arrayValue ?? [] }.compactMap { $0["id"]?.stringValue }
    }

    static func event(_ number: Int, _ members: JSON) -> JSON {
        var event: JSON = ["id": .string(eventID(number)), "at": .string(Date.now.formatted(.iso8601))]
        for (name, value) in members.objectValue ?? [:] { event[name] = value }
        return event
    }

    func post(_ client: LoopbackClient, _ profile: String, _ events: [JSON]) async throws -> (Int, JSON) {
        let batch: JSON = ["events": .array(events)]
        let answer = try await client.send(
            "POST", "/v1/profiles/\(profile)/interactions", Self.authorized(profile), body: batch.utf8)
        return (answer.status, try JSON(parsing: answer.body))
    }
}

@Suite("a profile's rows and interactions", .serialized) struct ProfileTests {
    @Test func withoutATokenOrWithAnothersThereIsNothing() async throws {
        let home = try await Home(titles: 1)
        try await home.with { client in
            for headers in [[:], ["Authorization": "Bearer nobody"], ["Authorization": "main-token"]] {
                let answer = try await client.get("/v1/profiles/main/rows", headers)
                #expect(answer.status == 401)
                #expect(answer["WWW-Authenticate"] == "Bearer")
            }
            #expect(try await client.get("/v1/profiles/other/rows", Home.authorized("main")).status == 404)
            #expect(try await client.get("/v1/profiles/me/rows", Home.authorized("main")).status == 200)
            let (status, _) = try await home.post(client, "main", [])
            #expect(status == 400)
        }
    }

    @Test func aProfileOfWhichNothingIsKnownGetsWhatIsNew() async throws {
        let home = try await Home()
        try await home.with { client in
            let page = try await home.rows(client, "main")
            #expect(page["personalised"] == false && page["generation"] == .null)
            #expect(Home.titles(page, "new") == (1...12).reversed().map { "t-\($0)" })
            // A child sees what is rated for it; what nobody rated it does not see.
            let kids = try await home.rows(client, "kids")
            #expect(Home.titles(kids) == [11, 10, 7, 5, 2, 1].map { "t-\($0)" })
        }
    }

    @Test func aPlayShowsAtOnceAndForThisProfileAlone() async throws {
        let home = try await Home()
        try await home.with { client in
            let begun = Home.event(1, ["title": "t-3", "kind": "play", "watched": 0.4])
            #expect(try await home.post(client, "main", [begun]).1 == ["recorded": 1, "known": 0])
            #expect(try await home.post(client, "main", [begun]).1 == ["recorded": 0, "known": 1])
            let page = try await home.rows(client, "main")
            #expect(page["rows"]?[0]?["kind"] == "continue_watching")
            #expect(page["rows"]?[0]?["items"]?[0]?["watched"] == 0.4)
            #expect(Home.titles(page).filter { $0 == "t-3" }.count == 1)
            let other = try await home.rows(client, "other")
            #expect(Home.titles(other, "continue_watching").isEmpty)
            // What is above its ceiling is not even continued.
            #expect(try await home.post(client, "kids", [begun]).0 == 200)
            let child = try await home.rows(client, "kids")
            #expect(!Home.titles(child).contains("t-3"))
            _ = try await home.post(client, "main", [Home.event(2, ["title": "t-3", "kind": "dismiss"])])
            let dismissed = try await home.rows(client, "main")
            #expect(Home.titles(dismissed, "continue_watching").isEmpty)
        }
    }

    @Test func whatIsNotPublishedAnyMoreIsGoneAtOnce() async throws {
        let home = try await Home(titles: 3)
        try await home.with { client in
            let before = try await home.rows(client, "main")
            #expect(Home.titles(before).contains("t-2"))
            try await home.viewers.catalogue.unpublish("t-2")
            let after = try await home.rows(client, "main")
            #expect(!Home.titles(after).contains("t-2"))
        }
    }

    @Test func whatIsOfferedElsewhereIsNotShownHere() async throws {
        let home = try await Home(titles: 3, country: nil)
        try await home.viewers.catalogue.connection.script(
            "INSERT INTO catalogue.availability (title_id, region) VALUES ('t-1', 'FR'), ('t-2', '*')",
            deadline: Catalogue.deadline)
        try await home.with { client in
            let page = try await home.rows(client, "main")
            #expect(Home.titles(page) == ["t-3", "t-2"])
        }
    }

    static let malformed: [(JSON, String)] = [
        (["title": "t-1", "kind": "play"], ".watched: It has to be a number from 0.0 to 1.0."),
        (["title": "t-1", "kind": "play", "watched": 1.5], ".watched: It has to be a number from 0.0 to 1.0."),
        (["title": "t-1", "kind": "like", "stars": 3], ".stars: Only an event of the kind 'rating' has it."),
        (["title": "t 1", "kind": "like"], ".title: It has to be a title's id."),
        (["title": "t-1", "kind": "like", "id": "7"], ".id: It has to be a UUID."),
        (["title": "t-1", "kind": "like", "at": "yesterday"], ".at: It has to be a moment as in RFC 3339"),
        (["title": "t-1", "kind": "like", "at": "2090-01-01T00:00:00Z"], ".at: It lies ahead"),
        (["title": "t-1", "kind": "like", "at": "2001-01-01T00:00:00.5Z"], ".at: It lies ahead, or longer ago"),
        (["title": "t-1", "kind": "like", "mood": 1], ".mood: There is no such member"),
        (["title": "t-1", "kind": "hum"], ".kind: It has to be one of play, like"),
    ]

    @Test func mistakesAreToldWithTheirPlacesAndNothingIsRecorded() async throws {
        let home = try await Home(titles: 1)
        try await home.with { client in
            let good = Home.event(100, ["title": "t-1", "kind": "like"])
            let events = [good] + Self.malformed.enumerated().map { Home.event($0, $1.0) }
            let (status, problem) = try await home.post(client, "main", events)
            #expect(status == 400 && problem["code"] == "malformed-interactions")
            let mistakes = problem["mistakes"]?.arrayValue?.compactMap(\.stringValue) ?? []
            #expect(mistakes.count == Self.malformed.count)
            for (index, (mistake, expected)) in zip(mistakes, Self.malformed).enumerated() {
                #expect(mistake.hasPrefix("events[\(index + 1)]\(expected.1)"), "\(mistake)")
            }
            #expect(try await home.post(client, "main", [good, good]).0 == 400)
            #expect(try await home.post(client, "main", Array(repeating: good, count: 101)).0 == 400)
            #expect(try await home.viewers.catalogue.count("interaction") == 0)
            let large = try await client.send(
                "POST", "/v1/profiles/me/interactions", Home.authorized("main"),
                body: [UInt8](repeating: 32, count: 70_000))
            #expect(large.status == 413)
        }
    }

    @Test func whoAsksTooOftenIsToldWhenToComeAgain() async throws {
        let home = try await Home(titles: 1)
        try await home.with { client in
            var refusals = 0
            for _ in 0..<50 {
                let answer = try await client.get("/v1/profiles/me/rows", Home.authorized("main"))
                if answer.status == 429 {
                    refusals += 1
                    #expect(answer["Retry-After"] == "1")
                }
            }
            #expect(refusals == 10)
            #expect(try await client.get("/v1/profiles/me/rows", Home.authorized("other")).status == 200)
        }
    }

    /// Even profiles watched drama, odd ones war; the model's rankings and the fold-in of a play both show.
    @Test func aGenerationComesIntoServiceAndGoesAgain() async throws {
        let home = try await Home(titles: 40)
        let (store, catalogue) = (home.viewers.store, home.viewers.catalogue)
        var builder = ExtractBuilder(
            cutoff: Int64(Date.now.timeIntervalSince1970),
            catalogue: (1...40).map {
                .init(
                    id: "t-\($0)",
                    description: TitleDescription(title: "Title \($0)", genres: [$0 % 2 == 0 ? "drama" : "war"]),
                    age: 6, isAvailable: true)
            })
        for profile in 0..<80 {
            builder.begin(profile: "p\(profile)/main", ceiling: nil)
            for place in 0..<8 {
                let title = (profile / 2 + place) % 20 * 2 + profile % 2 + 1
                builder.add(title: "t-\(title)", kind: .play, value: 1, time: Int64(1000 + place))
            }
        }
        let model = Model.train(
            builder.finish().trainingData,
            recipe: Recipe(factors: FactorSettings(dimensions: 8, epochs: 6)), seed: 1, threads: .one)
        func put(_ bytes: [UInt8], _ key: String) async throws -> JSON {
            let reference = try await store.put(.bytes(bytes), key: key, contentType: "application/octet-stream")
            return ["key": .string(reference.key), "sha256": .string(reference.sha256)]
        }
        let bytes = ModelFile.encode(model, digest: { Array(SHA256.hash($0).bytes) })
        let ranking = [Ranked](model.items.indices.map { Ranked(item: Int32($0), score: -Float($0)) })
        let document: JSON = [
            "model": try await put(bytes, "recommendations/model/m"),
            "rankings": [
                try await put(
                    RankingFileWriter.encode([(profile: "ada/main", ranking: ranking)]), "recommendations/rankings/r")
            ],
            "trending": ["t-7", "t-gone"], "cutoff": .integer(Int64(Date.now.timeIntervalSince1970) + 1000),
            "metrics": [:],
        ]
        try await home.with { client in
            let number = try await catalogue.generations.publish(document, execution: "run").number
            func eventually(_ generation: JSON) async throws -> JSON {
                for _ in 0..<500 {
                    let page = try await home.rows(client, "other")
                    if page["generation"] == generation { return page }
                    home.viewers.clock.advance(by: .seconds(10))
                    await Task.yield()
                }
                Issue.record("generation \(generation.text) does not come into service")
                return .null
            }
            let cold = try await eventually(.integer(number))
            #expect(cold["personalised"] == false)
            #expect(cold["rows"]?[0]?["kind"] == "popular")

            let plays = (1...4).map { Home.event($0, ["title": .string("t-\($0 * 2)"), "kind": "play", "watched": 1]) }
            _ = try await home.post(client, "other", plays)
            let warm = try await home.rows(client, "other")
            #expect(warm["personalised"] == true)
            let picks = Home.titles(warm, "top_picks").compactMap { Int($0.dropFirst(2)) }
            #expect(picks.prefix(6).count { $0 % 2 == 0 } >= 5, "\(picks)")
            #expect(warm["rows"]?[0]?["items"]?[0]?["because"]?["id"] != nil, "\(warm.text.prefix(600))")
            #expect(Set(Home.titles(warm)).isDisjoint(with: (1...4).map { "t-\($0 * 2)" }))
            #expect(Set(Home.titles(warm)).count == Home.titles(warm).count)

            // A profile whose ranking was made at night gets that one, in its order, but for what it has seen.
            _ = try await home.post(client, "main", [Home.event(9, ["title": "t-9", "kind": "like"])])
            let night = try await home.rows(client, "main")
            let first = Home.titles(night, "top_picks")
            #expect(first.contains(model.items[0] == "t-9" ? model.items[1] : model.items[0]))

            _ = try await catalogue.generations.publish(
                ["model": ["key": "recommendations/model/none", "sha256": ""], "rankings": []], execution: "broken")
            // What can't be loaded does not come into service, and what was there goes on.
            #expect(try await home.rows(client, "other")["generation"] == .integer(number))
        }
    }
}
