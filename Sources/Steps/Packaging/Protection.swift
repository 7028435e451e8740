import Encodings

/// A protection scheme of Common Encryption (ISO/IEC 23001-7, 10).
public enum ProtectionScheme: String, Sendable, Hashable, CaseIterable {
    /// AES-CBC over one block in ten of video and over whole blocks of audio, with one vector a track.
    case cbcs
    /// AES-CTR over all protected bytes, with a vector a sample.
    case cenc

    var code: StaticString { self == .cbcs ? "cbcs" : "cenc" }
}

/// How the way to a screen is protected: `HDCP-LEVEL` (RFC 8216bis, 4.4.6.2).
public enum OutputLevel: String, Sendable, Hashable, CaseIterable {
    case none = "NONE"
    /// HDCP 1.4 and its like.
    case type0 = "TYPE-0"
    /// HDCP 2.2 and its like, which content of type 1 needs.
    case type1 = "TYPE-1"
}

/// Names a content key: 16 bytes. The key itself never comes into this room.
public struct KeyID: Sendable, Hashable, CustomStringConvertible {
    public let bytes: [UInt8]

    /// - Precondition: 16 bytes.
    public init(bytes: [UInt8]) {
        precondition(bytes.count == 16, "a key id has 16 bytes, not \(bytes.count)")
        self.bytes = bytes
    }

    /// Reads 32 hexadecimal digits, with or without the hyphens of a UUID; nil for anything else.
    public init?(_ text: String) {
        let plain = text.utf8.count == 36
        if plain {
            for (index, byte) in text.utf8.enumerated() where [8, 13, 18, 23].contains(index) != (byte == 0x2D) {
                return nil
            }
        }
        var bytes: [UInt8] = []
        var high: UInt8?
        for byte in text.utf8 where !(plain && byte == 0x2D) {
            guard let value = Hex.value(ofDigit: byte) else { return nil }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        guard bytes.count == 16, high == nil else { return nil }
        self.bytes = bytes
    }

    /// 32 lower-case digits.
    public var hex: String { Hex.encode(bytes) }
    /// In the groups of a UUID.
    public var uuid: String {
        [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { Hex.encode(bytes[$0]) }.joined(separator: "-")
    }
    public var description: String { hex }
}

/// How a track is protected; not with what.
public struct TrackProtection: Sendable, Hashable {
    public let scheme: ProtectionScheme
    public let keyID: KeyID
    /// `cbcs`: the constant vector, 16 bytes. `cenc`: the first sample's, 8 bytes; each later sample's is one more.
    public let vector: [UInt8]
    /// What a screen must be joined with; nil for nothing said. Licences enforce it, playlists only tell.
    public let outputLevel: OutputLevel?
    /// What a key server said of its systems; others are then not signalled. Nil: all are, by the key's id.
    public let signalling: [ProtectionSystem: SystemSignalling]?

    /// - Precondition: the vector has the scheme's length.
    public init(
        scheme: ProtectionScheme, keyID: KeyID, vector: [UInt8], outputLevel: OutputLevel? = nil,
        signalling: [ProtectionSystem: SystemSignalling]? = nil
    ) {
        precondition(
            vector.count == (scheme == .cbcs ? 16 : 8), "a vector of \(vector.count) bytes for \(scheme.rawValue)")
        self.scheme = scheme
        self.keyID = keyID
        self.vector = vector
        self.outputLevel = outputLevel
        self.signalling = signalling
    }

    /// The systems that players are told of, in the order they are written.
    var systems: [ProtectionSystem] {
        ProtectionSystem.allCases.filter { signalling == nil || signalling?[$0] != nil }
    }

    /// Those with a `pssh`.
    var systemsInHeader: [ProtectionSystem] { systems.filter(ProtectionSystem.inHeader.contains) }

    /// Blocks of 16 bytes encrypted and left in each run of video (ISO/IEC 23001-7, 10.4.2).
    public static let encryptedBlocks = 1
    public static let skippedBlocks = 9

    /// The initialization vector of a sample, by its place in the track: 16 bytes, for `cenc` the counter block of
    /// its first protected byte.
    public func vector(ofSample place: Int) -> [UInt8] {
        scheme == .cbcs ? vector : sampleVector(place) + [UInt8](repeating: 0, count: 8)
    }

    private func sampleVector(_ place: Int) -> [UInt8] {
        let first = vector.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let value = first &+ UInt64(place)
        return (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * $0)) }
    }

