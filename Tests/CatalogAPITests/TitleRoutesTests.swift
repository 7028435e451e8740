import CatalogStore
import CatalogTestSupport
import HTTPServerTestSupport
import JSON
import Testing

@Suite("Title routes", .serialized)
struct TitleRoutesTests {
    @Test func anEmptyCatalogueIsAnEmptyList() async throws {
        try await Viewers.make().with { client in
            let answer = try await client.get("/v1/titles")
            #expect(answer.text == "{\"items\":[],\"next\":null}")
            #expect(answer["Link"] == nil)
            #expect(answer["Cache-Control"] == "public, max-age=60, stale-while-revalidate=600")
        }
    }

    @Test func aTitleInFull() async throws {
        let viewers = try await Viewers.make()
        try await viewers.publishStored(
            1, metadata: ["year": 1980, "rating": "PG", "languages": ["en"], "genres": ["Drama"], "cast": ["A"]])
        try await viewers.with { client in
            var document = try JSON(parsing: try await client.get("/v1/titles/t-1").body)
            let publishedAt = try #require(document["published_at"]?.stringValue)
            #expect(publishedAt.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/) != nil)
            document["published_at"] = nil
            let renditions: JSON = [
                [
                    "kind": "video", "codecs": "avc1.64001f", "width": 1280, "height": 720, "frame_rate": "30000/1001",
                    "bandwidth": 2_800_000, "average_bandwidth": 2_100_000, "language": nil,
                ],
                [
                    "kind": "audio", "codecs": "mp4a.40.2", "width": nil, "height": nil, "frame_rate": nil,
                    "bandwidth": 130_000, "average_bandwidth": 128_000, "language": "en",
                ],
            ]
            let expected: JSON = [
                "id": "t-1", "kind": "movie", "title": "Title 1", "year": 1980, "rating": "PG", "languages": ["en"],
                "genres": [["slug": "drama", "name": "Drama"]], "series": nil, "season": nil, "episode": nil,
                "duration_seconds": 12.5, "poster": .string("\(client.base)/media/thumbnails/1/poster.jpg"),
                "description": nil, "parent": nil, "cast": [["name": "A"]],
                "posters": [
                    ["url": .string("\(client.base)/media/thumbnails/1/poster.jpg"), "width": 1280, "height": 720],
                    ["url": .string("\(client.base)/media/thumbnails/1/poster-2x.jpg"), "width": 2560, "height": 1440],
                ],
                "thumbnails": .string("\(client.base)/media/thumbnails/1/track.vtt"),
                "dense_thumbnails": .string("\(client.base)/media/thumbnails/1/track-2x.vtt"), "renditions": renditions,
            ]
            #expect(document == expected)

            let playback = try JSON(parsing: try await client.get("/v1/titles/t-1/playback").body)
            let expectedPlayback: JSON = [
                "hls": .string("\(client.base)/media/p1/master.m3u8"),
                "dash": .string("\(client.base)/media/p1/manifest.mpd"), "protected": false, "licence": nil,
                "playback_token": nil,
                "renditions": renditions,
            ]
            #expect(playback == expectedPlayback)

            // What the addresses name is there.
            for address in [
                playback["hls"], playback["dash"], document["poster"], document["thumbnails"],
                document["posters"]?[1]?["url"], document["dense_thumbnails"],
            ] {
                let path = try #require(address?.stringValue).dropFirst(client.base.count)
                #expect(try await client.get(String(path)).status == 200, "\(path)")
            }
        }
    }

    @Test func whatIsNotPublishedIsAProblem() async throws {
        try await Viewers.make().with { client in
            for path in ["/v1/titles/nothing", "/v1/titles/nothing/playback"] {
                let answer = try await client.get(path)
                #expect(answer.status == 404)
                #expect(answer["Content-Type"] == "application/problem+json")
                #expect(try JSON(parsing: answer.body)["detail"] == "No title with the id 'nothing' is published.")
            }
        }
    }

    @Test func addressesBeginWithThePublicURLWhereThereIsOne() async throws {
        let viewers = try await Viewers.make()
        try await viewers.publishStored(1)
        try await viewers.with(publicURL: "https://watch.example/") { client in
            let playback = try JSON(parsing: try await client.get("/v1/titles/t-1/playback").body)
            #expect(playback["hls"] == "https://watch.example/media/p1/master.m3u8")
        }
    }

    @Test func aMalformedHostIsRefused() async throws {
        let viewers = try await Viewers.make()
        try await viewers.publishStored(1)
        try await viewers.with { client in
            for host in ["a/b", "a<script>", "a b"] {
                let answer = try await client.get("/v1/titles/t-1", ["Host": host])
                #expect(answer.status == 400, "\(host)")
                #expect(!answer.text.contains(host), "\(host)")
            }
        }
    }

