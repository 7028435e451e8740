/// How titles become neighbours.
public struct NeighbourSettings: Sendable, Hashable {
    public enum Measure: UInt8, Sendable, CaseIterable {
        /// The cosine of the titles' columns, with a constant added to the denominator.
        case cosine = 0
        /// A random walk from title to profile to title, divided by the popularity of where it ends to the power beta:
        /// RP3beta (Paudel, Christoffel, Newell, Bernstein 2017).
        case walk = 1
    }

    public var measure: Measure
    /// cosine: what is added to the denominator, 0 or more; walk: beta, 0...1.
    public var damping: Float
    /// How many neighbours a title keeps, 1...10,000.
    public var neighbours: Int

    public init(measure: Measure, damping: Float, neighbours: Int = 200) {
        precondition(damping >= 0 && (1...10_000).contains(neighbours), "These are no neighbourhoods.")
        self.measure = measure
        self.damping = damping
        self.neighbours = neighbours
    }
}

/// Titles and those that are watched by the same profiles: what sparse catalogues are scored by, and what "because you
/// watched" shows.
///
/// Memory: 8 bytes for each neighbour of each title; 8 x titles for each thread while training.
public struct NeighbourModel: Sendable {
    public let settings: NeighbourSettings
    /// Row i holds what having seen title i says of its neighbours, columns ascending.
    public let weights: InteractionMatrix

    public init(settings: NeighbourSettings, weights: InteractionMatrix) {
        self.settings = settings
        self.weights = weights
    }

    /// A profile with more titles than that says little about each pair, and costs the square.
    static let longestProfile = 3000

    public static func train(
        _ evidence: InteractionMatrix, byItem: InteractionMatrix, settings: NeighbourSettings, threads: Threads
    ) -> NeighbourModel {
        let items = evidence.columnCount
        // What a row is divided by, and what a title's neighbourhood is divided by.
        let userScale = (0..<evidence.rows).map { row -> Float in
            let sum = evidence.entries(row).reduce(into: Float(0)) { $0 += evidence.weights[$1] }
            return settings.measure == .walk && sum > 0 ? 1 / sum : 1
        }
        let masses = (0..<items).map { item in
            byItem.entries(item).reduce(into: Double(0)) { sum, entry in
                let weight = Double(byItem.weights[entry])
                sum += settings.measure == .walk ? weight : weight * weight
            }
        }
        let norms = masses.map { mass -> Float in
            settings.measure == .walk
                ? Float(Elementary.power(mass, Double(settings.damping))) : Float(mass.squareRoot())
        }
        let size = 64
        var blocks = [[(columns: [Int32], weights: [Float])]](repeating: [], count: (items + size - 1) / size)
        blocks.withUnsafeMutableBufferPointer { buffer in
            guard let address = buffer.baseAddress else { return }
            let cells = Cells(address)
            threads.forEachBlock(of: items, size: size) { block, range in
                let sums = Scratch(items)
                var touched: [Int32] = []
                var found: [(columns: [Int32], weights: [Float])] = []
                for item in range {
                    touched.removeAll(keepingCapacity: true)
                    for entry in byItem.entries(item) {
                        let user = Int(byItem.columns[entry])
                        let entries = evidence.entries(user)
                        if entries.count > longestProfile { continue }
                        let weight = byItem.weights[entry] * userScale[user]
                        for other in entries {
                            let column = Int(evidence.columns[other])
                            if sums.base[column] == 0 { touched.append(Int32(column)) }
                            sums.base[column] += weight * evidence.weights[other]
                        }
                    }
                    let own: Float =
                        settings.measure == .walk ? Float(1 / max(masses[item], 1e-9)) : norms[item]
                    var scored: [Ranked] = []
                    scored.reserveCapacity(touched.count)
                    for column in touched {
                        let sum = sums.base[Int(column)]
                        sums.base[Int(column)] = 0
                        if Int(column) == item { continue }
                        let score =
                            settings.measure == .walk
                            ? sum * own / norms[Int(column)] : sum / (own * norms[Int(column)] + settings.damping)
                        scored.append(Ranked(item: column, score: score))
                    }
                    let best = Ranked.best(scored, count: settings.neighbours).sorted { $0.item < $1.item }
                    found.append((best.map(\.item), best.map(\.score)))
                }
                cells.base[block] = found
            }
        }
        var starts = [0]
        var columns: [Int32] = []
        var weights: [Float] = []
        for row in blocks.joined() {
            columns += row.columns
            weights += row.weights
            starts.append(columns.count)
        }
        return NeighbourModel(
            settings: settings,
            weights: InteractionMatrix(columnCount: items, starts: starts, columns: columns, weights: weights))
    }

    /// Adds the scores of all titles for a history.
    func addScores(_ evidence: History, to scores: UnsafeMutablePointer<Float>) {
        for (item, weight) in zip(evidence.items, evidence.weights) where Int(item) < weights.rows {
            for entry in weights.entries(Int(item)) {
                scores[Int(weights.columns[entry])] += weight * weights.weights[entry]
            }
        }
    }

    /// A title's neighbours, best first.
    public func similar(to item: Int32, count: Int) -> [Ranked] {
        guard item >= 0, Int(item) < weights.rows else { return [] }
        let all = weights.entries(Int(item)).map { Ranked(item: weights.columns[$0], score: weights.weights[$0]) }
        return Ranked.best(all, count: count)
    }
}
