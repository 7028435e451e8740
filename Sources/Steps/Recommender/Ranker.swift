/// Ranks titles for profiles with a model. Made once, it serves any number of profiles, from any thread.
public struct Ranker: Sendable {
    /// A title that the model does not know, known by its description alone.
    public typealias Newcomer = TitleDescription

    public let model: Model
    /// How many titles there are: the model's, then the newcomers.
    public let items: Int
    /// What titles are scored by, newcomers' too.
    let vectors: [Float]
    private let panels: Panels
    private let admitted: [Bool]?
    private let crowd: [Float]

    /// - Parameters:
    ///   - newcomers: titles beside the model's; their numbers follow the model's.
    ///   - admitted: for each title whether it may be ranked at all; nil for all.
    public init(_ model: Model, newcomers: [Newcomer] = [], admitted: [Bool]? = nil) {
        let d = model.factors.settings.dimensions
        let items = model.items.count + newcomers.count
        precondition(admitted.map { $0.count == items } ?? true, "Each title is admitted, or not.")
        self.items = items
        self.model = model
        self.admitted = admitted
        var vectors = model.titleVectors
        for title in newcomers {
            vectors += model.content?.vector(title) ?? [Float](repeating: 0, count: d)
        }
        self.vectors = vectors
        panels = Panels(vectors, rows: items, width: d)
        crowd = Self.crowd(model.popularity)
    }

    /// Popularity as a part of scores: logarithms with mean 0 and deviation 1.
    static func crowd(_ popularity: [Float]) -> [Float] {
        var crowd = popularity.map { Float(Elementary.log2(1 + Double(max(0, $0)))) }
        let count = crowd.count
        crowd.withUnsafeMutableBufferPointer { crowd in
            guard let base = crowd.baseAddress else { return }
            let (mean, factor) = Ranker.standard(base, count: count)
            for index in 0..<count { base[index] = (base[index] - mean) * factor }
        }
        return crowd
    }

    /// Mean, and what brings the deviation to 1; 0 where all are the same.
    static func standard(_ scores: UnsafePointer<Float>, count: Int) -> (mean: Float, factor: Float) {
        var (sum, square) = (SIMD8<Float>(), SIMD8<Float>())
        let whole = count & ~7
        // Blocks keep single precision accurate enough for catalogues of any size.
        var (total, totalSquare) = (0.0, 0.0)
        for start in stride(from: 0, to: whole, by: 8) {
            let value = DenseKernels.load8(scores + start)
            sum = sum + value
            square = square + value * value
            if start & 1023 == 1016 {
                total += Double(sum.sum())
                totalSquare += Double(square.sum())
                (sum, square) = (SIMD8<Float>(), SIMD8<Float>())
            }
        }
        total += Double(sum.sum())
        totalSquare += Double(square.sum())
        for index in whole..<count {
            total += Double(scores[index])
            totalSquare += Double(scores[index]) * Double(scores[index])
        }
        let mean = total / Double(max(1, count))
        let variance = totalSquare / Double(max(1, count)) - mean * mean
        guard variance > 1e-20 else { return (Float(mean), 0) }
        return (Float(mean), Float(1 / variance.squareRoot()))
    }

    /// The best titles for each history that it has not seen, best first.
    ///
    /// Memory: 16 bytes x titles for each thread, and the rankings.
    ///
    /// - Parameter among: for each title whether it may be ranked for these profiles, beside what holds for all.
    public func rank(
        _ histories: [History], count: Int, threads: Threads, among: [Bool]? = nil
    ) -> [[Ranked]] {
        precondition(count > 0, "A ranking has a title at least.")
        precondition(among.map { $0.count == items } ?? true, "Each title may be ranked, or not.")
        var rankings = [[Ranked]](repeating: [], count: histories.count)
        rankings.withUnsafeMutableBufferPointer { buffer in
            guard let address = buffer.baseAddress else { return }
            let cells = Cells(address)
            threads.forEachBlock(of: histories.count, size: 16) { _, range in
                var desk = Desk(self)
                for start in stride(from: range.lowerBound, to: range.upperBound, by: 4) {
                    let four = start..<min(start + 4, range.upperBound)
                    for (index, ranking) in desk.rank(histories[four], count: count, among: among).enumerated() {
                        cells.base[start + index] = ranking
                    }
                }
            }
        }
        return rankings
    }

