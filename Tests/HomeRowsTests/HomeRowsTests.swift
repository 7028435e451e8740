import HomeRows
import Recommender
import SeededNumbers
import Testing

@Suite("rows of the home page") struct HomeRowsTests {
    static func title(
        _ id: String, age: Int? = 6, offers: [Offer] = [], genres: [String] = [], version: Int64 = 1,
        group: String? = nil
    ) -> ShelfTitle {
        ShelfTitle(
            id: id, age: age, offers: offers, genres: genres, version: version, group: group,
            description: TitleDescription(title: id, genres: genres))
    }

    static func audience(_ ceiling: Int?) -> Audience {
        Audience(admission: Admission(ceiling: ceiling), country: "DE", now: 1000)
    }

    /// Offers, and whether one of them holds for ``audience(_:)``.
    static let offers: [([Offer], Bool)] = [
        ([], true), ([Offer(country: nil)], true), ([Offer(country: "DE")], true), ([Offer(country: "FR")], false),
        ([Offer(country: "FR"), Offer(country: "DE")], true), ([Offer(country: nil, from: 1000)], true),
        ([Offer(country: nil, from: 1001)], false), ([Offer(country: nil, to: 1000)], false),
        ([Offer(country: "DE", from: 10, to: 1001)], true),
        ([Offer(country: "FR", to: 2000), Offer(country: "DE", to: 900)], false),
    ]

    @Test("offers", arguments: offers.indices)
    func anOfferHolds(_ index: Int) {
        let (offers, isOffered) = Self.offers[index]
        let shelf = Shelf(modelTitles: [], catalogue: [Self.title("a", offers: offers)])
        #expect(shelf.admits(0, Self.audience(nil)) == isOffered)
        // Where nobody knows the country, only what is offered everywhere is.
        var stranger = Self.audience(nil)
        stranger.country = nil
        #expect(shelf.admits(0, stranger) == (isOffered && offers.allSatisfy { $0.country == nil }))
    }

    static func activity(_ events: (ViewerEvent.Kind, Float, Int64)...) -> TitleActivity {
        var activity = TitleActivity()
        for (kind, value, time) in events { activity.add(ViewerEvent(item: 0, kind: kind, value: value, time: time)) }
        return activity
    }

