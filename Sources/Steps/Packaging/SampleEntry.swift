/// A track's sample entry in `stsd` (ISO/IEC 14496-12, 12.1.3 and 12.2.3) with its codec's configuration.
struct SampleEntry {
    let track: TrackDescription
    let largestSample: Int
    let peakBitRate: Int
    let averageBitRate: Int

    func write(into stsd: inout BoxWriter) {
        switch (track.codec, track.media) {
        case (.avc(let configuration), .video(let video)):
            stsd.box("avc1") { entry in
                visualFields(video, &entry)
                entry.box("avcC") { $0.raw(configuration.record) }
                visualExtensions(video, &entry)
            }
        case (.hevc(let configuration), .video(let video)):
            stsd.box("hvc1") { entry in
                visualFields(video, &entry)
                entry.box("hvcC") { $0.raw(configuration.record) }
                visualExtensions(video, &entry)
            }
        case (.aac(let configuration), .audio(let audio)):
            stsd.box("mp4a") { entry in
                entry.zeros(6)
                entry.u16(1)  // data reference index
                entry.zeros(8)
                entry.u16(UInt16(audio.channels))
                entry.u16(16)
                entry.zeros(4)
                // 16 bits of whole hertz: beyond them the AudioSpecificConfig alone tells (12.2.3.2).
                entry.fixed16(UInt16(exactly: audio.sampleRate) ?? 0)
                entry.fullBox("esds") { elementaryStream(configuration, &$0) }
            }
        case (.avc, .audio), (.hevc, .audio), (.aac, .video):
            preconditionFailure("a track description refuses a codec that is not of its kind")
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

    private func visualExtensions(_ video: TrackDescription.Video, _ entry: inout BoxWriter) {
        entry.box("pasp") { box in
            box.u32(UInt32(video.sampleAspectRatio.numerator))
            box.u32(UInt32(video.sampleAspectRatio.denominator))
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
