/// A track's sample entry in `stsd` (ISO/IEC 14496-12, 12.1.3 and 12.2.3) with its codec's configuration.
struct SampleEntry {
    let track: TrackDescription
    let largestSample: Int
    let peakBitRate: Int
    let averageBitRate: Int

    /// - Parameter protection: makes it `encv` or `enca` with the original format in `sinf` (ISO/IEC 23001-7, 4).
    func write(into stsd: inout BoxWriter, protection: TrackProtection? = nil) {
        switch track.media {
        case .video(let video):
            stsd.box(protection == nil ? format : "encv") { entry in
                visualFields(video, &entry)
                configurationBox(&entry)
                if let dolbyVision = video.dolbyVision, track.supplementalCodecs != nil {
                    entry.box(dolbyVision.boxType) { $0.raw(dolbyVision.record) }
                }
                visualExtensions(video, &entry)
                protection?.writeInformation(originalFormat: format, isVideo: true, into: &entry)
            }
        case .audio(let audio):
            stsd.box(protection == nil ? format : "enca") { entry in
                audioFields(audio, &entry)
                configurationBox(&entry)
                protection?.writeInformation(originalFormat: format, isVideo: false, into: &entry)
            }
        }
    }

    private var format: StaticString {
        switch track.codec {
        case .avc: "avc1"
        case .hevc: "hvc1"
        case .av1: "av01"
        case .vp9: "vp09"
        case .aac: "mp4a"
        case .opus: "Opus"
        case .ac3: "ac-3"
        case .enhancedAC3: "ec-3"
        }
    }

    private func configurationBox(_ entry: inout BoxWriter) {
        switch track.codec {
        case .avc(let configuration): entry.box("avcC") { $0.raw(configuration.record) }
        case .hevc(let configuration): entry.box("hvcC") { $0.raw(configuration.record) }
        case .av1(let configuration): entry.box("av1C") { $0.raw(configuration.record) }
        case .vp9(let configuration): entry.fullBox("vpcC", version: 1) { $0.raw(configuration.record) }
        case .aac(let configuration): entry.fullBox("esds") { elementaryStream(configuration, &$0) }
        case .opus(let configuration): entry.box("dOps") { $0.raw(configuration.record) }
        case .ac3(let configuration): entry.box("dac3") { $0.raw(configuration.record) }
        case .enhancedAC3(let configuration): entry.box("dec3") { $0.raw(configuration.record) }
        }
    }

    private func visualFields(_ video: TrackDescription.Video, _ entry: inout BoxWriter) {
        entry.zeros(6)
        entry.u16(1)  // data reference index
        entry.zeros(16)
        entry.u16(UInt16(video.width))
        entry.u16(UInt16(video.height))
        entry.u32(0x0048_0000)  // 72 dpi both ways: the format's constant
        entry.u32(0x0048_0000)
        entry.zeros(4)
        entry.u16(1)  // frames a sample
        entry.zeros(32)  // compressor's name
        entry.u16(0x0018)
        entry.i16(-1)
    }

    private func audioFields(_ audio: TrackDescription.Audio, _ entry: inout BoxWriter) {
        entry.zeros(6)
        entry.u16(1)  // data reference index
        entry.zeros(8)
        entry.u16(UInt16(audio.channels))
        entry.u16(16)
        entry.zeros(4)
        // 16 bits of whole hertz: beyond them the codec's own record alone tells (12.2.3.2).
        entry.fixed16(UInt16(exactly: audio.sampleRate) ?? 0)
    }

    private func visualExtensions(_ video: TrackDescription.Video, _ entry: inout BoxWriter) {
        entry.box("pasp") { box in
            box.u32(UInt32(video.sampleAspectRatio.numerator))
            box.u32(UInt32(video.sampleAspectRatio.denominator))
        }
        if let color = track.color {
            entry.box("colr") { box in
                box.code("nclx")
                box.u16(UInt16(clamping: color.primaries))
                box.u16(UInt16(clamping: color.transfer))
                box.u16(UInt16(clamping: color.matrix))
                box.u8(color.isFullRange ? 0x80 : 0)
            }
        }
        let metadata = track.highDynamicRange
        if !metadata.masteringDisplay.isEmpty { entry.box("mdcv") { $0.raw(metadata.masteringDisplay) } }
        if !metadata.contentLight.isEmpty { entry.box("clli") { $0.raw(metadata.contentLight) } }
        entry.box("btrt") { box in
            box.u32(UInt32(clamping: largestSample))
            box.u32(UInt32(clamping: peakBitRate))
            box.u32(UInt32(clamping: averageBitRate))
        }
    }

    /// An ES_Descriptor (ISO/IEC 14496-1, 7.2.6.5; 14496-14, 3.1.2).
    private func elementaryStream(_ configuration: AACConfiguration, _ box: inout BoxWriter) {
        let specificSize = configuration.record.count
        let decoderSize = 13 + 2 + specificSize
        descriptor(0x03, size: 3 + (2 + decoderSize) + (2 + 1), &box)
        box.u16(0)  // ES_ID: zero in files
        box.u8(0)
        descriptor(0x04, size: decoderSize, &box)
        box.u8(0x40)  // ISO/IEC 14496-3
        box.u8(0x15)  // audio stream, upStream 0, reserved 1
        box.u24(UInt32(min(largestSample, 0xFF_FFFF)))
        box.u32(UInt32(clamping: peakBitRate))
        box.u32(UInt32(clamping: averageBitRate))
        descriptor(0x05, size: specificSize, &box)
        box.raw(configuration.record)
        descriptor(0x06, size: 1, &box)
        box.u8(0x02)  // predefined: MP4 file
    }

    private func descriptor(_ tag: UInt8, size: Int, _ box: inout BoxWriter) {
        // One byte of length holds 7 bits; an AudioSpecificConfig has at most 64 bytes.
        precondition(size < 128, "a descriptor of \(size) bytes")
        box.u8(tag)
        box.u8(UInt8(size))
    }
}