    @Test func rowsComeInTheirOrderAndShareNoTitle() {
        let shelf = Shelf(
            modelTitles: ["a", "b", "c", "d", "e"],
            catalogue: ["a", "b", "c", "d", "e", "f"].enumerated().map {
                Self.title($1, genres: ["drama"], version: Int64($0))
            })
        var candidates = Candidates()
        candidates.isPersonal = true
        candidates.picks = [.init(title: 0), .init(title: 1, because: 3), .init(title: 2)]
        candidates.similar = [(3, [2, 4])]
        candidates.trending = [2, 4]
        candidates.newest = shelf.newest
        candidates.genres = [("drama", [5, 4])]
        let viewer = Viewer(
            audience: HomeRowsTests.audience(nil),
            activity: [0: Self.activity((.play, 0.4, 100)), 3: Self.activity((.play, 1, 50))])
        let rows = HomeRows.rows(shelf, for: viewer, candidates)
        #expect(
            rows.map(\.kind) == [.continueWatching, .topPicks, .becauseYouWatched(3), .new])
        #expect(rows.map { $0.items.map(\.title) } == [[0], [1, 2], [4], [5]])
        #expect(rows[0].items[0].watched == 0.4)
        #expect(rows[1].items[0].because == 3)
    }

    /// Each kind of row, from titles that no row before has taken.
    @Test func whatTrendsIsNewOrOfAGenreHasItsRow() {
        let shelf = Shelf(
            modelTitles: ["a", "b"],
            catalogue: ["a", "b", "c", "d", "e", "f"].enumerated().map {
                Self.title($1, genres: [$0 < 3 ? "drama" : "war"], version: Int64($0))
            })
        var candidates = Candidates()
        candidates.picks = [.init(title: 0)]
        candidates.trending = [1, 0]
        candidates.newest = Array(shelf.newest.prefix(2))
        candidates.genres = [("war", [5, 3]), ("drama", [2])]
        let rows = HomeRows.rows(
            shelf, for: Viewer(audience: Self.audience(nil), activity: [:]), candidates)
        #expect(rows.map(\.kind) == [.popular, .trending, .new, .genre("war"), .genre("drama")])
        #expect(rows.map { $0.items.map(\.title) } == [[0], [1], [5, 4], [3], [2]])
    }

    @Test func episodesOfOneSeriesStandForIt() {
        let shelf = Shelf(
            modelTitles: [],
            catalogue: (0..<5).map { Self.title("e\($0)", version: Int64($0), group: $0 < 4 ? "series" : nil) })
        var candidates = Candidates()
        candidates.newest = shelf.newest
        let viewer = Viewer(audience: HomeRowsTests.audience(nil), activity: [:])
        #expect(HomeRows.rows(shelf, for: viewer, candidates).map { $0.items.map(\.title) } == [[4, 3]])
    }

    static let unfinished: [(TitleActivity, Float?)] = [
        (activity((.play, 0.01, 1)), nil), (activity((.play, 0.3, 1)), 0.3), (activity((.play, 0.96, 1)), nil),
        (activity((.play, 0.5, 1), (.play, 0.2, 2)), 0.2), (activity((.play, 0.5, 1), (.play, 0.99, 2)), nil),
        (activity((.play, 0.99, 1), (.play, 0.1, 2)), 0.1), (activity((.play, 0.5, 1), (.dismiss, 0, 2)), nil),
        (activity((.dismiss, 0, 2), (.play, 0.5, 3)), 0.5), (activity((.like, 0, 1)), nil),
    ]

    @Test("what is unfinished", arguments: unfinished.indices)
    func unfinishedTitles(_ index: Int) {
        #expect(Self.unfinished[index].0.unfinished?.share == Self.unfinished[index].1)
    }

    /// A catalogue after its training, and what it says of each number: nil for what is gone.
    private struct Drawn {
        var shelf: Shelf
        var truth: [(age: Int?, isOffered: Bool)?] = []

        init(_ dice: inout SplitMix64) {
            let trained = 1 + dice.below(10)
            var catalogue: [ShelfTitle] = []
            for number in 0..<trained + dice.below(3) {
                if number < trained, dice.below(4) == 0 {
                    truth.append(nil)
                    continue
                }
                let (offers, isOffered) = HomeRowsTests.offers[dice.below(HomeRowsTests.offers.count)]
                let age = dice.below(5) == 0 ? nil : dice.below(19)
                truth.append((age, isOffered))
                catalogue.append(
                    HomeRowsTests.title(
                        HomeRowsTests.names[number], age: age, offers: offers, version: Int64(dice.below(50))))
            }
            shelf = Shelf(modelTitles: Array(HomeRowsTests.names[..<trained]), catalogue: catalogue)
        }

        /// Judged by the catalogue's own words, not by the shelf's.
        func mayBeSeen(_ number: Int32, _ ceiling: Int?) -> Bool {
            guard Int(number) < truth.count, let (age, isOffered) = truth[Int(number)], isOffered else { return false }
            if let ceiling { return age.map { $0 <= ceiling } ?? false }
            return true
        }
    }

    /// Ceilings, gone titles and unknown ratings, in every part of the page: 2,160 catalogues, each seen by 50 profiles, of
    /// which one in 16 has no ceiling.
    @Test func nothingForbiddenOrGoneIsEverShown() {
        var random = SplitMix64(seed: 20_260_101)
        var (items, withheld, children) = (0, 0, 0)
        for round in 0..<108_000 / 50 {
            let seed = random.next()
            var dice = SplitMix64(seed: seed)
            let drawn = Drawn(&dice)
            for viewer in 0..<50 {
                let ceiling: Int? = dice.below(16) == 0 ? nil : dice.below(19)
                let candidates = Self.candidates(drawn.shelf, &dice)
                let rows = HomeRows.rows(
                    drawn.shelf,
                    for: Viewer(audience: Self.audience(ceiling), activity: Self.begun(drawn.shelf, &dice)),
                    candidates)
                var shown: [Int32] = []
                var named: [Int32] = []
                for row in rows {
                    if case .becauseYouWatched(let seed) = row.kind { named.append(seed) }
                    shown += row.items.map(\.title)
                    named += row.items.compactMap(\.because)
                }
                let isSound =
                    (shown + named).allSatisfy { drawn.mayBeSeen($0, ceiling) } && Set(shown).count == shown.count
                    && rows.allSatisfy { !$0.items.isEmpty }
                if !isSound {
                    Issue.record("round \(round), seed \(seed), viewer \(viewer): \(rows)")
                    return
                }
                items += shown.count
                withheld += candidates.picks.count { !drawn.mayBeSeen($0.title, ceiling) }
                if ceiling != nil { children += 1 }
            }
        }
        // It did try.
        #expect(items > 80_000 && withheld > 50_000 && children >= 100_000, "\(items) \(withheld) \(children)")
    }

    /// Numbers of titles, some of which nobody knows.
    private static func some(_ shelf: Shelf, _ dice: inout SplitMix64) -> [Int32] {
        (0..<dice.below(5)).map { _ in Int32(dice.below(shelf.titles.count + 2)) }
    }

    private static func candidates(_ shelf: Shelf, _ dice: inout SplitMix64) -> Candidates {
        var candidates = Candidates()
        candidates.isPersonal = dice.below(2) == 0
        candidates.picks = some(shelf, &dice).map { number in
            Candidates.Pick(title: number, because: dice.below(2) == 0 ? nil : Int32(dice.below(shelf.titles.count)))
        }
        candidates.similar = [(Int32(dice.below(shelf.titles.count)), some(shelf, &dice))]
        candidates.trending = some(shelf, &dice)
        candidates.newest = shelf.newest
        candidates.genres = [("drama", some(shelf, &dice))]
        return candidates
    }

    private static func begun(_ shelf: Shelf, _ dice: inout SplitMix64) -> [Int32: TitleActivity] {
        var begun: [Int32: TitleActivity] = [:]
        for number in some(shelf, &dice) {
            begun[number] = activity((.play, Float(dice.unit()), Int64(dice.below(9))))
        }
        return begun
    }

    static let names = (0..<20).map { "t\($0)" }
}

