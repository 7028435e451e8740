import SeededNumbers

/// How implicit alternating least squares trains.
public struct FactorSettings: Sendable, Hashable {
    /// Length of the vectors: a multiple of 8, 8...512.
    public var dimensions: Int
    /// Passes over all profiles and all titles.
    public var epochs: Int
    /// Penalty of long vectors, for each unit of evidence.
    public var regularization: Float
    /// Weight of what a profile has not seen, against 1 for what it has: 0.001...10.
    public var unobservedWeight: Float
    /// Steps of conjugate gradients for each vector in each epoch, from where the last one left it (Takács, Pilászy,
    /// Tikk 2011): their cost grows with the dimensions, that of an exact solution with their square. 0: exact.
    public var conjugateSteps: Int

    public init(
        dimensions: Int = 64, epochs: Int = 12, regularization: Float = 0.003, unobservedWeight: Float = 0.1,
        conjugateSteps: Int = 3
    ) {
        precondition(dimensions % 8 == 0 && (8...512).contains(dimensions), "Vectors have 8, 16, ... 512 elements.")
        precondition(epochs > 0 && regularization > 0 && unobservedWeight > 0, "iALS needs positive settings.")
        self.dimensions = dimensions
        self.epochs = epochs
        self.regularization = regularization
        self.unobservedWeight = unobservedWeight
        precondition(conjugateSteps >= 0, "There is no step before the first.")
        self.conjugateSteps = conjugateSteps
    }
}

/// Vectors of titles by implicit alternating least squares (Hu, Koren, Volinsky 2008) with the regularisation by
/// frequency of Rendle, Krichene, Zhang and Koren ("Revisiting the Performance of iALS on Item Recommendation
/// Benchmarks", 2021). It minimises over profiles u and titles i
///
///     sum over seen (u,i) of w_ui (x_u y_i - 1)^2  +  a sum over all (u,i) of (x_u y_i)^2
///       +  l ( sum over u of (W_u + a |I|) |x_u|^2 + sum over i of (W_i + a |U|) |y_i|^2 )
///
/// with `a` the ``FactorSettings/unobservedWeight``, `l` the ``FactorSettings/regularization`` and `W` the sum of the
/// weights w of a row. A profile's vector is the exact solution of its normal equations, by Cholesky, and follows from
/// its history and the titles' vectors, so only these are kept: a profile that training never saw gets the same vector
/// as one that it did.
///
/// Memory while training: 4 bytes x dimensions for each profile and title, and 4 x dimensions^2 for each thread.
public struct FactorModel: Sendable {
    public let settings: FactorSettings
    /// How many titles have a vector.
    public let items: Int
    /// The vectors of titles, one after another.
    public internal(set) var itemVectors: [Float]
    /// What all profiles' equations have in common: `a Y^T Y`.
    private let base: [Float]

    /// A model from vectors that were trained before.
    public init(settings: FactorSettings, items: Int, itemVectors: [Float], threads: Threads = .one) {
        precondition(itemVectors.count == items * settings.dimensions, "Each title needs a vector.")
        self.settings = settings
        self.items = items
        self.itemVectors = itemVectors
        base = Self.gram(itemVectors, settings: settings, threads: threads)
    }

    /// Trains on profiles x titles whose weights are all positive.
    ///
    /// - Parameters:
    ///   - seed: of the vectors that it starts from.
    ///   - isAbandoned: asked after every epoch; where it says so, the epochs that are left are not done.
    ///   - epochEnded: is told how many epochs are done.
    public static func train(
        _ evidence: InteractionMatrix, byItem: InteractionMatrix, settings: FactorSettings, seed: UInt64,
        threads: Threads, isAbandoned: () -> Bool = { false }, epochEnded: (Int) -> Void = { _ in }
    ) -> FactorModel {
        let d = settings.dimensions
        var random = SplitMix64(seed: seed)
        let deviation = 0.1 / Double(d).squareRoot()
        var items = [Float](unsafeUninitializedCapacity: evidence.columnCount * d) { buffer, count in
            for index in 0..<evidence.columnCount * d {
                buffer.initializeElement(at: index, to: Float(random.normal() * deviation))
            }
            count = evidence.columnCount * d
        }
        var users = [Float](repeating: 0, count: evidence.rows * d)
        for epoch in 1...settings.epochs {
            solve(evidence, against: items, settings: settings, threads: threads, into: &users)
            solve(byItem, against: users, settings: settings, threads: threads, into: &items)
            epochEnded(epoch)
            if isAbandoned() { break }
        }
        return FactorModel(
            settings: settings, items: evidence.columnCount, itemVectors: items, threads: threads)
    }