    /// One thread's memory for ranking.
    private struct Desk: ~Copyable {
        let ranker: Ranker
        let vectors: Scratch
        let products: Scratch
        let part: Scratch
        var equations: Equations
        /// The number of the profile that has seen a title last.
        var seen: [Int32]
        var turn: Int32 = 0

        init(_ ranker: Ranker) {
            self.ranker = ranker
            let d = ranker.model.factors.settings.dimensions
            vectors = Scratch(4 * d)
            products = Scratch(4 * ranker.panels.productCount)
            part = Scratch(ranker.model.watched)
            equations = Equations(dimensions: d)
            seen = [Int32](repeating: -1, count: ranker.items)
        }

        mutating func rank(_ histories: ArraySlice<History>, count: Int, among: [Bool]?) -> [[Ranked]] {
            let model = ranker.model
            let d = model.factors.settings.dimensions
            let evidence = histories.map(model.evidence)
            for (index, history) in evidence.enumerated() {
                model.factors.fold(history, equations: &equations, into: vectors.base + index * d)
            }
            ranker.panels.multiply(four: vectors.base, to: products.base)
            var rankings: [[Ranked]] = []
            for (index, history) in histories.enumerated() {
                let scores = products.base + index * ranker.panels.productCount
                blend(evidence[index], scores)
                turn += 1
                for item in history.items { seen[Int(item)] = turn }
                var selection = Selection(count: count)
                var floor = -Float.infinity
                for item in 0..<ranker.items {
                    let score = scores[item]
                    guard score >= floor, seen[item] != turn else { continue }
                    if let admitted = ranker.admitted, !admitted[item] { continue }
                    if let among, !among[item] { continue }
                    selection.offer(Ranked(item: Int32(item), score: score))
                    floor = selection.floor ?? floor
                }
                rankings.append(selection.ranking())
            }
            return rankings
        }

        /// Turns the factors' products into joined scores.
        private func blend(_ evidence: History, _ scores: UnsafeMutablePointer<Float>) {
            let (model, blend) = (ranker.model, ranker.model.recipe.blend)
            let watched = model.watched
            let (mean, factor) = Ranker.standard(scores, count: watched)
            // Nothing is known of an unseen title but its features: they stand in for all parts.
            let personal = blend.factors + blend.linear + blend.neighbours
            for item in watched..<ranker.items { scores[item] = (scores[item] - mean) * factor * personal }
            for item in 0..<watched { scores[item] = (scores[item] - mean) * factor * blend.factors }
            if let linear = model.linear, blend.linear > 0 {
                clear()
                linear.addScores(evidence, to: part.base)
                add(times: blend.linear, to: scores)
            }
            if let neighbours = model.neighbours, blend.neighbours > 0 {
                clear()
                neighbours.addScores(evidence, to: part.base)
                add(times: blend.neighbours, to: scores)
            }
            // A trace of it decides where nothing else does: for profiles without history.
            let crowd = max(blend.popularity, 1e-4)
            ranker.crowd.withUnsafeBufferPointer { popularity in
                guard let from = popularity.baseAddress else { return }
                DenseKernels.add(from, times: crowd, count: watched, to: scores)
            }
        }

        private func clear() { part.base.update(repeating: 0, count: part.count) }

        private func add(times weight: Float, to scores: UnsafeMutablePointer<Float>) {
            let (mean, factor) = Ranker.standard(part.base, count: part.count)
            for item in 0..<part.count { scores[item] += (part.base[item] - mean) * factor * weight }
        }
    }
}

/// Whom a title may be shown to. What is not known is closed.
public struct Admission: Sendable, Hashable {
    /// The highest age rating that a profile may see, in years; nil for grown-ups, who may see all.
    public var ceiling: Int?

    public init(ceiling: Int?) { self.ceiling = ceiling }

    /// - Parameters:
    ///   - age: the title's rating in years; nil when unknown, which no ceiling lets through.
    ///   - available: whether it is published and offered where the viewer is; nil when unknown.
    public func admits(age: Int?, available: Bool?) -> Bool {
        guard available == true else { return false }
        guard let ceiling else { return true }
        guard let age else { return false }
        return age <= ceiling
    }
}
