import CatalogStore
import CatalogTestSupport
import JSON
import Postgres
import PostgresTestSupport
import SeededNumbers
import Testing

@Suite("Catalogue reads", .serialized)
struct ReaderTests {
    /// What was published, for comparison with what is found.
    private struct Row {
        let id: String
        let kind: String
        let genres: [String]
        let year: Int?
    }

    @Test func listsAreThoseOfABruteForceFilter() async throws {
        let catalogue = try await Catalogue.make()
        let seed = UInt64.random(in: .min ... .max)
        var random = SplitMix64(seed: seed)
        let kinds = ["movie", "series", "docuseries", "short"]
        let genres = ["drama", "crime", "nature", "family"]
        var rows: [Row] = []
        for number in 0..<60 {
            let chosen = genres.filter { _ in Bool.random(using: &random) }
            let row = Row(
                id: "t-\(number)", kind: kinds.randomElement(using: &random) ?? "movie", genres: chosen,
                year: Bool.random(using: &random) ? Int.random(in: 1990...2000, using: &random) : nil)
            let metadata = JSON.members(
                ("kind", .string(row.kind)), ("genres", .array(chosen.map { .string($0) })),
                ("year", row.year.map { .integer($0) }))
            try await catalogue.publish(.sample(number, metadata: metadata), execution: number)
            rows.append(row)
        }
        for _ in 0..<60 {
            let from = Bool.random(using: &random) ? Int.random(in: 1989...2001, using: &random) : nil
            let to = Bool.random(using: &random) ? Int.random(in: 1989...2001, using: &random) : nil
            let filter = TitleFilter(
                genre: Bool.random(using: &random) ? genres.randomElement(using: &random) : nil,
                kind: Bool.random(using: &random) ? kinds.randomElement(using: &random) : nil, yearFrom: from,
                yearTo: to)
            let expected = rows.reversed().filter { row in
                (filter.kind == nil || filter.kind == row.kind)
                    && (filter.genre.map { row.genres.contains($0) } ?? true)
                    && (from.map { bound in row.year.map { $0 >= bound } ?? false } ?? true)
                    && (to.map { bound in row.year.map { $0 <= bound } ?? false } ?? true)
            }
            let limit = Int.random(in: 1...7, using: &random)
            var found: [String] = []
            var before: Int64?
            while true {
                let page = try await catalogue.reader.titles(filter, before: before, limit: limit)
                found += page.map(\.id)
                guard let last = page.last else { break }
                before = last.version
            }
            #expect(found == expected.map(\.id), "seed \(seed), \(filter), pages of \(limit)")
        }
    }

    @Test func whatIsNotPublishedIsNotThere() async throws {
        let catalogue = try await Catalogue.make()
        #expect(try await catalogue.reader.title("nothing") == nil)
        #expect(try await catalogue.reader.playback("nothing") == nil)
        #expect(try await catalogue.reader.titles(limit: 10).isEmpty)
    }

    @Test(arguments: [
        ("package", "p1/master.m3u8", "media/p1/master.m3u8"),
        ("poster", "thumbs/p1/poster.jpg", "thumbs/p1/poster.jpg"),
        ("sprite", "thumbs/p1/sprite-0.jpg", "thumbs/p1/sprite-0.jpg"),
        ("not listed", "p1/secret.m4s", nil),
        ("other package", "p2/master.m3u8", nil),
        ("climbing", "p1/../p1/master.m3u8", nil),
        ("empty segment", "p1//master.m3u8", nil),
        ("empty", "", nil),
        ("hidden", ".store/x", nil),
        ("quote", "p1/master.m3u8'", nil),
    ])
    func objects(_ name: String, _ path: String, _ key: String?) async throws {
        let catalogue = try await Catalogue.make()
        try await catalogue.publish(.sample(1, thumbnails: StepOutputs.thumbnails), execution: 1)
        #expect(try await catalogue.reader.object(mediaPath: path)?.key == key, "\(name)")
    }
}
