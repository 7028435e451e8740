/// A `sidx` (ISO/IEC 14496-12, 8.16.3): of a single-file track, one reference a segment, behind the header; in a segment
/// that is a file, one reference to it, by which readers that seek know where its fragments end. Its times are those
/// after the edit list, as the same section says.
struct SegmentIndex {
    let track: TrackDescription
    let segments: [Segment]
    /// Bytes of a segment in front of its first `moof`.
    var prefix = 0

    /// What it takes, whatever is in it.
    static func size(segments: Int) -> Int { 8 + 4 + 8 + 16 + 4 + 12 * segments }

    var bytes: [UInt8] {
        var file = BoxWriter(reserving: Self.size(segments: segments.count))
        file.fullBox("sidx", version: 1) { box in
            box.u32(1)
            box.u32(UInt32(track.timeScale))
            box.u64(UInt64(segments.first?.start ?? 0))
            box.u64(0)  // the first segment follows at once
            box.u16(0)
            box.u16(UInt16(segments.count))
            for segment in segments {
                box.u32(UInt32(segment.size - prefix))
                box.u32(UInt32(segment.duration))
                box.u32(0x9000_0000)  // starts with SAP type 1, at its first sample
            }
        }
        return file.bytes
    }

    /// Segments a `sidx` can list, and bytes a reference can count.
    static let maximumSegments = Int(UInt16.max)
    static let maximumSegmentSize = Int(Int32.max)
}
