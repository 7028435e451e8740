import JSON
import Testing
import TitleMetadata

@Suite("Title metadata")
struct TitleMetadataTests {
    @Test func everyMemberIsReadAndWrittenBack() throws {
        let document = try JSON(
            parsing: """
                {"title":"Cosmos: ep. 3","kind":"episode","description":"Line one.\\nLine two.","year":1980,"rating":"TV-PG",
                 "languages":["en","zh-Hant"],"genres":["Science & Technology","Documentary"],"series":"Cosmos","season":1,
                 "episode":3,"parent":"t-17","cast":[{"name":"C. Sagan","role":"Host"},{"name":"Somebody"}]}
                """)
        let metadata = try TitleMetadata(title: nil, document: document)
        #expect(metadata.document == document)
        #expect(metadata.genres.map(\.slug) == ["science-technology", "documentary"])
    }

    @Test func theTitleGivenBesidesWins() throws {
        let metadata = try TitleMetadata(title: "Elf", document: ["title": "Other"])
        #expect(metadata.title == "Elf")
        #expect(metadata.kind == .movie)
        #expect(try TitleMetadata(title: "Elf", document: nil).document == ["title": "Elf", "kind": "movie"])
        #expect(try TitleMetadata(title: "Elf", document: .null).title == "Elf")
    }

    @Test func aRatingThatYAMLReadsAsANumberIsARating() throws {
        #expect(try TitleMetadata(title: "Elf", document: ["rating": 12]).rating == "12")
    }

    @Test func nullMembersCountAsNotThere() throws {
        let metadata = try TitleMetadata(title: nil, document: ["title": "Elf", "year": nil, "genres": nil])
        #expect(metadata.document == ["title": "Elf", "kind": "movie"])
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let document: JSON
        let problems: [String]

        init(_ name: String, _ document: JSON, _ problems: String...) {
            testDescription = name
            self.document = document
            self.problems = problems
        }
    }

    static let refusals: [Refusal] = [
        Refusal(
            "no object", [1], "The metadata is a list, it must be an object.",
            "title: A title needs a name: give 'title'."),
        Refusal("no title", [:], "title: A title needs a name: give 'title'."),
        Refusal("empty title", ["title": "  "], "title: The text is empty."),
        Refusal("number for title", ["title": 1984], "title: 1984 is a number, it must be a text: put it in quotes."),
        Refusal(
            "control character", ["title": "a\u{7}b"],
            "title: The text holds the control character U+0007, which cannot be shown."),
        Refusal(
            "long title", ["title": .string(String(repeating: "x", count: 301))],
            "title: The text has 301 characters, 300 are allowed."),
        Refusal(
            "misspelt member", ["title": "T", "genre": ["a"]],
            "genre: There is no member 'genre'; did you mean 'genres'?"),
        Refusal(
            "unknown member", ["title": "T", "colour": 1],
            "colour: There is no member 'colour'; known are title, kind, description, year, rating, languages, genres, "
                + "series, season, episode, parent, cast, availability."),
        Refusal(
            "unknown kind", ["title": "T", "kind": "film"],
            "kind: \"film\" is no kind of title; it is one of movie, series, season, episode, docuseries, short."),
        Refusal(
            "year before film", ["title": "T", "year": 1800], "year: 1800 is not a whole number from 1888 to 2200."),
        Refusal(
            "year as text", ["title": "T", "year": "1999"], "year: \"1999\" is not a whole number from 1888 to 2200."),
        Refusal(
            "broken year", ["title": "T", "year": 1999.5], "year: 1999.5 is not a whole number from 1888 to 2200."),
        Refusal(
            "rating with markup", ["title": "T", "rating": "<b>"],
            "rating: \"<b>\" is no maturity rating: 1 to 16 letters, digits, spaces, '+', '-' or '/', such as PG-13, TV-MA "
                + "or FSK 12."),
        Refusal(
            "languages", ["title": "T", "languages": ["en", "english", "EN", 3]],
            "languages[1]: \"english\" is no language tag (BCP 47), such as en, de-AT or zh-Hant.",
            "languages[2]: 'EN' stands there twice.",
            "languages[3]: 3 is no language tag (BCP 47), such as en, de-AT or zh-Hant."),
        Refusal(
            "languages as text", ["title": "T", "languages": "en"], "languages: \"en\" is a text, it must be a list."),
        Refusal(
            "genres", ["title": "T", "genres": ["Sci-Fi", "sci fi", "--", ""]],
            "genres[1]: 'sci fi' stands there twice.", "genres[2]: '--' holds no letter or digit.",
            "genres[3]: The text is empty."),
        Refusal(
            "episode without place", ["title": "T", "kind": "episode"],
            "series: An episode needs 'series' (a name) or 'parent' (a title id).",
            "episode: An episode needs its number: 'episode'."),
        Refusal(
            "season with episode", ["title": "T", "kind": "season", "series": "S", "season": 1, "episode": 2],
            "episode: A season has no episode number."),
        Refusal(
            "movie with season", ["title": "T", "season": 1],
            "season: A movie has no 'season'; only seasons and episodes have."),
        Refusal(
            "cast", ["title": "T", "cast": [1, ["role": "x"], ["name": "A", "rôle": "x"]]],
            "cast[0]: 1 is neither a name nor an object with name and role.", "cast[1]: The entry has no 'name'.",
            "cast[2].rôle: There is no member 'rôle'; known are name, role."),
        Refusal(
            "all at once", ["kind": "film", "year": 1],
            "title: A title needs a name: give 'title'.",
            "kind: \"film\" is no kind of title; it is one of movie, series, season, episode, docuseries, short.",
            "year: 1 is not a whole number from 1888 to 2200."),
    ]

    @Test(arguments: refusals) func refuses(_ refusal: Refusal) {
        let error = #expect(throws: TitleMetadataError.self) {
            try TitleMetadata(title: nil, document: refusal.document)
        }
        #expect(error?.problems.map(\.description) == refusal.problems)
    }

    @Test func theSchemaListsExactlyTheMembersThatAreRead() throws {
        let properties = try #require(TitleMetadata.schema["properties"]?.objectValue)
        for name in properties.keys {
            // A value that no member takes is refused as a value, not as an unknown member.
            let error = #expect(throws: TitleMetadataError.self) {
                try TitleMetadata(
                    title: nil, document: .members((name, .bool(true)), ("kind", name == "kind" ? true : nil)))
            }
            #expect(error?.problems.contains { $0.message.contains("There is no member") } == false, "\(name)")
        }
        #expect(properties.count == 13)
    }
}
