/// Why bytes are no model that this version can use.
public struct ModelFileError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// Not a model at all, or not whole.
        case malformed = "Malformed"
        /// Written by a version that this one does not know.
        case unknownVersion = "UnknownVersion"
        /// The checksum is not that of the content.
        case damaged = "Damaged"
    }

    public let code: Code
    public let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}

/// The file of a model, little-endian throughout:
///
///     8  magic "SRRECMDL"
///     4  version of the format
///     8  length of the content
///     n  content: recipe, names, history, popularity, vectors, optional parts
///    32  SHA-256 of all before
///
/// The same model gives the same bytes. A reader refuses any version but its own, checks every length and number
/// before it uses it, and allocates nothing that the file's length doesn't cover.
public enum ModelFile {
    public static let version: UInt32 = 1
    /// No model is larger, in bytes.
    public static let limit = 16 << 30
    /// SHA-256 of bytes: the room has no cryptography of its own.
    public typealias Digest = (UnsafeRawBufferPointer) -> [UInt8]

    static let magic = Array("SRRECMDL".utf8)
    static let digestLength = 32

    public static func encode(_ model: Model, digest: Digest) -> [UInt8] {
        var content = ModelWriter()
        content.model(model)
        var file = ModelWriter()
        file.bytes.reserveCapacity(content.bytes.count + 64)
        file.bytes += magic
        file.integer(version)
        file.integer(UInt64(content.bytes.count))
        file.bytes += content.bytes
        let sum = file.bytes.withUnsafeBytes(digest)
        precondition(sum.count == digestLength, "SHA-256 has 32 bytes.")
        file.bytes += sum
        return file.bytes
    }

    public static func decode(
        _ bytes: [UInt8], digest: Digest, threads: Threads = .one
    ) throws(ModelFileError) -> Model {
        guard bytes.count >= 20 + digestLength, bytes.starts(with: magic) else {
            throw ModelFileError(.malformed, "this is no recommender model")
        }
        var header = ModelReader(bytes, from: 8, to: 20)
        let found = try header.integer(UInt32.self)
        guard found == version else {
            throw ModelFileError(
                .unknownVersion, "the model has format version \(found); this program reads version \(version)")
        }
        let length = try header.integer(UInt64.self)
        guard length == UInt64(bytes.count - 20 - digestLength) else {
            throw ModelFileError(
                .malformed,
                "the model should have \(length) bytes of content and has \(bytes.count - 20 - digestLength)")
        }
        let sum = bytes.withUnsafeBytes {
            digest(UnsafeRawBufferPointer(rebasing: $0[..<(bytes.count - digestLength)]))
        }
        guard bytes.suffix(digestLength).elementsEqual(sum) else {
            throw ModelFileError(.damaged, "the model's checksum is wrong: it was damaged after it was written")
        }
        var content = ModelReader(bytes, from: 20, to: bytes.count - digestLength)
        let model = try content.model(threads: threads)
        guard content.isAtEnd else { throw ModelFileError(.malformed, "the model has bytes after its end") }
        return model
    }
}

struct ModelWriter {
    var bytes: [UInt8] = []

    mutating func integer(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }

    mutating func float(_ value: Float) { integer(value.bitPattern) }

    mutating func floats(_ values: [Float]) {
        integer(UInt64(values.count))
        for value in values { integer(value.bitPattern) }
    }

    mutating func names(_ names: [String]) {
        integer(UInt64(names.count))
        for name in names {
            integer(UInt32(name.utf8.count))
            bytes += name.utf8
        }
    }

    mutating func matrix(_ matrix: InteractionMatrix) {
        integer(UInt64(matrix.rows))
        integer(UInt64(matrix.columnCount))
        for row in 0..<matrix.rows { integer(UInt32(matrix.entries(row).count)) }
        for column in matrix.columns { integer(column) }
        floats(matrix.weights)
    }

    mutating func model(_ model: Model) {
        let recipe = model.recipe
        integer(model.seed)
        integer(recipe.weighting.rawValue)
        float(model.weighting.scale)
        integer(UInt32(recipe.factors.dimensions))
        integer(UInt32(recipe.factors.epochs))
        float(recipe.factors.regularization)
        float(recipe.factors.unobservedWeight)
        integer(UInt32(recipe.factors.conjugateSteps))
        float(recipe.linearRegularization)
        integer(recipe.neighbours.measure.rawValue)
        float(recipe.neighbours.damping)
        integer(UInt32(recipe.neighbours.neighbours))
        integer((recipe.popularityHalfLife ?? 0).bitPattern)
        float(recipe.contentRegularization)
        float(recipe.contentEvidence)
        for share in [
            recipe.blend.factors, recipe.blend.linear, recipe.blend.neighbours, recipe.blend.popularity,
        ] { float(share) }
        names(model.users)
        names(model.items)
        matrix(model.history)
        floats(model.popularity)
        floats(model.factors.itemVectors)
        floats(model.titleVectors)
        integer(UInt8(model.linear == nil ? 0 : 1))
        if let linear = model.linear { floats(linear.weights) }
        integer(UInt8(model.neighbours == nil ? 0 : 1))
        if let neighbours = model.neighbours { matrix(neighbours.weights) }
        integer(UInt8(model.content == nil ? 0 : 1))
        if let content = model.content {
            names(content.space.names)
            floats(content.space.importance)
            floats(content.weights)
        }
    }
}

