import CatalogStore
import CatalogTestSupport
import JSON
import Postgres
import PostgresTestSupport
import Testing

@Suite("Publication", .serialized)
struct PublishTests {
    static let tables = ["title", "title_genre", "genre", "rendition", "stored_object"]

    @Test func aTitleIsVisibleWhole() async throws {
        let catalogue = try await Catalogue.make()
        let metadata: JSON = [
            "kind": "episode", "series": "Cosmos", "season": 1, "episode": 3, "description": "It's \"fine\".",
            "year": 1980,
            "rating": "TV-PG", "languages": ["en", "de"], "genres": ["Science", "Documentary"], "cast": ["C. Sagan"],
        ]
        try await catalogue.publish(
            .sample(1, metadata: metadata, thumbnails: StepOutputs.thumbnails), execution: 1)

        let (title, renditions) = try #require(try await catalogue.reader.title("t-1"))
        #expect(title.name == "Title 1")
        #expect(title.kind == "episode")
        #expect(title.description == "It's \"fine\".")
        #expect(title.year == 1980)
        #expect(title.rating == "TV-PG")
        #expect(title.languages == ["en", "de"])
        #expect(title.genres.map(\.slug) == ["science", "documentary"])
        #expect(title.series == "Cosmos" && title.season == 1 && title.episode == 3)
        #expect(title.cast == [["name": "C. Sagan"]])
        #expect(title.posterKey == "thumbs/p1/poster.jpg")
        #expect(title.thumbnailsKey == "thumbs/p1/track.vtt")
        #expect(title.durationSeconds == 12.5)
        #expect(title.version == 1)
        #expect(renditions.count == 2)
        #expect(renditions.first?.height == 720)
        #expect(renditions.first?.frameRate == "30000/1001")
        #expect(renditions.last?.language == "en")
        #expect(renditions.last?.width == nil)

        let playback = try #require(try await catalogue.reader.playback("t-1"))
        #expect(playback.hlsKey == "media/p1/master.m3u8")
        #expect(playback.dashKey == "media/p1/manifest.mpd")
        #expect(playback.renditions == renditions)
        #expect(try await catalogue.count("stored_object") == 5)
        #expect(try await catalogue.reader.version() == 1)
    }

    @Test func picturesAreKnownInAllTheirSizes() async throws {
        let catalogue = try await Catalogue.make()
        var thumbnails = StepOutputs.thumbnails
        let (large, small) = (
            StepOutputs.reference("thumbs/p1/poster-2x.jpg"), StepOutputs.reference("thumbs/p1/poster.jpg")
        )
        thumbnails["posters"] = [
            ["width": 2560, "height": 1440, "file": large], ["width": 1280, "height": 720, "file": small],
        ]
        thumbnails["retina"] = [
            "thumbnails": StepOutputs.reference("thumbs/p1/track-2x.vtt"),
            "sprites": [StepOutputs.reference("thumbs/p1/sprite-0-2x.jpg")],
        ]
        try await catalogue.publish(.sample(1, thumbnails: thumbnails), execution: 1)
        try await catalogue.publish(.sample(2, thumbnails: StepOutputs.thumbnails), execution: 2)
        let title = try #require(try await catalogue.reader.title("t-1")?.title)
        #expect(title.posterKey == "thumbs/p1/poster.jpg" && title.denseThumbnailsKey == "thumbs/p1/track-2x.vtt")
        #expect(title.posters.map(\.key) == ["thumbs/p1/poster.jpg", "thumbs/p1/poster-2x.jpg"])
        #expect(title.posters.map { [$0.width, $0.height] } == [[1280, 720], [2560, 1440]])
        for key in ["poster-2x.jpg", "track-2x.vtt", "sprite-0-2x.jpg"] {
            #expect(try await catalogue.reader.object(mediaPath: "thumbs/p1/\(key)")?.bytes == 10, "\(key)")
        }
        let plain = try #require(try await catalogue.reader.title("t-2")?.title)
        #expect(plain.posters == [] && plain.denseThumbnailsKey == nil && plain.posterKey != nil)
    }