    /// One half of an epoch: the best vector of every row against the columns' vectors.
    private static func solve(
        _ matrix: InteractionMatrix, against vectors: [Float], settings: FactorSettings, threads: Threads,
        into solutions: inout [Float]
    ) {
        let base = gram(vectors, settings: settings, threads: threads)
        let d = settings.dimensions
        solutions.withUnsafeMutableBufferPointer { solutions in
            guard let address = solutions.baseAddress else { return }
            let cells = Cells(address)
            threads.forEachBlock(of: matrix.rows, size: 64) { _, rows in
                var equations = Equations(dimensions: d)
                for row in rows {
                    let entries = matrix.entries(row)
                    matrix.columns.withUnsafeBufferPointer { columns in
                        matrix.weights.withUnsafeBufferPointer { weights in
                            let columns = UnsafeBufferPointer(rebasing: columns[entries])
                            let weights = UnsafeBufferPointer(rebasing: weights[entries])
                            if settings.conjugateSteps > 0 {
                                equations.improve(
                                    columns: columns, weights: weights, vectors: vectors, base: base,
                                    columnCount: matrix.columnCount, settings: settings, cells.base + row * d)
                            } else {
                                equations.solve(
                                    columns: columns, weights: weights, vectors: vectors, base: base,
                                    columnCount: matrix.columnCount, settings: settings, into: cells.base + row * d)
                            }
                        }
                    }
                }
            }
        }
    }

    /// `a V^T V`, whole; blocks of rows are added in their order.
    private static func gram(_ vectors: [Float], settings: FactorSettings, threads: Threads) -> [Float] {
        let d = settings.dimensions
        let rows = vectors.count / d
        let size = 2048
        let blocks = max(1, (rows + size - 1) / size)
        var parts = [Float](repeating: 0, count: blocks * d * d)
        parts.withUnsafeMutableBufferPointer { parts in
            guard let address = parts.baseAddress else { return }
            let cells = Cells(address)
            threads.forEachBlock(of: rows, size: size) { block, range in
                vectors.withUnsafeBufferPointer { vectors in
                    guard let from = vectors.baseAddress else { return }
                    // 64 rows at a time stay in the first cache.
                    for start in stride(from: range.lowerBound, to: range.upperBound, by: 64) {
                        DenseKernels.addGram(
                            left: from + start * d, right: from + start * d, rows: min(64, range.upperBound - start),
                            width: d, to: cells.base + block * d * d)
                    }
                }
            }
        }
        var sum = [Float](parts[0..<d * d])
        for block in 1..<max(1, blocks) {
            for index in 0..<d * d { sum[index] += parts[block * d * d + index] }
        }
        for i in 0..<d {
            for j in i..<d {
                sum[i * d + j] *= settings.unobservedWeight
                sum[j * d + i] = sum[i * d + j]
            }
        }
        return sum
    }

    /// The vector of a profile with this evidence; zeros where there is none.
    public func fold(_ evidence: History) -> [Float] {
        var vector = [Float](repeating: 0, count: settings.dimensions)
        var equations = Equations(dimensions: settings.dimensions)
        vector.withUnsafeMutableBufferPointer { vector in
            if let base = vector.baseAddress { fold(evidence, equations: &equations, into: base) }
        }
        return vector
    }

    func fold(_ evidence: History, equations: inout Equations, into vector: UnsafeMutablePointer<Float>) {
        evidence.items.withUnsafeBufferPointer { columns in
            evidence.weights.withUnsafeBufferPointer { weights in
                equations.solve(
                    columns: columns, weights: weights, vectors: itemVectors, base: base, columnCount: items,
                    settings: settings, into: vector)
            }
        }
    }

    /// How much each title of a history adds to the score of a title with this vector: the score is their sum.
    func contributions(_ evidence: History, to target: [Float]) -> [Float] {
        let d = settings.dimensions
        var equations = Equations(dimensions: d)
        var solution = target
        solution.withUnsafeMutableBufferPointer { solution in
            guard let address = solution.baseAddress else { return }
            evidence.items.withUnsafeBufferPointer { columns in
                evidence.weights.withUnsafeBufferPointer { weights in
                    equations.factorize(
                        columns: columns, weights: weights, vectors: itemVectors, base: base, columnCount: items,
                        settings: settings)
                }
            }
            equations.applyInverse(to: address)
        }
        return solution.withUnsafeBufferPointer { solution in
            itemVectors.withUnsafeBufferPointer { vectors in
                guard let z = solution.baseAddress, let y = vectors.baseAddress else { return [] }
                return zip(evidence.items, evidence.weights).map { item, weight in
                    weight * DenseKernels.dot(y + Int(item) * d, z, count: d)
                }
            }
        }
    }
}

/// The normal equations of one row, and the memory to solve them in.
struct Equations: ~Copyable {
    private let dimensions: Int
    private let matrix: Scratch
    private let rows: Scratch
    private let weighted: Scratch
    private static let batch = 64

    init(dimensions: Int) {
        self.dimensions = dimensions
        matrix = Scratch(dimensions * dimensions)
        rows = Scratch(dimensions * Self.batch)
        weighted = Scratch(dimensions * Self.batch)
    }