struct ModelReader {
    private let bytes: [UInt8]
    private var position: Int
    private let end: Int

    init(_ bytes: [UInt8], from: Int, to: Int) {
        self.bytes = bytes
        position = from
        end = to
    }

    var isAtEnd: Bool { position == end }

    /// Steps over that many bytes, if they are there.
    private mutating func take(_ count: UInt64, of size: Int = 1) throws(ModelFileError) -> Int {
        let (length, overflow) = count.multipliedReportingOverflow(by: UInt64(size))
        guard !overflow, length <= UInt64(end - position) else {
            throw ModelFileError(.malformed, "the model ends in the middle, after byte \(position)")
        }
        defer { position += Int(length) }
        return position
    }

    mutating func integer<Value: FixedWidthInteger>(_: Value.Type) throws(ModelFileError) -> Value {
        let at = try take(UInt64(MemoryLayout<Value>.size))
        return bytes.withUnsafeBytes { Value(littleEndian: $0.loadUnaligned(fromByteOffset: at, as: Value.self)) }
    }

    /// A finite number within bounds.
    mutating func float(
        _ what: String, _ range: ClosedRange<Float> = -.greatestFiniteMagnitude ... .greatestFiniteMagnitude
    ) throws(ModelFileError) -> Float {
        let value = Float(bitPattern: try integer(UInt32.self))
        guard range.contains(value) else { throw ModelFileError(.malformed, "\(what) is \(value)") }
        return value
    }

    mutating func count<Value: FixedWidthInteger>(
        _ what: String, _: Value.Type, _ range: ClosedRange<Int>
    ) throws(ModelFileError) -> Int {
        let value = try integer(Value.self)
        guard let count = Int(exactly: value), range.contains(count) else {
            throw ModelFileError(.malformed, "\(what) is \(value)")
        }
        return count
    }