    @Test func picturesThatAreNoneAreToldWithTheirPlaces() async throws {
        var thumbnails = StepOutputs.thumbnails
        thumbnails["posters"] = [
            ["width": 0, "height": 720, "file": StepOutputs.reference("thumbs/p1/poster.jpg")], 7,
        ]
        thumbnails["retina"] = ["sprites": [["key": "../x"]]]
        let error = #expect(throws: PublishError.self) { try PublishStatement.sample(1, thumbnails: thumbnails) }
        #expect(
            error?.problems.map(\.place) == [
                "thumbnails.posters[0].width", "thumbnails.posters[1].file", "thumbnails.posters[1].width",
                "thumbnails.posters[1].height", "thumbnails.retina.thumbnails", "thumbnails.retina.sprites[0].key",
            ])
        thumbnails = StepOutputs.thumbnails
        thumbnails["posters"] = .array(Array(repeating: 7, count: PublishStatement.Limits.posters + 1))
        let many = #expect(throws: PublishError.self) { try PublishStatement.sample(1, thumbnails: thumbnails) }
        #expect(many?.problems.map(\.place) == ["thumbnails.posters"])
    }

    @Test func withoutTheJournalsRowNothingIsPublished() async throws {
        let catalogue = try await Catalogue.make()
        try await catalogue.publish(
            .sample(1, metadata: ["genres": ["Drama"]]), execution: 1, appends: false)
        for table in Self.tables { #expect(try await catalogue.count(table) == 0, "\(table)") }
        #expect(try await catalogue.reader.version() == 0)
    }

    @Test func sentAgainItChangesNothing() async throws {
        let catalogue = try await Catalogue.make()
        let statement = try PublishStatement.sample(1, metadata: ["genres": ["Drama"]])
        try await catalogue.publish(statement, execution: 1)
        let before = try await catalogue.reader.title("t-1")?.title
        try await catalogue.publish(statement, execution: 1)
        #expect(try await catalogue.reader.title("t-1")?.title == before)
        #expect(try await catalogue.reader.version() == 1)
        #expect(try await catalogue.count("stored_object") == 2)
    }

    @Test func aTitleThatIsThereAlreadyIsNotReplaced() async throws {
        let catalogue = try await Catalogue.make()
        try await catalogue.publish(.sample(1), execution: 1)
        // Another journal row, the same title: nothing of it may be mixed into the published one.
        try await catalogue.publish(
            PublishStatement(
                titleID: "t-1", executionID: Catalogue.executionID(2), title: "Other", metadata: ["genres": ["Drama"]],
                package: StepOutputs.package("other"), thumbnails: nil, media: nil), execution: 2)
        #expect(try await catalogue.reader.title("t-1")?.title.name == "Title 1")
        #expect(try await catalogue.count("title_genre") == 0)
        #expect(try await catalogue.count("stored_object") == 2)
    }

    @Test func aRefusedPublicationLeavesNothing() async throws {
        let catalogue = try await Catalogue.make()
        let orphan = try PublishStatement.sample(
            1, metadata: ["kind": "season", "season": 1, "parent": "t-99", "genres": ["Drama"]])
        let error = await #expect(throws: PostgresError.self) { try await catalogue.publish(orphan, execution: 1) }
        #expect(error?.sqlstate == "23503")
        for table in Self.tables { #expect(try await catalogue.count(table) == 0, "\(table)") }
        #expect(try await catalogue.reader.version() == 0)
        let rows = try await catalogue.connection.query(
            "SELECT count(*) AS n FROM public.journal", deadline: Catalogue.deadline)
        #expect(rows[0].int("n") == 0)
    }

    @Test func publicationsAtOnceGetNumbersInARow() async throws {
        let url = try await TestDatabase.empty()
        let first = try await Catalogue.connect(url)
        try await CatalogStore.migrate(first.connection)
        try await first.connection.script(
            "CREATE TABLE public.journal (execution_id uuid PRIMARY KEY, seq bigint NOT NULL)",
            deadline: Catalogue.deadline)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<4 {
                let catalogue = try await Catalogue.connect(url)
                group.addTask {
                    for index in 0..<10 {
                        // All bring the same new genre.
                        let number = worker * 10 + index
                        let statement = try PublishStatement.sample(number, metadata: ["genres": ["Drama", "Crime"]])
                        try await catalogue.publish(statement, execution: number)
                    }
                }
            }
            try await group.waitForAll()
        }
        let titles = try await first.reader.titles(limit: 100)
        #expect(titles.map(\.version) == Array(1...40).reversed())
        #expect(try await first.count("genre") == 2)
        #expect(try await first.count("title_genre") == 80)
    }

    @Test func theLargestPackageGoesInAtOnce() async throws {
        let catalogue = try await Catalogue.make()
        let objects = (0..<(PublishStatement.Limits.objects - 2)).map { number in
            StepOutputs.reference("media/big/segment-\(number).m4s")
        }
        try await catalogue.publish(
            PublishStatement(
                titleID: "big", executionID: Catalogue.executionID(1), title: "Big", metadata: nil,
                package: StepOutputs.package("big", objects: objects), thumbnails: nil, media: nil), execution: 1)
        #expect(try await catalogue.count("stored_object") == Int64(PublishStatement.Limits.objects))

        let error = #expect(throws: PublishError.self) {
            try PublishStatement(
                titleID: "big", executionID: Catalogue.executionID(1), title: "Big", metadata: nil,
                package: StepOutputs.package("big", objects: objects + [StepOutputs.reference("media/big/more.m4s")]),
                thumbnails: nil, media: nil)
        }
        #expect(error?.problems.first?.message == "The package has 20001 objects, 20000 are allowed.")
    }

    @Test func theStepsOutputHoldsAbsoluteAddresses() throws {
        let statement = try PublishStatement.sample(1)
        let output: JSON = [
            "titleId": "t-1", "hls": "http://viewer:8081/media/p1/master.m3u8",
            "dash": "http://viewer:8081/media/p1/manifest.mpd",
        ]
        #expect(statement.output(viewerURL: "http://viewer:8081") == output)
        #expect(statement.output(viewerURL: "http://viewer:8081/") == output)
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let change: @Sendable (inout JSON) -> Void
        let problem: String

        init(_ name: String, _ problem: String, _ change: @escaping @Sendable (inout JSON) -> Void) {
            testDescription = name
            self.problem = problem
            self.change = change
        }
    }

    static let refusals: [Refusal] = [
        Refusal("no package", "package: The package is missing.") { $0 = nil },
        Refusal("no prefix", "package.prefix: Nothing is no object key.") { $0["prefix"] = nil },
        Refusal("prefix that climbs", "package.prefix: \"media/../x\" is no object key.") {
            $0["prefix"] = "media/../x"
        },
        Refusal("no objects", "package.objects: The package has no objects.") { $0["objects"] = [] },
        Refusal("manifest not stored", "package.hls: media/p1/other.m3u8 is not among the package's objects.") {
            $0["hls"] = "media/p1/other.m3u8"
        },
        Refusal(
            "manifest elsewhere",
            "package.dash: media/p2/manifest.mpd does not lie under the package's prefix media/p1."
        ) {
            $0["dash"] = "media/p2/manifest.mpd"
        },
        Refusal("object without checksum", "package.objects[2].sha256: \"abc\" is no SHA-256 in hexadecimal digits.") {
            $0["objects"] = .array(
                ($0["objects"]?.arrayValue ?? []) + [["key": "media/p1/x", "bytes": 1, "sha256": "abc"]])
        },
        Refusal("object with negative size", "package.objects[2].bytes: -1 is no number of bytes.") {
            $0["objects"] = .array(
                ($0["objects"]?.arrayValue ?? []) + [StepOutputs.reference("media/p1/x", bytes: -1)])
        },
        Refusal(
            "one key, two contents",
            "package.objects[2]: media/p1/master.m3u8 stands there twice with different content."
        ) {
            $0["objects"] = .array(
                ($0["objects"]?.arrayValue ?? []) + [StepOutputs.reference("media/p1/master.m3u8", digit: "c")])
        },
        Refusal("no renditions", "package.renditions: The package has no renditions.") { $0["renditions"] = nil },
        Refusal("unknown kind", "package.renditions[0].kind: \"smell\" is none of video, audio, text.") {
            $0["renditions"] = [["kind": "smell"]]
        },
        Refusal("zero width", "package.renditions[0].width: 0 is not a whole number from 1 to 65535.") {
            $0["renditions"] = [["kind": "video", "width": 0]]
        },
        Refusal("no duration", "package.durationSeconds: Nothing is no duration in seconds.") {
            $0["durationSeconds"] = nil
        },
    ]

    @Test(arguments: refusals) func refuses(_ refusal: Refusal) {
        var package = StepOutputs.package()
        refusal.change(&package)
        let error = #expect(throws: PublishError.self) {
            try PublishStatement(
                titleID: "t-1", executionID: Catalogue.executionID(1), title: "T", metadata: nil, package: package,
                thumbnails: nil, media: nil)
        }
        #expect(error?.problems.map(\.description).contains(refusal.problem) == true, "\(String(describing: error))")
    }

    @Test func problemsOfAllPartsComeTogether() {
        let error = #expect(throws: PublishError.self) {
            try PublishStatement(
                titleID: "t-1", executionID: Catalogue.executionID(1), title: " ", metadata: ["year": 3],
                package: nil, thumbnails: nil, media: nil)
        }
        #expect(
            error?.problems.map(\.description) == [
                "title: The text is empty.", "metadata.year: 3 is not a whole number from 1888 to 2200.",
                "package: The package is missing.",
            ])
    }

    @Test func theDurationMayComeFromTheProbe() throws {
        var package = StepOutputs.package()
        package["durationSeconds"] = nil
        _ = try PublishStatement(
            titleID: "t-1", executionID: Catalogue.executionID(1), title: "T", metadata: nil, package: package,
            thumbnails: nil, media: ["durationSeconds": 3])
    }
}