@Suite("proposals by a model") struct ProposalTests {
    static let genres = ["drama", "war"]
    /// Even profiles watch drama, odd ones war.
    static let model: Model = {
        var builder = ExtractBuilder(
            cutoff: 1_000_000,
            catalogue: (0..<80).map { number in
                ExtractBuilder.Title(
                    id: name(number), description: TitleDescription(title: "", genres: [genres[number % 2]]), age: 6,
                    isAvailable: true)
            })
        var random = SplitMix64(seed: 5)
        for profile in 0..<200 {
            builder.begin(profile: "p\(1000 + profile)", ceiling: nil)
            for number in 0..<76 where number % 2 == profile % 2 && random.below(2) == 0 {
                builder.add(title: name(number), kind: .play, value: 1, time: Int64(random.below(900_000)))
            }
        }
        let recipe = Recipe(
            factors: FactorSettings(dimensions: 8, epochs: 6),
            blend: Recipe.Blend(factors: 0.6, neighbours: 0.4, popularity: 0.01))
        return Model.train(builder.finish().trainingData, recipe: recipe, seed: 1, threads: .one)
    }()

    static func name(_ number: Int) -> String { "t\(100 + number)" }

    static func catalogue(without gone: Int? = nil, age: (Int) -> Int? = { _ in 6 }) -> [ShelfTitle] {
        (0..<84).filter { $0 != gone }.map { number in
            HomeRowsTests.title(
                name(number), age: age(number), genres: [genres[number % 2]], version: Int64(number))
        }
    }

    static func viewer(_ proposals: Proposals, watched: [Int], ceiling: Int? = nil) throws -> Viewer {
        var activity: [Int32: TitleActivity] = [:]
        for (time, number) in watched.enumerated() {
            activity[try #require(proposals.shelf.number(of: name(number)))] = HomeRowsTests.activity(
                (.play, 1, Int64(time)))
        }
        return Viewer(audience: HomeRowsTests.audience(ceiling), activity: activity)
    }

