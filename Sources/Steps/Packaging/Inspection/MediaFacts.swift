/// What a CMAF header says of its one track.
public struct HeaderFacts: Sendable {
    public private(set) var timeScale = 0
    /// `vide`, `soun`, ...
    public private(set) var handler = ""
    /// Nil for formats that are not known here.
    public private(set) var codecs: String?
    public private(set) var isEncrypted = false
    public private(set) var scheme: String?
    public private(set) var keyID: KeyID?
    /// What the edit list skips, in ticks.
    public private(set) var skippedTicks = 0
    var defaultDuration = 0
    var defaultFlags = 0

    /// - Throws: what a header must have and this one has not.
    public init(_ bytes: [UInt8], _ boxes: [Box]) throws(BoxError) {
        guard let moov = boxes.first(where: { $0.type == "moov" }) else {
            throw BoxError(offset: 0, message: "no 'moov'")
        }
        guard let trak = moov.first("trak") else {
            throw BoxError(offset: moov.offset, message: "'moov' has no 'trak'")
        }
        if let box = trak.descendant("mdia", "mdhd") {
            var fields = FieldReader(box.content(of: bytes))
            let version = fields.versionAndFlags().version
            _ = fields.raw(version == 1 ? 16 : 8)
            timeScale = fields.u32()
        }
        guard timeScale > 0 else { throw BoxError(offset: trak.offset, message: "the track has no time scale") }
        if let box = trak.descendant("mdia", "hdlr") {
            var fields = FieldReader(box.content(of: bytes))
            _ = fields.raw(8)
            handler = BoxTree.typeText(fields.raw(4)[...])
        }
        if let box = trak.descendant("edts", "elst") { skippedTicks = Self.skippedTicks(box.content(of: bytes)) }
        if let box = moov.descendant("mvex", "trex") {
            var fields = FieldReader(box.content(of: bytes))
            _ = fields.raw(12)
            defaultDuration = fields.u32()
            _ = fields.u32()
            defaultFlags = fields.u32()
        }
        guard let stsd = trak.descendant("mdia", "minf", "stbl", "stsd"), let entry = stsd.children.first else {
            throw BoxError(offset: trak.offset, message: "the track has no sample entry")
        }
        codecs = SampleEntryCodecs.text(entry, bytes)
        if let sinf = entry.first("sinf") {
            isEncrypted = true
            if let box = sinf.first("schm") {
                var fields = FieldReader(box.content(of: bytes))
                _ = fields.u32()
                scheme = BoxTree.typeText(fields.raw(4)[...])
            }
            if let box = sinf.descendant("schi", "tenc") {
                var fields = FieldReader(box.content(of: bytes))
                _ = fields.raw(8)
                let id = fields.raw(16)
                if id.count == 16 { keyID = KeyID(bytes: id) }
            }
        }
    }

    private static func skippedTicks(_ content: ArraySlice<UInt8>) -> Int {
        var fields = FieldReader(content)
        let version = fields.versionAndFlags().version
        let count = min(fields.u32(), 1024)
        for _ in 0..<count {
            _ = version == 1 ? fields.u64() : fields.u32()
            let time = version == 1 ? Int(Int64(bitPattern: fields.number(8))) : fields.i32()
            _ = fields.u32()
            if time > 0, !fields.isExhausted { return time }
        }
        return 0
    }
}

/// What a fragment says of its samples.
public struct FragmentFacts: Sendable {
    public private(set) var sequenceNumber = 0
    public private(set) var decodeTime: Int?
    /// In ticks, over all samples.
    public private(set) var duration = 0
    public private(set) var samples = 0
    public private(set) var startsWithSync = false
    public private(set) var isEncrypted = false
    /// Earliest presentation less the decoding time of the first sample, in ticks.
    public var firstOffset: Int { earliest ?? 0 }
    private var earliest: Int?
    public private(set) var payloadSize = 0

    /// - Throws: where the fragment contradicts itself.
    public init(_ moof: Box, _ bytes: [UInt8], header: HeaderFacts) throws(BoxError) {
        if let box = moof.first("mfhd") {
            var fields = FieldReader(box.content(of: bytes))
            _ = fields.u32()
            sequenceNumber = fields.u32()
        }
        guard let traf = moof.first("traf"), let tfhd = traf.first("tfhd") else {
            throw BoxError(offset: moof.offset, message: "'moof' has no 'traf' with a 'tfhd'")
        }
        var defaults = FieldReader(tfhd.content(of: bytes))
        let flags = defaults.versionAndFlags().flags
        _ = defaults.u32()
        if flags & 0x01 != 0 { _ = defaults.u64() }
        let entry = flags & 0x02 != 0 ? defaults.u32() : 1
        let length = flags & 0x08 != 0 ? defaults.u32() : header.defaultDuration
        let size = flags & 0x10 != 0 ? defaults.u32() : 0
        let sampleFlags = flags & 0x20 != 0 ? defaults.u32() : header.defaultFlags
        isEncrypted = header.isEncrypted && entry == 1
        if let box = traf.first("tfdt") {
            var fields = FieldReader(box.content(of: bytes))
            let version = fields.versionAndFlags().version
            decodeTime = version == 1 ? fields.u64() : fields.u32()
        }
        for box in traf.children where box.type == "trun" {
            try add(box, bytes, length: length, size: size, flags: sampleFlags)
        }
    }

