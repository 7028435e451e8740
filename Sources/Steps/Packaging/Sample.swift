/// One coded frame of a track, as sample tables describe it (ISO/IEC 14496-12, 8.6). Times are in the track's time
/// scale.
public struct Sample: Sendable, Hashable {
    /// When it is decoded, on the presentation's time line: the first picture shown has presentation time zero, so
    /// what is decoded before it is shown, such as an encoder's priming, has negative times.
    public var decodeTime: Int64
    public var duration: UInt32
    /// Presentation time minus decode time.
    public var compositionOffset: Int32
    /// Bytes of coded data.
    public var size: UInt32
    /// Whether decoding can start here.
    public var isSync: Bool

    public init(decodeTime: Int64, duration: UInt32, compositionOffset: Int32 = 0, size: UInt32, isSync: Bool) {
        self.decodeTime = decodeTime
        self.duration = duration
        self.compositionOffset = compositionOffset
        self.size = size
        self.isSync = isSync
    }

    public var presentationTime: Int64 { decodeTime + Int64(compositionOffset) }
}
