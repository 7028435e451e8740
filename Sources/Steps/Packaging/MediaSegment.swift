/// A CMAF segment of one fragment (ISO/IEC 23000-19, 7.3.2): `styp`, `moof` and the head of `mdat`. The samples'
/// data follows it in decoding order, so that a segment is written without being held in memory.
struct MediaSegment {
    /// Counts from 1.
    let sequenceNumber: UInt32
    let samples: ArraySlice<Sample>
    /// The first sample's decoding time, in ticks of the track from zero.
    let baseMediaDecodeTime: UInt64

    private static let syncFlags: UInt32 = 0x0200_0000  // depends on no other sample
    private static let otherFlags: UInt32 = 0x0101_0000  // depends on others, is no sync sample

    var payloadSize: Int { samples.reduce(0) { $0 + Int($1.size) } }

    /// All up to the first sample's data.
    var header: [UInt8] {
        guard let first = samples.first else { preconditionFailure("a segment has samples") }
        let duration = samples.allSatisfy { $0.duration == first.duration } ? first.duration : nil
        let hasOffsets = samples.contains { $0.compositionOffset != 0 }
        let allSync = samples.allSatisfy(\.isSync)
        let onlyFirstSync = first.isSync && samples.dropFirst().allSatisfy { !$0.isSync }

        var file = BoxWriter(reserving: 128 + samples.count * 16)
        file.box("styp") { box in
            box.code("cmfs")
            box.u32(0)
            box.code("cmfs")
            box.code("cmff")
            box.code("msdh")
        }
        let moofStart = file.bytes.count
        var dataOffsetPlace = 0
        file.box("moof") { moof in
            moof.fullBox("mfhd") { $0.u32(sequenceNumber) }
            moof.box("traf") { traf in
                // default-base-is-moof, default flags, and the duration where all samples share it.
                traf.fullBox("tfhd", flags: 0x02_0000 | 0x20 | (duration == nil ? 0 : 0x08)) { box in
                    box.u32(1)
                    if let duration { box.u32(duration) }
                    box.u32(allSync ? Self.syncFlags : Self.otherFlags)
                }
                traf.fullBox("tfdt", version: 1) { $0.u64(baseMediaDecodeTime) }
                let flagsFirst = !allSync && onlyFirstSync
                let flagsEach = !allSync && !onlyFirstSync
                let flags: UInt32 =
                    0x01 | (flagsFirst ? 0x04 : 0) | (duration == nil ? 0x100 : 0) | 0x200 | (flagsEach ? 0x400 : 0)
                    | (hasOffsets ? 0x800 : 0)
                traf.fullBox("trun", version: 1, flags: flags) { box in
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
            }
        }
        let payload = payloadSize
        let large = payload + 8 > UInt32.max
        let moofSize = file.bytes.count - moofStart
        file.patch(UInt32(moofSize + (large ? 16 : 8)), at: dataOffsetPlace)
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
