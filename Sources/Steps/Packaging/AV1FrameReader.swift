/// Reads one uncompressed header of AV1 (AV1 Bitstream & Decoding Process Specification, 5.9.2). Functions follow the order of its syntax
/// tables; what is not named here only takes bits.
struct AV1FrameReader {
    private var bits: BitReader
    private let sequence: AV1SequenceHeader
    private var references: [AV1FrameHeaders.Reference]
    private let temporalLayer: Int
    private let spatialLayer: Int

    /// The frame as later ones see it, and in which of the eight places.
    private(set) var frame = AV1FrameHeaders.Reference()
    private(set) var refreshed = 0

    /// `frame_type`
    private enum Kind: Int { case key, inter, intraOnly, switching }

    private var kind = Kind.key
    private var isShown = true
    private var isShowable = false
    private var resistsErrors = true
    private var overridesSize = false
    private var hasPrimary = false
    private var primary = 0
    /// The places of the seven references of an inter frame.
    private var places = [Int](repeating: 0, count: 7)
    private var codedWidth = 0
    private var allowsBlockCopy = false
    private var hasScreenContentTools = false
    private var hasPreciseMotion = false
    private var baseQuantizer = 0
    private var hasQuantizerOffsets = false
    private var isSegmented = false
    private var isLossless = false
    private var tiles = AV1FrameHeaders.Tiles()

    private static let allPlaces = 255

    init(
        _ payload: UnsafeRawBufferPointer, _ sequence: AV1SequenceHeader, _ references: [AV1FrameHeaders.Reference],
        temporalLayer: Int, spatialLayer: Int
    ) {
        bits = BitReader(payload)
        self.sequence = sequence
        self.references = references
        self.temporalLayer = temporalLayer
        self.spatialLayer = spatialLayer
    }

    /// Whole bytes of the header, once it is read.
    var bytesRead: Int { bits.bytesRead }

    private var isIntra: Bool { kind == .key || kind == .intraOnly }
    private var planes: Int { sequence.isMonochrome ? 1 : 3 }

    /// How the frame is cut, with no columns where an earlier one is shown again; nil where the header cannot be read.
    mutating func read() -> AV1FrameHeaders.Tiles? {
        if !sequence.isReducedStill {
            if bits.bit() { return readShownAgain() }
            kind = Kind(rawValue: bits.bits(2)) ?? .key
            isShown = bits.bit()
            if isShown { skipPresentationTime() }
            isShowable = isShown ? kind != .key : bits.bit()
            resistsErrors = kind == .switching || kind == .key && isShown ? true : bits.bit()
        }
        if kind == .key, isShown { for index in references.indices { references[index].order = 0 } }
        let keepsStatistics = bits.bit()
        let integerMotion = readScreenContent()
        bits.skip(sequence.idBits)
        overridesSize = kind == .switching ? true : sequence.isReducedStill ? false : bits.bit()
        frame.order = bits.bits(sequence.orderBits)
        if !isIntra, !resistsErrors {
            primary = bits.bits(3)
            hasPrimary = primary != 7
        }
        skipRemovalTimes()
        refreshed = kind == .switching || kind == .key && isShown ? Self.allPlaces : bits.bits(8)
        if !isIntra || refreshed != Self.allPlaces, resistsErrors, sequence.orderBits > 0 {
            for index in references.indices { references[index].order = bits.bits(sequence.orderBits) }
        }
        if isIntra {
            readSize()
            skipRenderSize()
            if hasScreenContentTools, codedWidth == frame.width { allowsBlockCopy = bits.bit() }
        } else {
            readInter(integerMotion: integerMotion)
        }
        if !sequence.isReducedStill, !keepsStatistics { bits.skip(1) }
        guard frame.width > 0, frame.height > 0, readTileLayout() else { return nil }
        readQuantization()
        skipFilters()
        skipModes()
        skipFilmGrain()
        frame.isKey = kind == .key
        return bits.isExhausted ? nil : tiles
    }