    private mutating func add(
        _ trun: Box, _ bytes: [UInt8], length: Int, size: Int, flags defaults: Int
    ) throws(BoxError) {
        var fields = FieldReader(trun.content(of: bytes))
        let flags = fields.versionAndFlags().flags
        let count = fields.u32()
        let width = [0x100, 0x200, 0x400, 0x800].reduce(0) { $0 + (flags & $1 != 0 ? 4 : 0) }
        if flags & 0x01 != 0 { _ = fields.u32() }
        let first = flags & 0x04 != 0 ? fields.u32() : nil
        guard !fields.isExhausted, width == 0 || count <= fields.left / width else {
            throw BoxError(offset: trun.offset, message: "'trun' promises \(count) samples and ends early")
        }
        // Every sample of a fragment has a picture or a sound: more than a day of them is none.
        guard samples + count <= SampleIndex.maximumCount else {
            throw BoxError(offset: trun.offset, message: "a fragment of \(samples + count) samples")
        }
        guard count > 0 else { return }
        if width == 0 {
            if samples == 0 { startsWithSync = (first ?? defaults) & 0x1_0000 == 0 }
            earliest = min(earliest ?? duration, duration)
            duration += length * count
            payloadSize += size * count
            samples += count
            return
        }
        for index in 0..<count {
            let length = flags & 0x100 != 0 ? fields.u32() : length
            payloadSize += flags & 0x200 != 0 ? fields.u32() : size
            var own = flags & 0x400 != 0 ? fields.u32() : defaults
            if index == 0, let first { own = first }
            let offset = flags & 0x800 != 0 ? fields.i32() : 0
            if samples == 0 { startsWithSync = own & 0x1_0000 == 0 }
            earliest = min(earliest ?? duration + offset, duration + offset)
            duration += length
            samples += 1
        }
    }
}

/// The codecs parameter of a sample entry, by its bytes.
enum SampleEntryCodecs {
    static func text(_ entry: Box, _ bytes: [UInt8]) -> String? {
        var format = entry.type
        if let box = entry.descendant("sinf", "frma") {
            format = BoxTree.typeText(box.content(of: bytes).prefix(4))
        }
        func content(_ type: String) -> [UInt8]? { entry.first(type).map { Array($0.content(of: bytes)) } }
        do {
            switch format {
            case "avc1", "avc3":
                return try content("avcC").map { format + (try AVCConfiguration(record: $0).codecs.dropFirst(4)) }
            case "hvc1", "hev1":
                return try content("hvcC").map { format + (try HEVCConfiguration(record: $0).codecs.dropFirst(4)) }
            case "av01":
                let color = content("colr").flatMap(ColorDescription.init(nclx:))
                return try content("av1C").map { try AV1Configuration(record: $0).codecs(color: color) }
            case "vp09": return try content("vpcC").map { try VP9Configuration(record: Array($0.dropFirst(4))).codecs }
            case "mp4a": return try content("esds").flatMap(audioObject)
            case "Opus", "ac-3", "ec-3": return format
            default: return nil
            }
        } catch {
            return nil
        }
    }

    /// Finds the DecoderSpecificInfo in an ES_Descriptor.
    private static func audioObject(_ content: [UInt8]) throws(PackagingError) -> String? {
        var fields = FieldReader(content[...])
        _ = fields.u32()
        while fields.left > 2 {
            let tag = fields.u8()
            var size = 0
            var byte = 0x80
            for _ in 0..<4 where byte & 0x80 != 0 {
                byte = fields.u8()
                size = size << 7 | byte & 0x7F
            }
            switch tag {
            case 0x03: _ = fields.raw(3)
            case 0x04: _ = fields.raw(13)
            case 0x05: return try AACConfiguration(record: fields.raw(size)).codecs
            default: _ = fields.raw(size)
            }
        }
        return nil
    }
}

extension ColorDescription {
    /// The content of a `colr` box of kind `nclx`.
    init?(nclx content: [UInt8]) {
        guard content.count >= 11, content.starts(with: Array("nclx".utf8)) else { return nil }
        self.init(
            primaries: Int(content[4]) << 8 | Int(content[5]), transfer: Int(content[6]) << 8 | Int(content[7]),
            matrix: Int(content[8]) << 8 | Int(content[9]), isFullRange: content[10] & 0x80 != 0)
    }
}
