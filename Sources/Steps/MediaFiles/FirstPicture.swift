/// Where a film begins: the first picture a decoder gives, which is not always the first the container lists (pictures
/// that refer to what was cut away in front are never shown).
public enum FirstPicture {
    /// Its timestamp in the stream's time base; nil when nothing can be decoded or it has none.
    public static func timestamp(of info: StreamInfo, path: String) throws(MediaError) -> Int64? {
        let demuxer = try Demuxer(path: path)
        demuxer.select(streams: [info.index])
        let decoder = try Decoder(demuxer, stream: info, threads: 1, strictness: demuxer.strictness)
        let packet = try Packet()
        var first: Int64?
        while decoder.frames == 0, try demuxer.read(into: packet) {
            try decoder.decode(packet) { (frame: Frame) throws(MediaError) in first = first ?? frame.timestamp }
        }
        if decoder.frames == 0 {
            try decoder.decode(nil) { (frame: Frame) throws(MediaError) in first = first ?? frame.timestamp }
        }
        return first
    }
}
