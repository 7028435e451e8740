/// What one profile did with one title, everything of the same pair added up.
public struct Interaction: Sendable, Hashable {
    /// Number of the profile.
    public var user: Int32
    /// Number of the title.
    public var item: Int32
    /// Unix seconds of the latest; 0 when unknown.
    public var time: Int64
    /// Evidence that the profile likes the title: 0 and less is none, but the title counts as seen.
    public var weight: Float

    public init(user: Int32, item: Int32, time: Int64, weight: Float) {
        self.user = user
        self.item = item
        self.time = time
        self.weight = weight
    }
}

/// Interactions by rows, compressed (CSR): row `r` has the entries `starts[r]..<starts[r + 1]`, columns ascending and
/// each once. Rows are profiles and columns titles, or the other way round.
///
/// Memory: 8 bytes for each entry and 8 for each row, and 8 more for each entry while times are kept.
public struct InteractionMatrix: Sendable, Equatable {
    public private(set) var rows: Int
    public private(set) var columnCount: Int
    public private(set) var starts: [Int]
    public private(set) var columns: [Int32]
    public private(set) var weights: [Float]
    /// Unix seconds for each entry; empty where nobody needs them.
    public private(set) var times: [Int64]

    /// Rows that are in order already; traps where they are not.
    public init(
        columnCount: Int, starts: [Int], columns: [Int32], weights: [Float], times: [Int64] = []
    ) {
        precondition(starts.first == 0 && starts.last == columns.count, "A matrix needs its rows' starts.")
        precondition(weights.count == columns.count, "Each entry needs a weight.")
        precondition(times.isEmpty || times.count == columns.count, "Each entry needs a time, or none does.")
        rows = starts.count - 1
        self.columnCount = columnCount
        self.starts = starts
        self.columns = columns
        self.weights = weights
        self.times = times
    }

    /// Profiles as rows, titles as columns. Of a pair that comes several times the weights are added and the latest
    /// time is kept.
    public init(_ interactions: [Interaction], users: Int, items: Int) {
        precondition(interactions.count <= Int(Int32.max), "Interactions are numbered with 32 bits.")
        var next = [Int](repeating: 0, count: users + 1)
        for one in interactions { next[Int(one.user) + 1] += 1 }
        for row in 0..<users { next[row + 1] += next[row] }
        let bounds = next
        // Numbers of interactions, by row in the order of the input.
        var order = [Int32](repeating: 0, count: interactions.count)
        for (index, one) in interactions.enumerated() {
            order[next[Int(one.user)]] = Int32(index)
            next[Int(one.user)] += 1
        }
        starts = [0]
        starts.reserveCapacity(users + 1)
        columns = []
        columns.reserveCapacity(interactions.count)
        weights = []
        weights.reserveCapacity(interactions.count)
        times = []
        times.reserveCapacity(interactions.count)
        for row in 0..<users {
            // The input's order decides among equal titles, so that sums come out the same every time.
            let row = order[bounds[row]..<bounds[row + 1]].sorted { left, right in
                let (a, b) = (interactions[Int(left)].item, interactions[Int(right)].item)
                return a == b ? left < right : a < b
            }
            let first = columns.count
            for index in row {
                let one = interactions[Int(index)]
                if columns.count > first, columns[columns.count - 1] == one.item {
                    weights[columns.count - 1] += one.weight
                    times[columns.count - 1] = max(times[columns.count - 1], one.time)
                } else {
                    columns.append(one.item)
                    weights.append(one.weight)
                    times.append(one.time)
                }
            }
            starts.append(columns.count)
        }
        rows = users
        columnCount = items
    }

    public var count: Int { columns.count }

    /// Where a row's entries are.
    public func entries(_ row: Int) -> Range<Int> { starts[row]..<starts[row + 1] }

    /// Columns and weights of a row.
    public func row(_ row: Int) -> History {
        History(items: Array(columns[entries(row)]), weights: Array(weights[entries(row)]))
    }

    /// Columns become rows; times stay behind.
    public func transposed() -> InteractionMatrix {
        var next = [Int](repeating: 0, count: columnCount + 1)
        for column in columns { next[Int(column) + 1] += 1 }
        for column in 0..<columnCount { next[column + 1] += next[column] }
        let bounds = next
        var turned = [Int32](repeating: 0, count: count)
        var turnedWeights = [Float](repeating: 0, count: count)
        for row in 0..<rows {
            for entry in entries(row) {
                let column = Int(columns[entry])
                turned[next[column]] = Int32(row)
                turnedWeights[next[column]] = weights[entry]
                next[column] += 1
            }
        }
        return InteractionMatrix(columnCount: rows, starts: bounds, columns: turned, weights: turnedWeights)
    }

    /// The rows of a selection, in its order, with the entries that `keep` admits and the weight it gives them.
    func selecting(_ selection: [Int], keep: (_ row: Int, _ entry: Int) -> Float?) -> InteractionMatrix {
        var starts = [0]
        var columns: [Int32] = []
        var weights: [Float] = []
        var times: [Int64] = []
        for row in selection {
            for entry in entries(row) {
                guard let weight = keep(row, entry) else { continue }
                columns.append(self.columns[entry])
                weights.append(weight)
                if !self.times.isEmpty { times.append(self.times[entry]) }
            }
            starts.append(columns.count)
        }
        return InteractionMatrix(
            columnCount: columnCount, starts: starts, columns: columns, weights: weights, times: times)
    }

    /// Keeps the entries with evidence and gives each the weight with which it trains.
    func evidence(_ weighting: Weighting) -> InteractionMatrix {
        selecting(Array(0..<rows)) { _, entry in
            weights[entry] > 0 ? weighting.weight(weights[entry]) : nil
        }
    }

    /// Without times.
    func timeless() -> InteractionMatrix {
        var copy = self
        copy.times = []
        return copy
    }

    /// With more columns, which are empty.
    func widened(to columns: Int) -> InteractionMatrix {
        precondition(columns >= columnCount, "A matrix gains columns only.")
        var copy = self
        copy.columnCount = columns
        return copy
    }
}

/// What a profile has seen: numbers of titles, and the evidence for each.
public struct History: Sendable, Hashable {
    public var items: [Int32]
    public var weights: [Float]

    public init(items: [Int32], weights: [Float]) {
        precondition(items.count == weights.count, "Each title needs a weight.")
        self.items = items
        self.weights = weights
    }
}

/// What an interaction's weight means to training.
public struct Weighting: Sendable, Hashable {
    public enum Kind: UInt8, Sendable, CaseIterable {
        /// Every title that was liked counts the same.
        case binary = 0
        /// In proportion, with a mean of 1.
        case linear = 1
        /// By its logarithm, with a mean near 1.
        case logarithmic = 2
    }

    public var kind: Kind
    /// The mean of all positive weights that it was made for.
    public var scale: Float

    public init(kind: Kind, scale: Float) {
        precondition(scale > 0, "A mean of positive weights is positive.")
        self.kind = kind
        self.scale = scale
    }

    func weight(_ raw: Float) -> Float {
        switch kind {
        case .binary: 1
        case .linear: min(raw / scale, 100)
        case .logarithmic: Float(Elementary.log2(1 + Double(raw / scale)))
        }
    }
}
