/// A linear model over titles, for catalogues whose square fits memory: EASE^R (Steck, "Embarrassingly Shallow
/// Autoencoders for Sparse Data", 2019). Scores are `x B` with
///
///     P = (X^T X + l 1)^-1,  B_ij = -P_ij / P_jj,  B_ii = 0
///
/// Memory: 4 bytes x titles^2, twice that while training. Time: titles^3 / 2 multiplications.
public struct LinearModel: Sendable {
    public let items: Int
    /// B, row by row: row i holds what having seen title i says of every other.
    public let weights: [Float]

    public init(items: Int, weights: [Float]) {
        precondition(weights.count == items * items, "Each pair of titles needs a weight.")
        self.items = items
        self.weights = weights
    }

    /// How often titles were seen together, the lower half: what training needs of the interactions. It serves for
    /// several regularisations.
    struct Pairs: Sendable {
        let items: Int
        /// ``items`` rounded up to whole tiles.
        let width: Int
        fileprivate var cells: [Float]

        init(_ evidence: InteractionMatrix, byItem: InteractionMatrix, threads: Threads) {
            items = evidence.columnCount
            let width = (items + 7) & ~7
            self.width = width
            cells = [Float](repeating: 0, count: width * width)
            let items = items
            cells.withUnsafeMutableBufferPointer { buffer in
                guard let address = buffer.baseAddress else { return }
                let cells = Cells(address)
                threads.forEachBlock(of: items, size: 16) { _, range in
                    for item in range {
                        let row = cells.base + item * width
                        for entry in byItem.entries(item) {
                            let weight = byItem.weights[entry]
                            for other in evidence.entries(Int(byItem.columns[entry])) {
                                let column = Int(evidence.columns[other])
                                if column > item { break }
                                row[column] += weight * evidence.weights[other]
                            }
                        }
                    }
                }
            }
        }
    }

    static func train(_ pairs: Pairs, regularization: Float, threads: Threads) -> LinearModel {
        var cells = pairs.cells
        let (n, width) = (pairs.items, pairs.width)
        for index in 0..<width { cells[index * width + index] += index < n ? regularization : 1 }
        invert(&cells, width: width, threads: threads)
        var weights = [Float](repeating: 0, count: n * n)
        weights.withUnsafeMutableBufferPointer { buffer in
            guard let address = buffer.baseAddress else { return }
            let out = Cells(address)
            let inverse = cells
            threads.forEachBlock(of: n, size: 64) { _, range in
                for i in range {
                    for j in 0..<n where j != i {
                        let value = j < i ? inverse[i * width + j] : inverse[j * width + i]
                        out.base[i * n + j] = -value / inverse[j * width + j]
                    }
                }
            }
        }
        return LinearModel(items: n, weights: weights)
    }

