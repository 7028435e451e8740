/// Where a film begins: the first picture a decoder gives, which is not always the first the container lists (pictures
/// that refer to what was cut away in front are never shown).
public struct FirstPicture: Sendable, Hashable {
    /// In the stream's time base; nil when nothing can be decoded or it has none.
    public let timestamp: Int64?
    /// What it says of the film's grading, completed by what the container says.
    public let mastering: MasteringMetadata

    public init(of info: StreamInfo, path: String) throws(MediaError) {
        let demuxer = try Demuxer(path: path)
        demuxer.select(streams: [info.index])
        let decoder = try Decoder(demuxer, stream: info, threads: 1, strictness: demuxer.strictness)
        let packet = try Packet()
        var first: (timestamp: Int64?, mastering: MasteringMetadata)?
        let look = { (frame: Frame) throws(MediaError) in
            if first == nil { first = (frame.timestamp, frame.mastering) }
        }
        while decoder.frames == 0, try demuxer.read(into: packet) { try decoder.decode(packet, look) }
        if decoder.frames == 0 { try decoder.decode(nil, look) }
        timestamp = first?.timestamp
        mastering = (first?.mastering ?? .none).completed(by: info.mastering)
    }
}