    static func row(_ rows: [HomeRow], _ kind: HomeRow.Kind) -> [Int32] {
        rows.first { $0.kind == kind }?.items.map(\.title) ?? []
    }

    @Test func aPlayChangesTheRowsWithoutTraining() throws {
        let proposals = Proposals(model: Self.model, catalogue: Self.catalogue(), trending: [Self.name(79), "gone"])
        let stranger = try Self.viewer(proposals, watched: [])
        let cold = HomeRows.rows(proposals.shelf, for: stranger, proposals.candidates(for: stranger))
        #expect(cold.first?.kind == .popular)
        #expect(Self.row(cold, .trending) == [try #require(proposals.shelf.number(of: Self.name(79)))])
        #expect(!Self.row(cold, .new).isEmpty)
        for (index, genre) in Self.genres.enumerated() {
            let titles = Self.row(cold, .genre(genre)).map { Self.number(proposals, $0) }
            #expect(!titles.isEmpty && titles.allSatisfy { $0 % 2 == index }, "\(genre): \(titles)")
        }
        #expect(!cold.contains { $0.kind == .topPicks })
        for taste in 0...1 {
            let viewer = try Self.viewer(proposals, watched: [taste, taste + 2, taste + 4])
            let rows = HomeRows.rows(proposals.shelf, for: viewer, proposals.candidates(for: viewer))
            let picks = Self.row(rows, .topPicks)
            let own = picks.prefix(10).count { Self.number(proposals, $0) % 2 == taste }
            #expect(own >= 9, "\(picks)")
            let seen = try (0..<3).map { try #require(proposals.shelf.number(of: Self.name(taste + 2 * $0))) }
            #expect(!rows.flatMap(\.items).contains { seen.contains($0.title) })
            let reasons = try #require(rows.first { $0.kind == .topPicks }).items.compactMap(\.because)
            #expect(reasons.count >= 5 && reasons.allSatisfy(seen.contains), "\(reasons)")
            #expect(rows.contains { $0.kind == .becauseYouWatched(seen[2]) })
        }
    }

    private static func number(_ proposals: Proposals, _ title: Int32) -> Int {
        guard let title = proposals.shelf.titles[Int(title)] else { return -1 }
        return (Int(title.id.dropFirst()) ?? -1) - 100
    }

    /// Titles 80 to 83 came after the training, 76 to 79 nobody has watched.
    @Test func newTitlesAreRankedByTheirGenres() throws {
        let proposals = Proposals(model: Self.model, catalogue: Self.catalogue(), trending: [])
        let viewer = try Self.viewer(proposals, watched: [0, 2, 4, 6])
        let ranked = proposals.candidates(for: viewer).picks.map { Self.number(proposals, $0.title) }
        #expect(ranked.contains(80) || ranked.contains(82), "\(ranked)")
        #expect(!ranked.prefix(15).contains(81) && !ranked.prefix(15).contains(83), "\(ranked)")
    }

    @Test func whatWasRankedBeforehandIsCheckedAgain() throws {
        let known = [Int32](0..<60).map { Ranked(item: $0, score: Float(60 - $0)) }
        let proposals = Proposals(
            model: Self.model, catalogue: Self.catalogue(without: 8, age: { $0 % 3 == 0 ? 16 : 6 }), trending: [])
        let viewer = try Self.viewer(proposals, watched: [1], ceiling: 12)
        let rows = HomeRows.rows(proposals.shelf, for: viewer, proposals.candidates(for: viewer, known: known))
        let shown = rows.flatMap(\.items).map { Self.number(proposals, $0.title) }
        #expect(shown.count > 20)
        #expect(!shown.contains { $0 % 3 == 0 || $0 == 8 || $0 < 0 }, "\(shown)")
    }

    @Test func withoutAModelThereIsWhatIsNew() throws {
        let proposals = Proposals(model: nil, catalogue: Self.catalogue(), trending: [])
        let viewer = try Self.viewer(proposals, watched: [])
        let rows = HomeRows.rows(proposals.shelf, for: viewer, proposals.candidates(for: viewer))
        #expect(rows.first?.kind == .new)
        #expect(rows.first?.items.first?.title == proposals.shelf.number(of: Self.name(83)))
    }
}
