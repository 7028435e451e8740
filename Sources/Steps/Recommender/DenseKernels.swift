/// The inner loops over dense matrices of floats, row by row. Widths are multiples of 8.
///
/// Products are written `a + x * y`: in a portable build `SIMD.addProduct` calls the C library once for each lane.
enum DenseKernels {
    @inline(__always)
    static func load8(_ base: UnsafePointer<Float>) -> SIMD8<Float> {
        UnsafeRawPointer(base).loadUnaligned(as: SIMD8<Float>.self)
    }

    @inline(__always)
    static func load4(_ base: UnsafePointer<Float>) -> SIMD4<Float> {
        UnsafeRawPointer(base).loadUnaligned(as: SIMD4<Float>.self)
    }

    @inline(__always)
    static func store8(_ value: SIMD8<Float>, _ base: UnsafeMutablePointer<Float>) {
        UnsafeMutableRawPointer(base).storeBytes(of: value, as: SIMD8<Float>.self)
    }

    /// `gram += left^T * right`, its upper half in whole tiles: what lies below the diagonal is not to be read.
    ///
    /// A tile of 4 by 8 stays in registers while all rows pass by; wider ones spill where registers have 16 bytes.
    static func addGram(
        left: UnsafePointer<Float>, right: UnsafePointer<Float>, rows: Int, width: Int,
        to gram: UnsafeMutablePointer<Float>
    ) {
        for i in stride(from: 0, to: width, by: 4) {
            let base = gram + i * width
            for j in stride(from: i & ~7, to: width, by: 8) {
                var (a0, a1) = (load8(base + j), load8(base + width + j))
                var (a2, a3) = (load8(base + 2 * width + j), load8(base + 3 * width + j))
                var (l, r) = (left + i, right + j)
                for _ in 0..<rows {
                    let b = load8(r)
                    let a = load4(l)
                    a0 = a0 + b * a[0]
                    a1 = a1 + b * a[1]
                    a2 = a2 + b * a[2]
                    a3 = a3 + b * a[3]
                    l += width
                    r += width
                }
                store8(a0, base + j)
                store8(a1, base + width + j)
                store8(a2, base + 2 * width + j)
                store8(a3, base + 3 * width + j)
            }
        }
    }

    /// Factors a symmetric positive definite matrix, given by its upper half, into `U^T U`; U takes its place.
    /// Diagonal elements become their inverse, which is what solving needs.
    ///
    /// - Returns: whether the matrix was positive definite.
    static func factor(_ matrix: UnsafeMutablePointer<Float>, width: Int) -> Bool {
        for k in stride(from: 0, to: width, by: 4) {
            for row in k..<k + 4 {
                let own = matrix + row * width
                for earlier in k..<row {
                    let other = matrix + earlier * width
                    let factor = other[row]
                    for j in stride(from: row & ~7, to: width, by: 8) {
                        store8(load8(own + j) - load8(other + j) * factor, own + j)
                    }
                }
                let pivot = own[row]
                guard pivot > 0, pivot.isFinite else { return false }
                let inverse = 1 / pivot.squareRoot()
                for j in stride(from: row & ~7, to: width, by: 8) { store8(load8(own + j) * inverse, own + j) }
            }
            // Four rows at a time: the rest of the matrix is read and written a quarter as often.
            let (r0, r1) = (matrix + k * width, matrix + (k + 1) * width)
            let (r2, r3) = (matrix + (k + 2) * width, matrix + (k + 3) * width)
            for row in k + 4..<max(width, k + 4) {
                let own = matrix + row * width
                let (f0, f1, f2, f3) = (r0[row], r1[row], r2[row], r3[row])
                for j in stride(from: row & ~7, to: width, by: 8) {
                    let near = load8(r0 + j) * f0 + load8(r1 + j) * f1
                    let far = load8(r2 + j) * f2 + load8(r3 + j) * f3
                    store8(load8(own + j) - (near + far), own + j)
                }
            }
        }
        for k in 0..<width { matrix[k * width + k] = 1 / matrix[k * width + k] }
        return true
    }

    /// Solves `U^T U x = x` in place, with what ``factor(_:width:)`` made.
    static func solve(_ factor: UnsafePointer<Float>, width: Int, _ x: UnsafeMutablePointer<Float>) {
        for k in 0..<width {
            let row = factor + k * width
            x[k] *= row[k]
            let value = x[k]
            let aligned = min(width, (k + 8) & ~7)
            for j in k + 1..<max(aligned, k + 1) { x[j] -= row[j] * value }
            for j in stride(from: aligned, to: width, by: 8) { store8(load8(x + j) - load8(row + j) * value, x + j) }
        }
        for k in stride(from: width - 1, through: 0, by: -1) {
            let row = factor + k * width
            let aligned = min(width, (k + 8) & ~7)
            var wide = SIMD8<Float>()
            for j in stride(from: aligned, to: width, by: 8) { wide = wide + load8(row + j) * load8(x + j) }
            var sum = x[k] - wide.sum()
            for j in k + 1..<max(aligned, k + 1) { sum -= row[j] * x[j] }
            x[k] = sum * row[k]
        }
    }

