import JSON
import Testing
import TitleMetadata

@Suite struct MaturityRatingTests {
    @Test(arguments: [
        ("G", "MPA", 0), ("PG", "MPA", 8), ("PG-13", "MPA", 13), ("pg 13", "MPA", 13), ("R", "MPA", 17),
        ("NC-17", "MPA", 18), ("TV-Y7", "TV", 7), ("TV-14", "TV", 14), ("TV-MA", "TV", 17), ("FSK 12", "FSK", 12),
        ("FSK-0", "FSK", 0), ("PEGI 18", "PEGI", 18), ("BBFC 15", "BBFC", 15), ("12A", "BBFC", 12), ("16", "age", 16),
        ("18+", "age", 18),
    ])
    func isKnown(_ text: String, _ scheme: String, _ age: Int) {
        #expect(MaturityRating(text)?.scheme == scheme && MaturityRating(text)?.minimumAge == age)
    }

    @Test(arguments: ["", "PG-99", "99", "NR", "FSK", "ABC 12", "FSK 120", "+", "12+ 14"])
    func isUnknown(_ text: String) {
        #expect(MaturityRating(text) == nil)
    }

    @Test func availabilityIsReadStrictly() throws {
        let document: JSON = [
            "title": "T",
            "availability": [
                ["region": "DE", "from": "2026-11-28", "to": "2027-02-28T20:15:00Z"],
                ["region": "*", "to": "2028-02-29"],
            ],
        ]
        let metadata = try TitleMetadata(title: nil, document: document)
        #expect(
            metadata.availability == [
                .init(region: "DE", from: "2026-11-28T00:00:00Z", to: "2027-02-28T20:15:00Z"),
                .init(region: "*", to: "2028-02-29T00:00:00Z"),
            ])
        #expect(try TitleMetadata(title: nil, document: metadata.document) == metadata)
    }

    @Test(
        arguments: [
            (["region": "de"], "availability[0].region"), (["region": 7], "availability[0].region"),
            (["from": "2027-02-29"], "availability[0].from"), (["to": "2027-13-01"], "availability[0].to"),
            (["to": "2027-01-01T24:00:00Z"], "availability[0].to"), (["to": "tomorrow"], "availability[0].to"),
            (["from": "2027-01-02", "to": "2027-01-02"], "availability[0]"),
            (["until": "2027-01-02"], "availability[0].until"),
            ("DE", "availability[0]"),
        ] as [(JSON, String)])
    func refused(_ entry: JSON, _ place: String) throws {
        let error = try #require(throws: TitleMetadataError.self) {
            try TitleMetadata(title: "T", document: ["availability": .array([entry])])
        }
        #expect(error.problems.map(\.place) == [place], "\(error)")
    }
}
