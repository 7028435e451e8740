import SeededNumbers

/// Profiles that training does not see, each with what is shown of it and what is to be found.
public struct Holdout: Sendable {
    /// What models are tried on: all other profiles, or a part of them.
    public var training: InteractionMatrix
    public var histories: [History]
    public var truth: [Set<Int32>]
    /// Whether the truth is what came last; it is drawn where times are unknown.
    public var isTemporal: Bool

    /// - Parameters:
    ///   - profiles: how many to hold out at most; an eighth of those that have enough to tell is the other bound.
    ///   - interactionLimit: how many interactions to train on at most; profiles are drawn until they are reached.
    public init(_ interactions: InteractionMatrix, profiles: Int, interactionLimit: Int, seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let order = random.permutation(interactions.rows).map(Int.init)
        let liked = (0..<interactions.rows).map { row in
            interactions.entries(row).count { interactions.weights[$0] > 0 }
        }
        // With five, four are shown and one is to be found.
        let enough = liked.count { $0 >= 5 } >= 40 ? 5 : 2
        let eligible = order.filter { liked[$0] >= enough }
        let chosen = Array(eligible.prefix(min(profiles, max(eligible.count / 8, min(eligible.count / 2, 20)))))
        isTemporal = Self.timesTell(interactions, rows: chosen)
        histories = []
        truth = []
        for row in chosen {
            let liked = interactions.entries(row).filter { interactions.weights[$0] > 0 }
            var sorted = random.permutation(liked.count).map { liked[Int($0)] }
            if isTemporal {
                sorted = sorted.enumerated().sorted {
                    let (a, b) = (interactions.times[$0.element], interactions.times[$1.element])
                    return a == b ? $0.offset < $1.offset : a < b
                }.map(\.element)
            }
            let hidden = Set(sorted.suffix(max(1, liked.count / 5)))
            let shown = interactions.entries(row).filter { !hidden.contains($0) }
            histories.append(
                History(items: shown.map { interactions.columns[$0] }, weights: shown.map { interactions.weights[$0] }))
            truth.append(Set(hidden.map { interactions.columns[$0] }))
        }
        let held = Set(chosen)
        var rows: [Int] = []
        var count = 0
        for row in order where !held.contains(row) {
            if count >= interactionLimit { break }
            rows.append(row)
            count += liked[row]
        }
        training = interactions.selecting(rows.sorted()) { _, entry in interactions.weights[entry] }
    }

    /// Times that are known and differ within profiles.
    private static func timesTell(_ interactions: InteractionMatrix, rows: [Int]) -> Bool {
        if interactions.times.isEmpty || rows.isEmpty { return false }
        var telling = 0
        for row in rows {
            let times = interactions.entries(row).map { interactions.times[$0] }
            let known = times.count { $0 > 0 }
            if known * 10 >= times.count * 9, Set(times).count * 2 > times.count { telling += 1 }
        }
        return telling * 2 > rows.count
    }
}