    /// The solution of `(base + sum of w v v^T + l (W + a n) 1) x = sum of w v`.
    mutating func solve(
        columns: UnsafeBufferPointer<Int32>, weights: UnsafeBufferPointer<Float>, vectors: [Float], base: [Float],
        columnCount: Int, settings: FactorSettings, into x: UnsafeMutablePointer<Float>
    ) {
        for k in 0..<dimensions { x[k] = 0 }
        if columns.isEmpty { return }
        factorize(
            columns: columns, weights: weights, vectors: vectors, base: base, columnCount: columnCount,
            settings: settings, sum: x)
        applyInverse(to: x)
    }

    /// Brings x nearer to the solution by some steps of conjugate gradients.
    mutating func improve(
        columns: UnsafeBufferPointer<Int32>, weights: UnsafeBufferPointer<Float>, vectors: [Float], base: [Float],
        columnCount: Int, settings: FactorSettings, _ x: UnsafeMutablePointer<Float>
    ) {
        let d = dimensions
        if columns.isEmpty {
            for k in 0..<d { x[k] = 0 }
            return
        }
        var evidence: Float = 0
        for weight in weights { evidence += weight }
        let penalty = settings.regularization * (evidence + settings.unobservedWeight * Float(columnCount))
        let (residual, direction, image) = (rows.base, rows.base + d, rows.base + 2 * d)
        vectors.withUnsafeBufferPointer { vectors in
            base.withUnsafeBufferPointer { base in
                guard let vectors = vectors.baseAddress, let base = base.baseAddress else { return }
                // b - A x: what is seen should be 1.
                DenseKernels.multiplySymmetric(base, x, width: d, to: residual)
                for k in 0..<d { residual[k] = -residual[k] - penalty * x[k] }
                for (column, weight) in zip(columns, weights) {
                    let vector = vectors + Int(column) * d
                    let missing = 1 - DenseKernels.dot(vector, x, count: d)
                    DenseKernels.add(vector, times: weight * missing, count: d, to: residual)
                }
                direction.update(from: residual, count: d)
                var norm = DenseKernels.dot(residual, residual, count: d)
                for _ in 0..<settings.conjugateSteps {
                    if norm < 1e-20 { break }
                    DenseKernels.multiplySymmetric(base, direction, width: d, to: image)
                    DenseKernels.add(direction, times: penalty, count: d, to: image)
                    for (column, weight) in zip(columns, weights) {
                        let vector = vectors + Int(column) * d
                        let product = DenseKernels.dot(vector, direction, count: d)
                        DenseKernels.add(vector, times: weight * product, count: d, to: image)
                    }
                    let step = norm / DenseKernels.dot(direction, image, count: d)
                    DenseKernels.add(direction, times: step, count: d, to: x)
                    DenseKernels.add(image, times: -step, count: d, to: residual)
                    let next = DenseKernels.dot(residual, residual, count: d)
                    let turn = next / norm
                    for k in stride(from: 0, to: d, by: 8) {
                        let turned = DenseKernels.load8(residual + k) + DenseKernels.load8(direction + k) * turn
                        DenseKernels.store8(turned, direction + k)
                    }
                    norm = next
                }
            }
        }
    }

    func applyInverse(to x: UnsafeMutablePointer<Float>) {
        DenseKernels.solve(matrix.base, width: dimensions, x)
    }

    mutating func factorize(
        columns: UnsafeBufferPointer<Int32>, weights: UnsafeBufferPointer<Float>, vectors: [Float], base: [Float],
        columnCount: Int, settings: FactorSettings, sum: UnsafeMutablePointer<Float>? = nil
    ) {
        let d = dimensions
        base.withUnsafeBufferPointer { base in
            if let from = base.baseAddress { matrix.base.update(from: from, count: d * d) }
        }
        var evidence: Float = 0
        for weight in weights { evidence += weight }
        let penalty = settings.regularization * (evidence + settings.unobservedWeight * Float(columnCount))
        for k in 0..<d { matrix.base[k * d + k] += penalty }
        vectors.withUnsafeBufferPointer { vectors in
            guard let from = vectors.baseAddress else { return }
            for start in stride(from: 0, to: columns.count, by: Self.batch) {
                let count = min(Self.batch, columns.count - start)
                for row in 0..<count {
                    let vector = from + Int(columns[start + row]) * d
                    let weight = weights[start + row]
                    let (plain, scaled) = (rows.base + row * d, weighted.base + row * d)
                    for k in stride(from: 0, to: d, by: 8) {
                        let value = DenseKernels.load8(vector + k)
                        DenseKernels.store8(value, plain + k)
                        let product = value * weight
                        DenseKernels.store8(product, scaled + k)
                        if let sum { DenseKernels.store8(DenseKernels.load8(sum + k) + product, sum + k) }
                    }
                }
                DenseKernels.addGram(
                    left: weighted.base, right: rows.base, rows: count, width: d, to: matrix.base)
            }
        }
        guard DenseKernels.factor(matrix.base, width: d) else {
            preconditionFailure("Normal equations with a positive penalty were not positive definite.")
        }
    }
}