    /// The `sinf` of a sample entry (ISO/IEC 23001-7, 4.1): original format, scheme and defaults.
    func writeInformation(originalFormat: StaticString, isVideo: Bool, into entry: inout BoxWriter) {
        entry.box("sinf") { sinf in
            sinf.box("frma") { $0.code(originalFormat) }
            sinf.fullBox("schm") { box in
                box.code(scheme.code)
                box.u32(0x0001_0000)
            }
            sinf.box("schi") { schi in
                schi.fullBox("tenc", version: scheme == .cbcs ? 1 : 0) { box in
                    box.u8(0)
                    // Audio is protected whole: no pattern (10.4.3).
                    box.u8(scheme == .cbcs && isVideo ? UInt8(Self.encryptedBlocks << 4 | Self.skippedBlocks) : 0)
                    box.u8(1)
                    box.u8(scheme == .cbcs ? 0 : 8)
                    box.raw(keyID.bytes)
                    if scheme == .cbcs {
                        box.u8(16)
                        box.raw(vector)
                    }
                }
            }
        }
    }

    /// Whether fragments say anything of their samples' encryption: audio under `cbcs` is all in the defaults.
    func describesSamples(isVideo: Bool) -> Bool { scheme == .cenc || isVideo }

    /// `saiz`, `saio` and `senc` (ISO/IEC 23001-7, 7).
    /// - Parameter moofStart: where the `moof` began in the writer: offsets count from there.
    func writeSampleInformation(
        _ run: TrackSamples.Run, moofStart: Int, into traf: inout BoxWriter
    ) {
        let vectorSize = scheme == .cenc ? 8 : 0
        let sizes = run.places.map { place in
            UInt8(vectorSize + (run.subsamples(of: place).map { 2 + 6 * $0.count } ?? 0))
        }
        let uniform = sizes.allSatisfy { $0 == sizes.first } ? sizes.first ?? 0 : 0
        traf.fullBox("saiz") { box in
            box.u8(uniform)
            box.u32(UInt32(sizes.count))
            if uniform == 0 { box.raw(sizes) }
        }
        var offsetPlace = 0
        traf.fullBox("saio") { box in
            box.u32(1)
            offsetPlace = box.bytes.count
            box.u32(0)
        }
        var first = 0
        traf.fullBox("senc", flags: run.hasSubsamples ? 2 : 0) { box in
            box.u32(UInt32(run.places.count))
            first = box.bytes.count
            for place in run.places {
                if scheme == .cenc { box.raw(sampleVector(place)) }
                guard let parts = run.subsamples(of: place) else { continue }
                box.u16(UInt16(parts.count))
                for part in parts {
                    box.u16(part.clear)
                    box.u32(part.protected)
                }
            }
        }
        traf.patch(UInt32(first - moofStart), at: offsetPlace)
    }
}

/// What is left clear and what is protected, one behind the other in a sample.
public struct Subsample: Sendable, Hashable {
    public var clear: UInt16
    public var protected: UInt32

    public init(clear: UInt16, protected: UInt32) {
        self.clear = clear
        self.protected = protected
    }
}

/// The subsamples of samples in a row, in one piece of memory.
public struct SubsampleTable: Sendable {
    private var ends: [UInt32] = []
    private var parts: [Subsample] = []

    public init() {}

    public var count: Int { ends.count }

    /// What a sample's auxiliary information of 255 bytes holds, beside a vector of eight.
    static let maximumParts = 40

    static func tooMany(_ parts: Int, sample: Int) -> PackagingError {
        PackagingError(
            .limitExceeded, "sample \(sample) has \(parts) subsamples; up to \(maximumParts) can be described")
    }

    /// - Throws: `limitExceeded` beyond what a sample's auxiliary information of 255 bytes holds.
    public mutating func append(_ sample: [Subsample]) throws(PackagingError) {
        guard sample.count <= SubsampleTable.maximumParts else {
            throw SubsampleTable.tooMany(sample.count, sample: ends.count + 1)
        }
        parts.append(contentsOf: sample)
        guard let end = UInt32(exactly: parts.count) else {
            throw PackagingError(.limitExceeded, "more than \(UInt32.max) subsamples in one track")
        }
        ends.append(end)
    }

    public subscript(place: Int) -> ArraySlice<Subsample> {
        parts[(place == 0 ? 0 : Int(ends[place - 1]))..<Int(ends[place])]
    }
}