    /// `to += x * factor`, for any count.
    @inline(__always)
    static func add(
        _ x: UnsafePointer<Float>, times factor: Float, count: Int, to y: UnsafeMutablePointer<Float>
    ) {
        let whole = count & ~7
        for j in stride(from: 0, to: whole, by: 8) { store8(load8(y + j) + load8(x + j) * factor, y + j) }
        for j in whole..<count { y[j] += x[j] * factor }
    }

    /// The product of a symmetric matrix, given whole, and a vector.
    static func multiplySymmetric(
        _ matrix: UnsafePointer<Float>, _ x: UnsafePointer<Float>, width: Int, to y: UnsafeMutablePointer<Float>
    ) {
        for j in stride(from: 0, to: width, by: 8) {
            var (even, odd) = (SIMD8<Float>(), SIMD8<Float>())
            for i in stride(from: 0, to: width, by: 2) {
                even = even + load8(matrix + i * width + j) * x[i]
                odd = odd + load8(matrix + (i + 1) * width + j) * x[i + 1]
            }
            store8(even + odd, y + j)
        }
    }

    @inline(__always)
    static func dot(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int) -> Float {
        let whole = count & ~7
        var (wide, other) = (SIMD8<Float>(), SIMD8<Float>())
        for j in stride(from: 0, to: whole & ~15, by: 16) {
            wide = wide + load8(x + j) * load8(y + j)
            other = other + load8(x + j + 8) * load8(y + j + 8)
        }
        if whole & 8 != 0 { wide = wide + load8(x + (whole & ~15)) * load8(y + (whole & ~15)) }
        var sum = (wide + other).sum()
        for j in whole..<count { sum += x[j] * y[j] }
        return sum
    }

    /// The cosine of two rows of a matrix; 0 where one has no length.
    static func cosine(_ matrix: [Float], _ one: Int, _ other: Int, width: Int) -> Float {
        matrix.withUnsafeBufferPointer { matrix in
            guard let base = matrix.baseAddress else { return 0 }
            let (a, b) = (base + one * width, base + other * width)
            let norms = dot(a, a, count: width) * dot(b, b, count: width)
            return norms > 0 ? dot(a, b, count: width) / norms.squareRoot() : 0
        }
    }

    /// Four rows times one panel of eight columns, `depth` deep.
    @inline(__always)
    static func tile(
        _ rows: (UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>),
        _ panel: UnsafePointer<Float>, depth: Int
    ) -> (SIMD8<Float>, SIMD8<Float>, SIMD8<Float>, SIMD8<Float>) {
        var (a0, a1, a2, a3) = (SIMD8<Float>(), SIMD8<Float>(), SIMD8<Float>(), SIMD8<Float>())
        for k in 0..<depth {
            let b = load8(panel + k * 8)
            a0 = a0 + b * rows.0[k]
            a1 = a1 + b * rows.1[k]
            a2 = a2 + b * rows.2[k]
            a3 = a3 + b * rows.3[k]
        }
        return (a0, a1, a2, a3)
    }
}

/// Rows of equal width, packed in panels of eight so that eight rows are multiplied at a time; the last panel is
/// filled up with zeros.
struct Panels: Sendable {
    let rows: Int
    let width: Int
    private let cells: [Float]

    init(_ matrix: [Float], rows: Int, width: Int) {
        self.rows = rows
        self.width = width
        var cells = [Float](repeating: 0, count: (rows + 7) / 8 * 8 * width)
        for row in 0..<rows {
            let base = row / 8 * 8 * width + row % 8
            for k in 0..<width { cells[base + k * 8] = matrix[row * width + k] }
        }
        self.cells = cells
    }

    /// How long a row of products is: ``rows`` rounded up to whole panels.
    var productCount: Int { (rows + 7) / 8 * 8 }

    func withCells(_ body: (UnsafePointer<Float>) -> Void) {
        cells.withUnsafeBufferPointer { if let base = $0.baseAddress { body(base) } }
    }

    /// The products of four vectors with all rows, each to its own ``productCount`` floats.
    func multiply(
        four x: UnsafePointer<Float>, to products: UnsafeMutablePointer<Float>
    ) {
        let vectors = (x, x + width, x + 2 * width, x + 3 * width)
        let stride = productCount
        withCells { base in
            for panel in 0..<stride / 8 {
                let (a0, a1, a2, a3) = DenseKernels.tile(vectors, base + panel * 8 * width, depth: width)
                let to = products + panel * 8
                DenseKernels.store8(a0, to)
                DenseKernels.store8(a1, to + stride)
                DenseKernels.store8(a2, to + 2 * stride)
                DenseKernels.store8(a3, to + 3 * stride)
            }
        }
    }
}