    mutating func floats(_ what: String, count expected: Int) throws(ModelFileError) -> [Float] {
        let count = try integer(UInt64.self)
        guard count == UInt64(expected) else {
            throw ModelFileError(.malformed, "\(what) has \(count) numbers in place of \(expected)")
        }
        let at = try take(count, of: 4)
        let values = bytes.withUnsafeBytes { bytes in
            (0..<expected).map {
                Float(
                    bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at + $0 * 4, as: UInt32.self)))
            }
        }
        guard values.allSatisfy(\.isFinite) else {
            throw ModelFileError(.malformed, "\(what) has a number that is none")
        }
        return values
    }

    mutating func names(_ what: String) throws(ModelFileError) -> [String] {
        let count = try integer(UInt64.self)
        // Each has its length in front.
        guard count <= UInt64((end - position) / 4), count <= UInt64(Int32.max) else {
            throw ModelFileError(.malformed, "\(what) has \(count) names, more than the file can hold")
        }
        var names: [String] = []
        names.reserveCapacity(Int(count))
        for _ in 0..<count {
            let length = try integer(UInt32.self)
            let at = try take(UInt64(length))
            guard let name = String(validating: bytes[at..<at + Int(length)], as: UTF8.self) else {
                throw ModelFileError(.malformed, "\(what) has a name that is no UTF-8")
            }
            names.append(name)
        }
        return names
    }

    mutating func matrix(_ what: String, rows: Int, columns: Int) throws(ModelFileError) -> InteractionMatrix {
        let (foundRows, foundColumns) = (try integer(UInt64.self), try integer(UInt64.self))
        guard foundRows == UInt64(rows), foundColumns <= UInt64(columns) else {
            throw ModelFileError(.malformed, "\(what) has \(foundRows) rows and \(foundColumns) columns")
        }
        let lengths = try take(foundRows, of: 4)
        var starts = [0]
        starts.reserveCapacity(rows + 1)
        bytes.withUnsafeBytes { bytes in
            for row in 0..<rows {
                let length = UInt32(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: lengths + row * 4, as: UInt32.self))
                starts.append(starts[row] + Int(length))
            }
        }
        let at = try take(UInt64(starts[rows]), of: 4)
        let found = bytes.withUnsafeBytes { bytes in
            (0..<starts[rows]).map {
                Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: at + $0 * 4, as: Int32.self))
            }
        }
        for row in 0..<rows {
            var last: Int32 = -1
            for entry in starts[row]..<starts[row + 1] {
                guard found[entry] > last, found[entry] < Int32(foundColumns) else {
                    throw ModelFileError(.malformed, "\(what) has a column that is out of order or range")
                }
                last = found[entry]
            }
        }
        let weights = try floats(what, count: starts[rows])
        return InteractionMatrix(columnCount: Int(foundColumns), starts: starts, columns: found, weights: weights)
    }

    mutating func flag(_ what: String) throws(ModelFileError) -> Bool {
        try count(what, UInt8.self, 0...1) == 1
    }

    mutating func model(threads: Threads) throws(ModelFileError) -> Model {
        let positive = Float.leastNormalMagnitude ... .greatestFiniteMagnitude
        let notNegative: ClosedRange<Float> = 0 ... .greatestFiniteMagnitude
        let seed = try integer(UInt64.self)
        guard let kind = Weighting.Kind(rawValue: try integer(UInt8.self)) else {
            throw ModelFileError(.malformed, "the model weighs interactions in a way that is not known")
        }
        let scale = try float("the mean weight", positive)
        let dimensions = try count("the number of dimensions", UInt32.self, 8...512)
        guard dimensions % 8 == 0 else { throw ModelFileError(.malformed, "vectors have \(dimensions) elements") }
        let factorSettings = FactorSettings(
            dimensions: dimensions, epochs: try count("the number of epochs", UInt32.self, 1...10_000),
            regularization: try float("the regularization", positive),
            unobservedWeight: try float("the weight of what was not seen", positive),
            conjugateSteps: try count("the number of conjugate steps", UInt32.self, 0...1000))
        let linearRegularization = try float("the linear model's regularization", positive)
        guard let measure = NeighbourSettings.Measure(rawValue: try integer(UInt8.self)) else {
            throw ModelFileError(.malformed, "the model measures neighbours in a way that is not known")
        }
        let neighbourSettings = NeighbourSettings(
            measure: measure, damping: try float("the damping of neighbours", notNegative),
            neighbours: try count("the number of neighbours", UInt32.self, 1...10_000))
        let halfLife = Double(bitPattern: try integer(UInt64.self))
        guard halfLife >= 0, halfLife.isFinite else { throw ModelFileError(.malformed, "the half-life is \(halfLife)") }
        var recipe = Recipe(
            weighting: kind, factors: factorSettings, linearRegularization: linearRegularization,
            neighbours: neighbourSettings, popularityHalfLife: halfLife == 0 ? nil : halfLife,
            contentRegularization: try float("the features' regularization", positive),
            contentEvidence: try float("the features' evidence", notNegative))
        recipe.blend = Recipe.Blend(
            factors: try float("a share", notNegative), linear: try float("a share", notNegative),
            neighbours: try float("a share", notNegative), popularity: try float("a share", notNegative))
        let users = try names("the list of profiles")
        let items = try names("the list of titles")
        let history = try matrix("the history", rows: users.count, columns: items.count)
        let watched = history.columnCount
        let popularity = try floats("popularity", count: watched)
        let itemVectors = try floats("the factors", count: watched * dimensions)
        let titleVectors = try floats("the titles' vectors", count: items.count * dimensions)
        var linear: LinearModel?
        if try flag("whether there is a linear model") {
            linear = LinearModel(items: watched, weights: try floats("the linear model", count: watched * watched))
        }
        var neighbours: NeighbourModel?
        if try flag("whether there are neighbours") {
            neighbours = NeighbourModel(
                settings: neighbourSettings, weights: try matrix("the neighbours", rows: watched, columns: watched))
        }
        var content: ContentModel?
        if try flag("whether there are features") {
            let names = try names("the list of features")
            content = ContentModel(
                space: FeatureSpace(names: names, importance: try floats("the features", count: names.count)),
                dimensions: dimensions, weights: try floats("the features' vectors", count: names.count * dimensions))
        }
        return Model(
            recipe: recipe, weighting: Weighting(kind: kind, scale: scale), seed: seed, users: users, items: items,
            history: history, popularity: popularity,
            factors: FactorModel(
                settings: factorSettings, items: watched, itemVectors: itemVectors, threads: threads),
            linear: linear, neighbours: neighbours, content: content, titleVectors: titleVectors)
    }
}
