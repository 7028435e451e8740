/// Where tiles lie in AV1 (AV1 Bitstream & Decoding Process Specification, 5.9 to 5.11): protection covers them alone (AV1 Codec ISO
/// Media File Format Binding, 4.2). Reads every frame header, since each depends on those before.
struct AV1FrameHeaders: Sendable, Hashable {
    /// What later frames need of a frame that is kept.
    struct Reference: Sendable, Hashable {
        var isKey = false
        /// Before super-resolution took from it.
        var width = 0
        var height = 0
        var order = 0
        var segmentation = AV1Segmentation()
    }

    /// How a frame is cut.
    struct Tiles: Sendable, Hashable {
        var columns = 1
        var rows = 1
        var columnBits = 0
        var rowBits = 0
        /// Of the field that says a tile's size.
        var sizeBytes = 0

        var count: Int { columns * rows }
    }

    private var sequence: AV1SequenceHeader?
    private var references = [Reference](repeating: Reference(), count: 8)
    /// The frame whose tiles are yet to come.
    private var open: Tiles?

    /// - Parameter configuration: the OBUs of the `av1C` record.
    init(configuration: some Collection<UInt8>) {
        // Those that cannot be read are missed by the first frame that needs them.
        _ = Array(configuration).withUnsafeBytes { bytes in frames(of: bytes) { _, _ in } }
    }

    /// Goes over a sample's OBUs, giving how much stays clear before each tile, and the tile's size; at the end, with a size of
    /// nil, what is left.
    /// - Returns: false where a header cannot be read.
    mutating func frames(of sample: UnsafeRawBufferPointer, take: (_ clear: Int, _ tile: Int?) -> Void) -> Bool {
        open = nil
        var place = 0
        var taken = 0
        while place < sample.count {
            guard let unit = Unit(sample, at: place) else { return false }
            let payload = UnsafeRawBufferPointer(rebasing: sample[unit.payload])
            switch unit.type {
            case 1:
                var bits = BitReader(payload)
                guard let header = AV1SequenceHeader(&bits) else { return false }
                sequence = header
            case 3, 6, 7:
                var header = 0
                // A frame header is repeated as it is until the frame's last tile.
                if unit.type == 6 || open == nil {
                    guard let size = readFrame(payload, unit) else { return false }
                    header = size
                }
                if unit.type == 6, !readTiles(payload, from: header, at: unit.payload.lowerBound, &taken, take) {
                    return false
                }
            case 4:
                guard readTiles(payload, from: 0, at: unit.payload.lowerBound, &taken, take) else { return false }
            case 8: return false
            default: break
            }
            place = unit.payload.upperBound
        }
        take(sample.count - taken, nil)
        return open == nil
    }

    /// An open bitstream unit (5.3).
    private struct Unit {
        let type: Int
        let temporalLayer: Int
        let spatialLayer: Int
        let payload: Range<Int>

        init?(_ sample: UnsafeRawBufferPointer, at start: Int) {
            let header = sample[start]
            guard header & 0x80 == 0 else { return nil }
            type = Int(header >> 3 & 15)
            var place = start + 1
            var layers: UInt8 = 0
            if header & 4 != 0 {
                guard place < sample.count else { return nil }
                layers = sample[place]
                place += 1
            }
            temporalLayer = Int(layers >> 5)
            spatialLayer = Int(layers >> 3 & 3)
            var size = sample.count - place
            if header & 2 != 0 {
                size = 0
                var shift = 0
                while true {
                    guard place < sample.count, shift < 56 else { return nil }
                    let byte = sample[place]
                    place += 1
                    size |= Int(byte & 0x7F) << shift
                    shift += 7
                    if byte & 0x80 == 0 { break }
                }
            }
            guard size <= sample.count - place else { return nil }
            payload = place..<place + size
        }
    }

    /// Reads a frame header; its size in whole bytes. Nil where it cannot be read.
    private mutating func readFrame(_ payload: UnsafeRawBufferPointer, _ unit: Unit) -> Int? {
        guard let sequence else { return nil }
        var reader = AV1FrameReader(
            payload, sequence, references, temporalLayer: unit.temporalLayer, spatialLayer: unit.spatialLayer)
        guard let tiles = reader.read() else { return nil }
        for slot in references.indices where reader.refreshed >> slot & 1 == 1 { references[slot] = reader.frame }
        open = tiles.count > 0 ? tiles : nil
        return reader.bytesRead
    }

    /// A tile group (5.11): each tile but the last behind its size.
    private mutating func readTiles(
        _ payload: UnsafeRawBufferPointer, from start: Int, at offset: Int, _ taken: inout Int,
        _ take: (Int, Int?) -> Void
    ) -> Bool {
        guard let tiles = open, start <= payload.count else { return false }
        var bits = BitReader(UnsafeRawBufferPointer(rebasing: payload[start...]))
        var first = 0
        var last = tiles.count - 1
        if tiles.count > 1, bits.bit() {
            first = bits.bits(tiles.columnBits + tiles.rowBits)
            last = bits.bits(tiles.columnBits + tiles.rowBits)
        }
        guard !bits.isExhausted, first <= last, last < tiles.count else { return false }
        var place = start + bits.bytesRead
        for tile in first...last {
            var size = payload.count - place
            if tile < last {
                guard tiles.sizeBytes <= size else { return false }
                size = 1 + (0..<tiles.sizeBytes).reduce(0) { $0 | Int(payload[place + $1]) << (8 * $1) }
                place += tiles.sizeBytes
            }
            guard size > 0, size <= payload.count - place else { return false }
            take(offset + place - taken, size)
            place += size
            taken = offset + place
        }
        if last == tiles.count - 1 { open = nil }
        return true
    }
}

/// The features of a frame's segments (5.9.14).
struct AV1Segmentation: Sendable, Hashable {
    /// What is added to the quantizer of each; nil where it keeps it.
    var quantizers: [Int?] = Array(repeating: nil, count: 8)
}