    private mutating func readShownAgain() -> AV1FrameHeaders.Tiles? {
        frame = references[bits.bits(3)]
        skipPresentationTime()
        bits.skip(sequence.idBits)
        // A key frame that is shown later takes all places then.
        if frame.isKey { refreshed = Self.allPlaces }
        tiles.columns = 0
        return bits.isExhausted ? nil : tiles
    }

    private mutating func skipPresentationTime() {
        if sequence.hasDecoderModel, !sequence.hasEqualIntervals { bits.skip(sequence.presentationTimeBits) }
    }

    /// Whether motion vectors are whole pixels.
    private mutating func readScreenContent() -> Bool {
        hasScreenContentTools =
            sequence.screenContentTools == 2 ? bits.bit() : sequence.screenContentTools == 1
        guard hasScreenContentTools else { return false }
        return sequence.integerMotion == 2 ? bits.bit() : sequence.integerMotion == 1
    }

    private mutating func skipRemovalTimes() {
        guard sequence.hasDecoderModel, bits.bit() else { return }
        for point in sequence.operatingPoints where point.hasDecoderModel {
            let isIn = point.layers >> temporalLayer & 1 == 1 && point.layers >> (spatialLayer + 8) & 1 == 1
            if point.layers == 0 || isIn { bits.skip(sequence.removalTimeBits) }
        }
    }

    // MARK: Sizes

    private mutating func readSize() {
        frame.width = overridesSize ? bits.bits(sequence.widthBits) + 1 : sequence.width
        frame.height = overridesSize ? bits.bits(sequence.heightBits) + 1 : sequence.height
        readSuperResolution()
    }

    private mutating func readSuperResolution() {
        codedWidth = frame.width
        guard sequence.hasSuperResolution, bits.bit() else { return }
        let denominator = bits.bits(3) + 9
        codedWidth = (frame.width * 8 + denominator / 2) / denominator
    }

    private mutating func skipRenderSize() { if bits.bit() { bits.skip(32) } }

    private mutating func readInter(integerMotion: Bool) {
        let isShort = sequence.orderBits > 0 ? bits.bit() : false
        if isShort {
            let last = bits.bits(3)
            places = AV1ShortReferences.places(
                last: last, golden: bits.bits(3), order: frame.order, references.map(\.order), sequence.orderBits)
        }
        for index in places.indices {
            if !isShort { places[index] = bits.bits(3) }
            bits.skip(sequence.idDeltaBits)
        }
        var isFound = false
        if overridesSize, !resistsErrors {
            for place in places where !isFound {
                guard bits.bit() else { continue }
                isFound = true
                frame.width = references[place].width
                frame.height = references[place].height
            }
        }
        if isFound {
            readSuperResolution()
        } else {
            readSize()
            skipRenderSize()
        }
        hasPreciseMotion = integerMotion ? false : bits.bit()
        if !bits.bit() { bits.skip(2) }
        bits.skip(1)
        if !resistsErrors, sequence.hasReferenceMotion { bits.skip(1) }
    }

    // MARK: Tiles

    /// `tile_info` (5.9.15)
    private mutating func readTileLayout() -> Bool {
        let shift = sequence.usesLargeBlocks ? 5 : 4
        func blocks(_ pixels: Int) -> Int { (2 * ((pixels + 7) >> 3) + (1 << shift) - 1) >> shift }
        let columns = blocks(codedWidth)
        let rows = blocks(frame.height)
        let widest = 4096 >> (shift + 2)
        let largest = (4096 * 2304) >> (2 * (shift + 2))
        let leastColumnBits = Self.log2(widest, columns)
        let leastBits = max(leastColumnBits, Self.log2(largest, rows * columns))
        if bits.bit() {
            tiles.columnBits = uniform(from: leastColumnBits, upTo: Self.log2(1, min(columns, 64)))
            tiles.columns = Self.count(columns, bits: tiles.columnBits)
            tiles.rowBits = uniform(
                from: max(leastBits - tiles.columnBits, 0), upTo: Self.log2(1, min(rows, 64)))
            tiles.rows = Self.count(rows, bits: tiles.rowBits)
        } else {
            let (count, width) = spaced(columns, atMost: widest)
            tiles.columns = count
            tiles.columnBits = Self.log2(1, count)
            let area = leastBits > 0 ? (rows * columns) >> (leastBits + 1) : rows * columns
            tiles.rows = spaced(rows, atMost: max(area / max(width, 1), 1)).count
            tiles.rowBits = Self.log2(1, tiles.rows)
        }
        // 64 each way are the most that the format has (3, MAX_TILE_COLS).
        guard tiles.columns <= 64, tiles.rows <= 64, !bits.isExhausted else { return false }
        if tiles.columnBits + tiles.rowBits > 0 {
            bits.skip(tiles.columnBits + tiles.rowBits)
            tiles.sizeBytes = bits.bits(2) + 1
        }
        return true
    }

