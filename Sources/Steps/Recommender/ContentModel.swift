/// What is known of a title before anybody has watched it.
public struct TitleDescription: Sendable, Hashable {
    public var title: String
    public var genres: [String]
    public var people: [String]
    public var year: Int?

    public init(title: String, genres: [String] = [], people: [String] = [], year: Int? = nil) {
        self.title = title
        self.genres = genres
        self.people = people
        self.year = year
    }
}

/// Features of titles as numbers, sparse.
public struct FeatureRow: Sendable, Hashable {
    var columns: [Int32]
    var weights: [Float]
}

/// Which features there are: genres, people, words of the title by TF-IDF, and years between marks five years apart.
/// It is made once, from the catalogue; what it does not know it leaves out.
public struct FeatureSpace: Sendable, Equatable {
    /// Names with their kind in front, in the order of their columns; column 0 is always on.
    public let names: [String]
    /// What an occurrence counts: 1, and for words the inverse document frequency.
    public let importance: [Float]
    private let columns: [String: Int32]

    /// At most that many words and people, the most frequent ones.
    public static let limit = 20_000

    public init(names: [String], importance: [Float]) {
        precondition(names.count == importance.count, "Each feature has an importance.")
        self.names = names
        self.importance = importance
        columns = Dictionary(names.enumerated().map { ($1, Int32($0)) }, uniquingKeysWith: { first, _ in first })
    }

    public init(_ titles: [TitleDescription]) {
        var counts: [String: Int] = [:]
        for title in titles { for name in Set(Self.labels(title)) { counts[name, default: 0] += 1 } }
        // Names in code unit order, so that columns are the same every time.
        let sorted = counts.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        let fixed = sorted.filter { $0.key.hasPrefix("genre:") || $0.key.hasPrefix("year:") }
        let open = sorted.filter { !($0.key.hasPrefix("genre:") || $0.key.hasPrefix("year:")) && $0.value > 1 }
            .sorted {
                $0.value == $1.value ? $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) : $0.value > $1.value
            }
        let kept = Array(fixed.prefix(Self.limit)) + Array(open.prefix(Self.limit))
        let total = Double(max(1, titles.count))
        let weights = kept.map { name, count in
            name.hasPrefix("word:") ? Float(Elementary.log2(1 + total / Double(count))) : 1
        }
        self.init(names: ["always"] + kept.map(\.key), importance: [1] + weights)
    }

    /// Every group of features has the length 1, words and people one half: genres and years say more.
    func row(_ title: TitleDescription) -> FeatureRow {
        var sums: [Int32: Float] = [0: 1]
        for (labels, length) in [
            (title.genres.map(Self.genre), Float(1)), (title.people.map(Self.person), 0.5),
            (Self.words(title.title), 0.5),
        ] {
            var group: [Int32: Float] = [:]
            for label in labels {
                if let column = columns[label] { group[column, default: 0] += importance[Int(column)] }
            }
            let square = group.sorted { $0.key < $1.key }.reduce(into: Float(0)) { $0 += $1.value * $1.value }
            if square > 0 { for (column, value) in group { sums[column] = value * length / square.squareRoot() } }
        }
        if let year = title.year {
            for (mark, share) in Self.marks(year) {
                if let column = columns["year:\(mark)"] { sums[column] = share }
            }
        }
        let sorted = sums.sorted { $0.key < $1.key }
        return FeatureRow(columns: sorted.map(\.key), weights: sorted.map(\.value))
    }

    private static func labels(_ title: TitleDescription) -> [String] {
        var labels = title.genres.map(genre) + title.people.map(person) + words(title.title)
        if let year = title.year { labels += marks(year).map { "year:\($0.mark)" } }
        return labels
    }

    private static func genre(_ name: String) -> String { "genre:" + name.lowercased() }
    private static func person(_ name: String) -> String { "person:" + name.lowercased() }

    /// Runs of letters and digits, in lower case.
    private static func words(_ text: String) -> [String] {
        text.lowercased().split { !$0.isLetter && !$0.isNumber }.map { "word:" + $0 }
    }

    /// The two marks that a year lies between, and its nearness to each.
    private static func marks(_ year: Int) -> [(mark: Int, share: Float)] {
        guard (1800...2200).contains(year) else { return [] }
        let mark = year / 5 * 5
        let rest = Float(year - mark) / 5
        if rest == 0 { return [(mark: mark, share: 1)] }
        return [(mark: mark, share: 1 - rest), (mark: mark + 5, share: rest)]
    }
}

/// From features to vectors, by ridge regression on the vectors of titles that were watched: so titles that nobody has
/// seen get vectors too.
public struct ContentModel: Sendable {
    public let space: FeatureSpace
    public let dimensions: Int
    /// A vector for each feature.
    public let weights: [Float]