    /// Replaces a symmetric positive definite matrix, given by its lower half, by its inverse, in blocks by the
    /// symmetric sweep (Goodnight, "A Tutorial on the SWEEP Operator", 1979).
    static func invert(_ matrix: inout [Float], width: Int, threads: Threads) {
        precondition(width % 8 == 0, "The matrix comes in whole tiles.")
        let size = 64
        matrix.withUnsafeMutableBufferPointer { matrix in
            guard let address = matrix.baseAddress else { return }
            let cells = Cells(address)
            for start in stride(from: 0, to: width, by: size) {
                let count = min(size, width - start)
                // The block's columns, from both sides of the diagonal.
                var panel = [Float](repeating: 0, count: width * count)
                for row in 0..<width {
                    for k in 0..<count {
                        let column = start + k
                        panel[row * count + k] =
                            row >= column ? cells.base[row * width + column] : cells.base[column * width + row]
                    }
                }
                let inverse = invertSmall(panel[start * count..<(start + count) * count], count: count)
                let packed = Panels(panel, rows: width, width: count)
                let right = Panels(inverse, rows: count, width: count)
                let columns = panel
                threads.forEachBlock(of: width, size: 32) { _, range in
                    let products = Scratch(32 * count)
                    columns.withUnsafeBufferPointer { columns in
                        guard let from = columns.baseAddress else { return }
                        for row in stride(from: range.lowerBound, to: range.upperBound, by: 4) {
                            right.multiply(
                                four: from + row * count, to: products.base + (row - range.lowerBound) * count)
                        }
                    }
                    for row in stride(from: range.lowerBound, to: range.upperBound, by: 4) {
                        packed.subtract(
                            four: products.base + (row - range.lowerBound) * count,
                            from: cells.base + row * width, stride: width, panels: row / 8 + 1)
                    }
                    // What the tiles wrote into the block's own rows and columns is replaced.
                    for row in range {
                        let product = products.base + (row - range.lowerBound) * count
                        if row >= start, row < start + count {
                            for k in 0..<count {
                                cells.base[row * width + start + k] = -inverse[(row - start) * count + k]
                            }
                        } else if row >= start + count {
                            for k in 0..<count { cells.base[row * width + start + k] = product[k] }
                        }
                    }
                }
                // Rows of the block, left of it: the products of the columns above, turned.
                threads.forEachBlock(of: start, size: 32) { _, range in
                    let products = Scratch(32 * count)
                    columns.withUnsafeBufferPointer { columns in
                        guard let from = columns.baseAddress else { return }
                        for row in stride(from: range.lowerBound, to: range.upperBound, by: 4) {
                            right.multiply(
                                four: from + row * count, to: products.base + (row - range.lowerBound) * count)
                        }
                    }
                    for row in range {
                        for k in 0..<count {
                            cells.base[(start + k) * width + row] = products.base[(row - range.lowerBound) * count + k]
                        }
                    }
                }
            }
            threads.forEachBlock(of: width, size: 64) { _, range in
                for index in range.lowerBound * width..<range.upperBound * width {
                    cells.base[index] = -cells.base[index]
                }
            }
        }
    }

    /// The inverse of a small symmetric positive definite matrix, by Gauss and Jordan in double precision.
    private static func invertSmall(_ matrix: ArraySlice<Float>, count: Int) -> [Float] {
        var work = matrix.map(Double.init)
        for k in 0..<count {
            let pivot = work[k * count + k]
            precondition(pivot > 0, "A matrix with a positive penalty was not positive definite.")
            for j in 0..<count { work[k * count + j] /= pivot }
            work[k * count + k] = 1 / pivot
            for i in 0..<count where i != k {
                let factor = work[i * count + k]
                for j in 0..<count where j != k { work[i * count + j] -= factor * work[k * count + j] }
                work[i * count + k] = -factor / pivot
            }
        }
        return work.map(Float.init)
    }

    /// Adds the scores of all titles for a history.
    func addScores(_ evidence: History, to scores: UnsafeMutablePointer<Float>) {
        weights.withUnsafeBufferPointer { weights in
            guard let base = weights.baseAddress else { return }
            for (item, weight) in zip(evidence.items, evidence.weights) where Int(item) < items {
                DenseKernels.add(base + Int(item) * items, times: weight, count: items, to: scores)
            }
        }
    }
}

extension Panels {
    /// Subtracts the products of four vectors with the rows of the first panels.
    fileprivate func subtract(
        four x: UnsafePointer<Float>, from matrix: UnsafeMutablePointer<Float>, stride: Int, panels: Int
    ) {
        withCells { base in
            let vectors = (x, x + width, x + 2 * width, x + 3 * width)
            for panel in 0..<panels {
                let (a0, a1, a2, a3) = DenseKernels.tile(vectors, base + panel * 8 * width, depth: width)
                var to = matrix + panel * 8
                DenseKernels.store8(DenseKernels.load8(to) - a0, to)
                to += stride
                DenseKernels.store8(DenseKernels.load8(to) - a1, to)
                to += stride
                DenseKernels.store8(DenseKernels.load8(to) - a2, to)
                to += stride
                DenseKernels.store8(DenseKernels.load8(to) - a3, to)
            }
        }
    }
}