    private mutating func uniform(from least: Int, upTo most: Int) -> Int {
        var result = least
        while result < most, bits.bit() { result += 1 }
        return result
    }

    /// How many tiles a side has, and the longest.
    private mutating func spaced(_ side: Int, atMost most: Int) -> (count: Int, longest: Int) {
        var count = 0
        var longest = 0
        var start = 0
        while start < side, !bits.isExhausted {
            let length = bits.below(min(side - start, most)) + 1
            longest = max(longest, length)
            start += length
            count += 1
        }
        return (count, longest)
    }

    private static func count(_ side: Int, bits: Int) -> Int {
        let length = (side + (1 << bits) - 1) >> bits
        return (side + length - 1) / length
    }

    /// How often a size is doubled until it is as large as another.
    private static func log2(_ size: Int, _ target: Int) -> Int {
        var result = 0
        while size << result < target { result += 1 }
        return result
    }

    // MARK: Quantization

    /// Quantizers, segments and their offsets (5.9.12, 5.9.14, 5.9.17, 5.9.18).
    private mutating func readQuantization() {
        baseQuantizer = bits.bits(8)
        var hasDeltas = readDelta()
        if planes > 1 {
            let differs = sequence.separatesChroma ? bits.bit() : false
            for _ in 0..<(differs ? 4 : 2) where readDelta() { hasDeltas = true }
        }
        if bits.bit() { bits.skip(sequence.separatesChroma ? 12 : 8) }
        readSegmentation()
        if baseQuantizer > 0, bits.bit() {
            bits.skip(2)
            hasQuantizerOffsets = true
        }
        if hasQuantizerOffsets, !allowsBlockCopy, bits.bit() { bits.skip(3) }
        isLossless =
            !hasDeltas
            && frame.segmentation.quantizers.allSatisfy { offset in
                min(max(baseQuantizer + (isSegmented ? offset ?? 0 : 0), 0), 255) == 0
            }
    }

    /// `read_delta_q`: whether it is there and not 0.
    private mutating func readDelta() -> Bool { bits.bit() ? bits.bits(7) != 0 : false }

    private mutating func readSegmentation() {
        isSegmented = bits.bit()
        guard isSegmented else { return }
        if hasPrimary { frame.segmentation = references[places[primary]].segmentation }
        if hasPrimary {
            if bits.bit() { bits.skip(1) }
            if !bits.bit() { return }
        }
        for segment in 0..<8 {
            frame.segmentation.quantizers[segment] = bits.bit() ? bits.twosComplement(9) : nil
            for length in [7, 7, 7, 7, 3, 0, 0] where bits.bit() { bits.skip(length) }
        }
    }

    // MARK: What only takes bits

