/// What the first sample entry of an `stsd` box says (ISO/IEC 14496-12, 8.5.2): configurations and colours as the file
/// carries them.
public struct SampleDescription: Sendable {
    /// The entry's four characters.
    public let format: String
    public private(set) var color: ColorDescription?
    public private(set) var highDynamicRange = HighDynamicRangeMetadata()
    public private(set) var dolbyVision: DolbyVisionConfiguration?
    private let bytes: [UInt8]
    private let entry: Box

    /// - Parameter bytes: the whole box.
    /// - Throws: `codecConfigurationInvalid` where the bytes are no `stsd` with an entry.
    public init(box bytes: [UInt8]) throws(PackagingError) {
        let boxes: [Box]
        do {
            boxes = try BoxTree.read(bytes)
        } catch {
            throw PackagingError(.codecConfigurationInvalid, "the sample description is damaged: \(error)")
        }
        guard let entry = boxes.first?.children.first, boxes.first?.type == "stsd" else {
            throw PackagingError(.codecConfigurationInvalid, "the track has no sample description")
        }
        self.bytes = bytes
        self.entry = entry
        format = entry.type
        if let box = entry.first("colr") {
            var fields = FieldReader(box.content(of: bytes))
            let kind = fields.raw(4)
            // `nclc` is QuickTime's, without the range.
            if kind == Array("nclx".utf8) || kind == Array("nclc".utf8) {
                let color = ColorDescription(
                    primaries: fields.u16(), transfer: fields.u16(), matrix: fields.u16(),
                    isFullRange: kind.last == 0x78 && fields.u8() & 0x80 != 0)
                // Two says "unspecified" of each.
                if !fields.isExhausted, color.primaries != 2 || color.transfer != 2 { self.color = color }
            }
        }
        highDynamicRange = HighDynamicRangeMetadata(
            masteringDisplay: content("mdcv"), contentLight: content("clli"))
        dolbyVision = ["dvcC", "dvvC"].lazy.compactMap { entry.first($0) }.first
            .flatMap { DolbyVisionConfiguration(record: Array($0.content(of: bytes))) }
    }

    /// QuickTime has the boxes of a sound's codec in one of their own (QuickTime File Format, siDecompressionParam atom).
    private func content(_ type: String) -> [UInt8] {
        let box = entry.first(type) ?? entry.descendant("wave", type)
        return box.map { Array($0.content(of: bytes)) } ?? []
    }

    /// The codec's record, for those whose box is it.
    /// - Throws: `codecConfigurationInvalid` where it is missing or damaged.
    public func vp9() throws(PackagingError) -> VP9Configuration {
        try VP9Configuration(record: Array(try record("vpcC").dropFirst(4)))
    }

    public func opus() throws(PackagingError) -> OpusConfiguration { try OpusConfiguration(record: try record("dOps")) }
    public func ac3() throws(PackagingError) -> AC3Configuration { try AC3Configuration(record: try record("dac3")) }
    public func enhancedAC3() throws(PackagingError) -> EnhancedAC3Configuration {
        try EnhancedAC3Configuration(record: try record("dec3"))
    }

    private func record(_ type: String) throws(PackagingError) -> [UInt8] {
        let record = content(type)
        guard !record.isEmpty else {
            throw PackagingError(.codecConfigurationInvalid, "the sample entry '\(format)' has no '\(type)' box")
        }
        return record
    }
}
