/// Decides which bytes of a track's samples are protected. Decoders and players read headers of NAL units and slices,
/// or of frames, before anything is decrypted, so these stay clear (ISO/IEC 23001-7, 9.5; ISO/IEC 23000-19, 8.2).
public struct SubsampleLayout: Sendable {
    private enum Codec: Sendable {
        case avc(AVCSliceHeaders, lengthSize: Int)
        case hevc(HEVCSliceHeaders, lengthSize: Int)
        case vp9(VP9FrameHeaders)
        case av1(AV1FrameHeaders)
    }

    private var codec: Codec
    private let scheme: ProtectionScheme
    private var samples = 0

    /// Nil for tracks whose samples are protected whole: audio.
    public init?(_ track: TrackDescription, scheme: ProtectionScheme) {
        switch track.codec {
        case .avc(let configuration): codec = .avc(configuration.slices, lengthSize: configuration.lengthSize)
        case .hevc(let configuration): codec = .hevc(configuration.slices, lengthSize: configuration.lengthSize)
        case .vp9: codec = .vp9(VP9FrameHeaders())
        case .av1(let configuration): codec = .av1(AV1FrameHeaders(configuration: configuration.record.dropFirst(4)))
        case .aac, .opus, .ac3, .enhancedAC3: return nil
        }
        self.scheme = scheme
    }

    /// The next sample's subsamples, in decoding order; together they have the sample's size.
    /// - Throws: `samplesInvalid` where a header cannot be read: what cannot be told apart cannot be protected.
    public mutating func subsamples(of sample: UnsafeRawBufferPointer) throws(PackagingError) -> [Subsample] {
        samples += 1
        var parts = Parts(alignsBlocks: scheme == .cenc)
        let isRead: Bool
        switch codec {
        case .avc(var slices, let lengthSize):
            isRead = Self.forEachUnit(of: sample, lengthSize: lengthSize) { unit in
                guard let first = unit.first else { return 0 }
                switch first & 0x1F {
                case 1, 5: return slices.headerSize(unit)
                // Data partitions and coded slice extensions have headers that are not read here.
                case 2, 3, 4, 19, 20, 21: return nil
                case 7, 8:
                    slices.learn(unit)
                    return unit.count
                default: return unit.count
                }
            } take: {
                parts.add(clear: $0, protected: $1)
            }
            codec = .avc(slices, lengthSize: lengthSize)
        case .hevc(var slices, let lengthSize):
            isRead = Self.forEachUnit(of: sample, lengthSize: lengthSize) { unit in
                guard let first = unit.first else { return 0 }
                switch first >> 1 & 0x3F {
                case 0...31: return slices.headerSize(unit)
                case 33, 34:
                    slices.learn(unit)
                    return unit.count
                default: return unit.count
                }
            } take: {
                parts.add(clear: $0, protected: $1)
            }
            codec = .hevc(slices, lengthSize: lengthSize)
        case .vp9(var headers):
            isRead = headers.frames(of: sample) { parts.add(clear: $0, protected: $1) }
            codec = .vp9(headers)
        case .av1(var headers):
            isRead = headers.frames(of: sample) { clear, tile in
                parts.add(clear: clear)
                if let tile { parts.add(tile: tile) }
            }
            codec = .av1(headers)
        }
        guard isRead else {
            throw PackagingError(
                .samplesInvalid, "sample \(samples): the header of a picture cannot be read, so it cannot be protected")
        }
        return parts.finished()
    }

    /// Goes over NAL units behind their lengths. `clear` gives how much of a unit stays clear, nil where it is not
    /// known.
    private static func forEachUnit(
        of sample: UnsafeRawBufferPointer, lengthSize: Int, clear: (UnsafeRawBufferPointer) -> Int?,
        take: (Int, Int) -> Void
    ) -> Bool {
        var place = 0
        while place < sample.count {
            guard place + lengthSize <= sample.count else { return false }
            let length = sample[place..<place + lengthSize].reduce(0) { $0 << 8 | Int($1) }
            place += lengthSize
            guard length <= sample.count - place else { return false }
            let unit = UnsafeRawBufferPointer(rebasing: sample[place..<place + length])
            guard let head = clear(unit), head <= length else { return false }
            take(lengthSize + head, length - head)
            place += length
        }
        return true
    }
}

/// Puts subsamples together: what stays clear in a row is one, and a clear part is at most 16 bits long.
private struct Parts {
    private let alignsBlocks: Bool
    private var result: [Subsample] = []
    private var clear = 0

    init(alignsBlocks: Bool) { self.alignsBlocks = alignsBlocks }

    mutating func add(clear more: Int, protected: Int) {
        clear += more
        var protected = protected
        if alignsBlocks {
            // Whole blocks (ISO/IEC 23001-7, 9.5.2.2): what is over stays clear in front.
            clear += protected % 16
            protected -= protected % 16
        }
        guard protected > 0 else { return }
        flush(protected: protected)
    }

    mutating func add(clear more: Int) { clear += more }

    /// A tile of AV1, which is a subsample of its own: its whole blocks at the end are protected, under either scheme (AV1 Codec ISO
    /// Media File Format Binding, 4.2).
    mutating func add(tile size: Int) {
        clear += size % 16
        flush(protected: size - size % 16)
    }

    private mutating func flush(protected: Int) {
        while clear > Int(UInt16.max) {
            result.append(Subsample(clear: .max, protected: 0))
            clear -= Int(UInt16.max)
        }
        result.append(Subsample(clear: UInt16(clear), protected: UInt32(protected)))
        clear = 0
    }

    consuming func finished() -> [Subsample] {
        if clear > 0 { flush(protected: 0) }
        return result
    }
}
