public import Recommender

/// What rows need to know of a published title.
public struct ShelfTitle: Sendable, Hashable {
    public var id: String
    /// Age rating in years; nil where it is not known.
    public var age: Int?
    /// Where and when it may be shown; empty: everywhere and always.
    public var offers: [Offer]
    /// Slugs.
    public var genres: [String]
    /// Number of the publication that brought it: a later one has a larger number.
    public var version: Int64
    /// Episodes of one series share it; nil for what stands alone. Rows that propose show one title of each.
    public var group: String?
    /// By which the model predicts a taste for it while nobody has watched it.
    public var description: TitleDescription

    public init(
        id: String, age: Int?, offers: [Offer] = [], genres: [String], version: Int64, group: String? = nil,
        description: TitleDescription
    ) {
        self.id = id
        self.age = age
        self.offers = offers
        self.genres = genres
        self.version = version
        self.group = group
        self.description = description
    }
}

/// A region in which a title may be shown, and from when until when.
public struct Offer: Sendable, Hashable {
    /// ISO 3166-1 in capitals; nil: everywhere.
    public var country: String?
    /// Unix seconds; nil: always so far.
    public var from: Int64?
    /// Unix seconds of the first moment at which it is not shown any more; nil: no end.
    public var to: Int64?

    public init(country: String?, from: Int64? = nil, to: Int64? = nil) {
        self.country = country
        self.from = from
        self.to = to
    }
}

/// Who looks, where and when.
public struct Audience: Sendable, Hashable {
    /// The profile's ceiling.
    public var admission: Admission
    /// ISO 3166-1; nil where it is not known: then only what is offered everywhere is.
    public var country: String?
    /// Unix seconds.
    public var now: Int64

    public init(admission: Admission, country: String?, now: Int64) {
        self.admission = admission
        self.country = country
        self.now = now
    }

    /// Whether one of a title's offers holds here and now.
    func isOffered(_ title: ShelfTitle) -> Bool {
        title.offers.isEmpty
            || title.offers.contains { offer in
                if let wanted = offer.country, wanted != country { return false }
                return offer.from.map { $0 <= now } ?? true && offer.to.map { now < $0 } ?? true
            }
    }
}

/// The catalogue as it is now under the numbers of a model that was trained on what it was then.
///
/// A number of the model's whose title is not published any more stands for nothing, and so nothing is shown for it.
public struct Shelf: Sendable {
    /// By the model's numbers, then titles that it does not know; nil for what is not published now.
    public let titles: [ShelfTitle?]
    /// Numbers of published titles, newest first.
    public let newest: [Int32]
    /// Of titles that the model does not know, in the order of their numbers.
    public let newcomers: [TitleDescription]
    private let numbers: [String: Int32]

    /// - Parameters:
    ///   - modelTitles: names of titles by the model's numbers; empty without a model.
    ///   - catalogue: what is published now, each title once.
    public init(modelTitles: [String], catalogue: [ShelfTitle]) {
        var titles = [ShelfTitle?](repeating: nil, count: modelTitles.count)
        var numbers = Dictionary(
            modelTitles.enumerated().map { ($1, Int32($0)) }, uniquingKeysWith: { first, _ in first })
        var newcomers: [TitleDescription] = []
        for title in catalogue {
            if let number = numbers[title.id] {
                titles[Int(number)] = title
            } else {
                numbers[title.id] = Int32(titles.count)
                titles.append(title)
                newcomers.append(title.description)
            }
        }
        self.titles = titles
        self.numbers = numbers
        self.newcomers = newcomers
        newest = titles.indices.compactMap { index in titles[index].map { (Int32(index), $0.version) } }
            .sorted { $0.1 > $1.1 }.map(\.0)
    }

    /// The number of a title, published or not; nil for one that neither the model nor the catalogue knows.
    public func number(of id: String) -> Int32? { numbers[id] }

    /// Whether a profile may be shown a title. The one place where that is decided.
    public func admits(_ number: Int32, _ audience: Audience) -> Bool {
        guard titles.indices.contains(Int(number)), let title = titles[Int(number)] else { return false }
        return audience.admission.admits(age: title.age, available: audience.isOffered(title))
    }

    /// The same for all titles.
    public func admitted(_ audience: Audience) -> [Bool] {
        titles.indices.map { admits(Int32($0), audience) }
    }
}