    public init(space: FeatureSpace, dimensions: Int, weights: [Float]) {
        precondition(weights.count == space.names.count * dimensions, "Each feature needs a vector.")
        self.space = space
        self.dimensions = dimensions
        self.weights = weights
    }

    /// Minimises `sum over i of c_i |y_i - f_i W|^2 + l |W|^2` by conjugate gradients, all columns of W side by side.
    ///
    /// - Parameters:
    ///   - rows: features of the titles that have vectors.
    ///   - confidence: how much each title counts, 0...1.
    static func train(
        space: FeatureSpace, rows: [FeatureRow], vectors: [Float], dimensions d: Int, confidence: [Float],
        regularization: Float
    ) -> ContentModel {
        let size = space.names.count * d
        /// `F^T C F w + l w`
        func apply(_ w: [Float]) -> [Float] {
            var result = [Float](repeating: 0, count: size)
            var product = [Float](repeating: 0, count: d)
            for (index, row) in rows.enumerated() where confidence[index] > 0 {
                for k in 0..<d { product[k] = 0 }
                row.multiply(w, width: d, into: &product)
                row.scatter(product, times: confidence[index], width: d, into: &result)
            }
            result.withUnsafeMutableBufferPointer { result in
                w.withUnsafeBufferPointer { w in
                    guard let to = result.baseAddress, let from = w.baseAddress else { return }
                    DenseKernels.add(from, times: regularization, count: size, to: to)
                }
            }
            return result
        }
        func dots(_ a: [Float], _ b: [Float]) -> [Double] {
            var sums = [Double](repeating: 0, count: d)
            for start in stride(from: 0, to: size, by: d) {
                for k in 0..<d { sums[k] += Double(a[start + k]) * Double(b[start + k]) }
            }
            return sums
        }
        var weights = [Float](repeating: 0, count: size)
        var residual = [Float](repeating: 0, count: size)
        for (index, row) in rows.enumerated() where confidence[index] > 0 {
            row.scatter(
                Array(vectors[index * d..<(index + 1) * d]), times: confidence[index], width: d, into: &residual)
        }
        var direction = residual
        var norms = dots(residual, residual)
        let goal = norms.map { $0 * 1e-8 }
        for _ in 0..<60 {
            let image = apply(direction)
            let curvature = dots(direction, image)
            let steps = (0..<d).map { curvature[$0] > 0 ? Float(norms[$0] / curvature[$0]) : 0 }
            for start in stride(from: 0, to: size, by: d) {
                for k in 0..<d {
                    weights[start + k] += steps[k] * direction[start + k]
                    residual[start + k] -= steps[k] * image[start + k]
                }
            }
            let next = dots(residual, residual)
            if zip(next, goal).allSatisfy({ $0 <= $1 }) { break }
            let turns = (0..<d).map { norms[$0] > 0 ? Float(next[$0] / norms[$0]) : 0 }
            for start in stride(from: 0, to: size, by: d) {
                for k in 0..<d { direction[start + k] = residual[start + k] + turns[k] * direction[start + k] }
            }
            norms = next
        }
        return ContentModel(space: space, dimensions: d, weights: weights)
    }

    /// The vector of a title by its features alone.
    public func vector(_ title: TitleDescription) -> [Float] { vector(space.row(title)) }

    func vector(_ row: FeatureRow) -> [Float] {
        var vector = [Float](repeating: 0, count: dimensions)
        row.multiply(weights, width: dimensions, into: &vector)
        return vector
    }
}

extension FeatureRow {
    /// `into += self * matrix`
    fileprivate func multiply(_ matrix: [Float], width: Int, into: inout [Float]) {
        into.withUnsafeMutableBufferPointer { into in
            matrix.withUnsafeBufferPointer { matrix in
                guard let to = into.baseAddress, let from = matrix.baseAddress else { return }
                for (column, weight) in zip(columns, weights) {
                    DenseKernels.add(from + Int(column) * width, times: weight, count: width, to: to)
                }
            }
        }
    }

    /// `into += self^T * vector * factor`
    fileprivate func scatter(_ vector: [Float], times factor: Float, width: Int, into: inout [Float]) {
        into.withUnsafeMutableBufferPointer { into in
            vector.withUnsafeBufferPointer { vector in
                guard let to = into.baseAddress, let from = vector.baseAddress else { return }
                for (column, weight) in zip(columns, weights) {
                    DenseKernels.add(from, times: weight * factor, count: width, to: to + Int(column) * width)
                }
            }
        }
    }
}
