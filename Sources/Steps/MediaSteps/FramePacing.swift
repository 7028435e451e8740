import MediaFiles

/// Puts the pictures of a film at the places of a constant rate, place 0 being the first picture's. A place without a
/// picture of its own shows the one before again; of two pictures at one place the later is shown.
struct FramePacing: Sendable {
    /// What a picture brings about.
    enum Step: Sendable, Hashable {
        case first
        /// The picture before is not shown: this one has taken its place.
        case replacing
        /// The picture before stands at these places.
        case after(Range<Int64>)
    }

    private let rate: Rational
    /// Whether each picture is shown, whatever its time: those of a constant film follow each other.
    private let keepsAll: Bool
    /// The first picture's time.
    private var origin: (ticks: Int64, timeBase: Rational)?
    /// Places of the whole film, as far as it is known before; the last picture is shown to their end.
    private let total: Int64
    private var slot: Int64?
    /// Places that the pictures so far fill, those among them that repeat one, pictures that are not shown.
    private(set) var shown = 0
    private(set) var repeated = 0
    private(set) var dropped = 0

    /// - Parameters:
    ///   - origin: the time of place 0; without it that is the first picture that comes.
    ///   - durationSeconds: from the first picture to the end of the last.
    init(
        origin: (ticks: Int64, timeBase: Rational)? = nil, rate: Rational, durationSeconds: Double, keepsAll: Bool
    ) {
        self.origin = origin
        self.rate = rate
        self.keepsAll = keepsAll
        total = Int64((durationSeconds * rate.value).rounded())
    }

    /// Takes the next picture's time in `timeBase`, nil when it has none.
    mutating func add(_ timestamp: Int64?, timeBase: Rational) -> Step {
        guard let before = slot else {
            // One in front of place 0 is a picture that a seek gave too many.
            slot = origin == nil ? 0 : timestamp.flatMap { place($0, timeBase) } ?? 0
            if origin == nil { origin = timestamp.map { ($0, timeBase) } }
            return .first
        }
        let wanted = timestamp.flatMap { place($0, timeBase) } ?? before + 1
        // Times in a damaged or careless file may stand still or run back.
        let next = max(wanted, keepsAll ? before + 1 : before)
        if next == before {
            dropped += 1
            return .replacing
        }
        slot = next
        count(before..<next)
        return .after(before..<next)
    }

    /// The place of the picture that came last.
    var last: Int64? { slot }

    /// The places of the last picture.
    mutating func finish() -> Range<Int64> {
        guard let last = slot else { return 0..<0 }
        let places = last..<(keepsAll ? last + 1 : max(last + 1, total))
        count(places)
        slot = nil
        return places
    }

    private mutating func count(_ places: Range<Int64>) {
        shown += places.count
        repeated += places.count - 1
    }

    private func place(_ ticks: Int64, _ timeBase: Rational) -> Int64? {
        guard let origin else { return nil }
        return timeBase.rescale(ticks - origin.timeBase.rescale(origin.ticks, to: timeBase), to: rate.inverse)
    }
}
