/// A `moof` of one track and the head of its `mdat` (ISO/IEC 23000-19, 7.3.2). The samples' data follows in decoding
/// order, so that a segment is written without being held in memory.
struct MovieFragment {
    /// Counts from 1 over the track.
    let sequenceNumber: UInt32
    let run: TrackSamples.Run
    /// The first sample's decoding time, in ticks of the track from zero.
    let baseMediaDecodeTime: UInt64
    let isVideo: Bool
    /// Nil leaves the samples as they are.
    let protection: TrackProtection?
    /// The sample entry without protection, which stands second where there are two.
    let isClearLead: Bool

    private static let syncFlags: UInt32 = 0x0200_0000  // depends on no other sample
    private static let otherFlags: UInt32 = 0x0101_0000  // depends on others, is no sync sample

    /// The type box in front of a segment that is a file.
    static var segmentType: [UInt8] {
        var file = BoxWriter(reserving: 24)
        file.box("styp") { box in
            box.code("cmfs")
            box.u32(0)
            box.code("cmfs")
            box.code("cmff")
            box.code("msdh")
        }
        return file.bytes
    }

    /// All up to the first sample's data.
    var header: [UInt8] {
        let samples = run.samples
        guard let first = samples.first else { preconditionFailure("a fragment has samples") }
        let duration = samples.allSatisfy { $0.duration == first.duration } ? first.duration : nil
        let hasOffsets = samples.contains { $0.compositionOffset != 0 }
        let allSync = samples.allSatisfy(\.isSync)
        let onlyFirstSync = first.isSync && samples.dropFirst().allSatisfy { !$0.isSync }

        var file = BoxWriter(reserving: 128 + samples.count * 16)
        var dataOffsetPlace = 0
        file.box("moof") { moof in
            moof.fullBox("mfhd") { $0.u32(sequenceNumber) }
            moof.box("traf") { traf in
                // default-base-is-moof, default flags, and the duration where all samples share it.
                let flags: UInt32 = 0x02_0000 | 0x20 | (duration == nil ? 0 : 0x08) | (isClearLead ? 0x02 : 0)
                traf.fullBox("tfhd", flags: flags) { box in
                    box.u32(1)
                    if isClearLead { box.u32(2) }
                    if let duration { box.u32(duration) }
                    box.u32(allSync ? Self.syncFlags : Self.otherFlags)
                }
                traf.fullBox("tfdt", version: 1) { $0.u64(baseMediaDecodeTime) }
                let flagsFirst = !allSync && onlyFirstSync
                let flagsEach = !allSync && !onlyFirstSync && samples.contains(where: \.isSync)
                let runFlags: UInt32 =
                    0x01 | (flagsFirst ? 0x04 : 0) | (duration == nil ? 0x100 : 0) | 0x200 | (flagsEach ? 0x400 : 0)
                    | (hasOffsets ? 0x800 : 0)
                traf.fullBox("trun", version: 1, flags: runFlags) { box in
                    box.u32(UInt32(samples.count))
                    dataOffsetPlace = box.bytes.count
                    box.i32(0)
                    if flagsFirst { box.u32(Self.syncFlags) }
                    for sample in samples {
                        if duration == nil { box.u32(sample.duration) }
                        box.u32(sample.size)
                        if flagsEach { box.u32(sample.isSync ? Self.syncFlags : Self.otherFlags) }
                        if hasOffsets { box.i32(sample.compositionOffset) }
                    }
                }
                if let protection, protection.describesSamples(isVideo: isVideo) {
                    protection.writeSampleInformation(run, moofStart: 0, into: &traf)
                }
            }
        }
        let payload = run.payloadSize
        let large = payload + 8 > UInt32.max
        file.patch(UInt32(file.bytes.count + (large ? 16 : 8)), at: dataOffsetPlace)
        if large {
            file.u32(1)
            file.code("mdat")
            file.u64(UInt64(payload + 16))
        } else {
            file.u32(UInt32(payload + 8))
            file.code("mdat")
        }
        return file.bytes
    }
}