    /// Loop filter, directional enhancement and restoration (5.9.11, 5.9.19, 5.9.20).
    private mutating func skipFilters() {
        if !isLossless, !allowsBlockCopy {
            let isFiltered = bits.bits(12) != 0
            if planes > 1, isFiltered { bits.skip(12) }
            bits.skip(3)
            if bits.bit(), bits.bit() { for _ in 0..<10 where bits.bit() { bits.skip(7) } }
            if sequence.hasDirectionalEnhancement {
                bits.skip(2)
                bits.skip((1 << bits.bits(2)) * (planes > 1 ? 12 : 6))
            }
        }
        guard sequence.hasRestoration, !allowsBlockCopy, !(isLossless && codedWidth == frame.width) else { return }
        let types = (0..<planes).map { _ in bits.bits(2) }
        guard types.contains(where: { $0 != 0 }) else { return }
        if bits.bit(), !sequence.usesLargeBlocks { bits.skip(1) }
        if sequence.subsamplesX, sequence.subsamplesY, types.dropFirst().contains(where: { $0 != 0 }) { bits.skip(1) }
    }

    /// Transforms, references and motion (5.9.21 to 5.9.24).
    private mutating func skipModes() {
        if !isLossless { bits.skip(1) }
        let isCompound = isIntra ? false : bits.bit()
        if isCompound, allowsSkipMode { bits.skip(1) }
        if !isIntra, !resistsErrors, sequence.hasWarpedMotion { bits.skip(1) }
        bits.skip(1)
        if !isIntra { for _ in 0..<7 { skipGlobalMotion() } }
    }

    /// Whether two references lie on both sides of the frame or one behind the other before it (5.9.22).
    private var allowsSkipMode: Bool {
        guard sequence.orderBits > 0 else { return false }
        let orders = places.map { references[$0].order }
        func distance(_ one: Int, _ other: Int) -> Int {
            AV1ShortReferences.distance(one, other, sequence.orderBits)
        }
        var nearest: Int?
        for order in orders where distance(order, frame.order) < 0 {
            if let known = nearest, distance(order, known) <= 0 { continue }
            nearest = order
        }
        guard let nearest else { return false }
        return orders.contains { distance($0, frame.order) > 0 || distance($0, nearest) < 0 }
    }

    private mutating func skipGlobalMotion() {
        guard bits.bit() else { return }
        let rotates = bits.bit()
        let translates = rotates ? false : bits.bit()
        if !translates { for _ in 0..<(rotates ? 2 : 4) { skipParameter(bits: 12) } }
        for _ in 0..<2 { skipParameter(bits: translates ? (hasPreciseMotion ? 9 : 8) : 12) }
    }

    /// `decode_subexp` (5.9.28) of a number with a sign.
    private mutating func skipParameter(bits size: Int) {
        let symbols = (2 << size) + 1
        var index = 0
        var known = 0
        while true {
            let width = index > 0 ? index + 2 : 3
            if symbols <= known + (3 << width) {
                _ = bits.below(symbols - known)
                return
            }
            guard bits.bit() else { return bits.skip(width) }
            known += 1 << width
            index += 1
        }
    }

    /// `film_grain_params` (5.9.30)
    private mutating func skipFilmGrain() {
        guard sequence.hasFilmGrain, isShown || isShowable, bits.bit() else { return }
        bits.skip(16)
        if kind == .inter, !bits.bit() { return bits.skip(3) }
        let luma = bits.bits(4)
        bits.skip(16 * luma)
        let followsLuma = sequence.isMonochrome ? false : bits.bit()
        var blue = 0
        var red = 0
        if !sequence.isMonochrome, !followsLuma, !(sequence.subsamplesX && sequence.subsamplesY && luma == 0) {
            blue = bits.bits(4)
            bits.skip(16 * blue)
            red = bits.bits(4)
            bits.skip(16 * red)
        }
        bits.skip(2)
        let lag = bits.bits(2)
        let neighbours = 2 * lag * (lag + 1)
        if luma > 0 { bits.skip(8 * neighbours) }
        for points in [blue, red] where followsLuma || points > 0 {
            bits.skip(8 * (neighbours + (luma > 0 ? 1 : 0)))
        }
        bits.skip(4)
        for points in [blue, red] where points > 0 { bits.skip(25) }
        bits.skip(2)
    }
}
