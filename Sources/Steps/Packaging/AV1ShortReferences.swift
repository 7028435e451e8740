/// The references of a frame that names two of its seven and leaves the others to a rule (AV1 Bitstream & Decoding Process
/// Specification, 7.8).
enum AV1ShortReferences {
    /// `get_relative_dist` (5.9.3): how much later one order hint is than another, on a circle of 2^bits.
    static func distance(_ one: Int, _ other: Int, _ bits: Int) -> Int {
        guard bits > 0 else { return 0 }
        let half = 1 << (bits - 1)
        let difference = one - other
        return (difference & (half - 1)) - (difference & half)
    }

    /// The places of LAST, LAST2, LAST3, GOLDEN, BWDREF, ALTREF2 and ALTREF, of eight frames with these order hints.
    static func places(last: Int, golden: Int, order: Int, _ orders: [Int], _ bits: Int) -> [Int] {
        /// Negative before the frame.
        let distances = orders.map { distance($0, order, bits) }
        var unused = Set(orders.indices).subtracting([last, golden])
        var chosen: [Int?] = [last, nil, nil, golden, nil, nil, nil]
        func take(_ reference: Int, _ place: Int?) {
            guard let place else { return }
            chosen[reference] = place
            unused.remove(place)
        }
        // Of equally far ones the later place counts for the latest, the earlier for the earliest.
        func latest(_ isMeant: (Int) -> Bool) -> Int? {
            unused.filter { isMeant(distances[$0]) }.max { (distances[$0], $0) < (distances[$1], $1) }
        }
        func earliest() -> Int? {
            unused.filter { distances[$0] >= 0 }.min { (distances[$0], $0) < (distances[$1], $1) }
        }
        take(6, latest { $0 >= 0 })
        take(4, earliest())
        take(5, earliest())
        for reference in [1, 2, 4, 5, 6] where chosen[reference] == nil { take(reference, latest { $0 < 0 }) }
        let first = orders.indices.min { (distances[$0], $0) < (distances[$1], $1) } ?? 0
        return chosen.map { $0 ?? first }
    }
}