    @Test func pagesTogetherAreTheWholeListAsItWasAtTheFirst() async throws {
        let viewers = try await Viewers.make()
        for number in 1...7 { try await viewers.catalogue.publish(.sample(number), execution: number) }
        try await viewers.with { client in
            var found: [String] = []
            var path = "/v1/titles?limit=3"
            var page = 0
            while true {
                let answer = try await client.get(path)
                let document = try JSON(parsing: answer.body)
                found += (document["items"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
                page += 1
                // A title published meanwhile, and seen by the service, does not shift the pages behind.
                try await viewers.catalogue.publish(.sample(100 + page), execution: 100 + page)
                viewers.clock.advance(by: .seconds(2))
                guard let next = document["next"]?.stringValue else {
                    #expect(answer["Link"] == nil)
                    break
                }
                #expect(answer["Link"] == "<\(client.base)/v1/titles?limit=3&cursor=\(next)>; rel=\"next\"")
                path = "/v1/titles?limit=3&cursor=\(next)"
            }
            #expect(found == (1...7).reversed().map { "t-\($0)" })
            #expect(page == 3)
        }
    }

    @Test func filters() async throws {
        let viewers = try await Viewers.make()
        try await viewers.catalogue.publish(.sample(1, metadata: ["year": 1990, "genres": ["Sci-Fi"]]), execution: 1)
        try await viewers.catalogue.publish(.sample(2, metadata: ["year": 2000, "kind": "short"]), execution: 2)
        try await viewers.with { client in
            let cases = [
                ("", ["t-2", "t-1"]), ("genre=sci-fi", ["t-1"]), ("genre=Sci-Fi", ["t-1"]), ("genre=western", []),
                ("kind=short", ["t-2"]), ("year_from=1995", ["t-2"]), ("year_to=1995", ["t-1"]),
                ("year_from=1990&year_to=2000", ["t-2", "t-1"]), ("unknown=1", ["t-2", "t-1"]),
            ]
            for (query, expected) in cases {
                let document = try JSON(parsing: try await client.get("/v1/titles?\(query)").body)
                #expect(document["items"]?.arrayValue?.compactMap { $0["id"]?.stringValue } == expected, "\(query)")
            }
        }
    }

    @Test(arguments: [
        ("limit=0", "limit"), ("limit=51", "limit"), ("limit=x", "limit"), ("limit=", "limit"), ("kind=film", "kind"),
        ("year_from=1800", "year_from"), ("year_to=%27", "year_to"), ("genre=", "genre"), ("genre=--", "genre"),
        ("cursor=00", "cursor"), ("cursor=", "cursor"), ("cursor=zz", "cursor"), ("cursor=%00", "cursor"),
    ])
    func refusesAParameter(_ query: String, _ parameter: String) async throws {
        try await Viewers.make().with { client in
            let answer = try await client.get("/v1/titles?\(query)")
            #expect(answer.status == 400)
            let problem = try JSON(parsing: answer.body)
            #expect(problem["type"] == "urn:showrunner:problem:invalid-parameter")
            #expect(problem["parameter"]?.stringValue == parameter)
        }
    }

    @Test func aCursorIsOnlyGoodForItsOwnList() async throws {
        let viewers = try await Viewers.make()
        for number in 1...3 { try await viewers.catalogue.publish(.sample(number), execution: number) }
        try await viewers.with { client in
            let first = try JSON(parsing: try await client.get("/v1/titles?limit=1").body)
            let cursor = try #require(first["next"]?.stringValue)
            #expect(try await client.get("/v1/titles?limit=2&cursor=\(cursor)").status == 200)
            #expect(try await client.get("/v1/titles?kind=movie&cursor=\(cursor)").status == 400)
            // Every change of a character is noticed.
            for index in cursor.indices {
                var changed = cursor
                changed.replaceSubrange(index...index, with: cursor[index] == "0" ? "1" : "0")
                #expect(try await client.get("/v1/titles?cursor=\(changed)").status == 400, "\(changed)")
            }
        }
    }

    @Test func unchangedContentIsNotSentAgainAndNewContentAppearsWithinASecond() async throws {
        let viewers = try await Viewers.make()
        try await viewers.catalogue.publish(.sample(1), execution: 1)
        try await viewers.with { client in
            let first = try await client.get("/v1/titles")
            let tag = try #require(first["ETag"])
            #expect(try await client.get("/v1/titles", ["If-None-Match": tag]).status == 304)
            let title = try #require(try await client.get("/v1/titles/t-1")["ETag"])
            let playback = try #require(try await client.get("/v1/titles/t-1/playback")["ETag"])
            #expect(title != playback)

            try await viewers.catalogue.publish(.sample(2), execution: 2)
            viewers.clock.advance(by: .milliseconds(999))
            #expect(try await client.get("/v1/titles", ["If-None-Match": tag]).status == 304)
            #expect(
                try await client.get("/v1/titles/t-2").status == 200, "what is asked for the first time is looked up")
            viewers.clock.advance(by: .milliseconds(1))
            let second = try await client.get("/v1/titles", ["If-None-Match": tag])
            #expect(second.status == 200)
            #expect(second["ETag"] != tag)
            #expect(second.text.contains("t-2"))
            // A title's own document has not changed.
            #expect(try await client.get("/v1/titles/t-1", ["If-None-Match": title]).status == 304)
        }
    }
}
