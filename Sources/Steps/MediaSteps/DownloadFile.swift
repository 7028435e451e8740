import JSON
import MediaFiles
import StepContracts

/// A film as one file: pictures and sound of renditions, packet by packet, in a progressive MP4.
enum DownloadFile {
    static let name = "download.mp4"

    /// Writes it into a folder, of the largest pictures in H.264 and the first sound there is.
    /// - Parameters:
    ///   - path: where a rendition's file lies.
    ///   - continues: asked every few hundred packets, with the film's time in seconds.
    /// - Returns: the member `download` of a step's output.
    static func write(
        _ renditions: [JSON], directory: String, path: (JSON) throws(StepFailure) -> String,
        continues: (_ mediaSeconds: Double) -> Bool
    ) throws(StepFailure) -> JSON {
        func first(_ kind: String, _ isTaken: (JSON) -> Bool) -> JSON? {
            renditions.first { $0["kind"]?.stringValue == kind && isTaken($0) }
        }
        guard let pictures = first("video", { $0["codec"]?.stringValue == VideoCodec.h264.rawValue }) else {
            throw .parametersInvalid("a download needs a rendition in H.264")
        }
        var paths = [try path(pictures)]
        if let sound = first("audio", { ($0["channels"]?.integerValue ?? 2) <= 2 }) { paths.append(try path(sound)) }
        do throws(MediaError) {
            try join(paths, to: "\(directory)/\(name)", continues)
        } catch {
            throw error == .stopped ? .stopped : StepFailure(error).concerning("the download")
        }
        return ["file": .string(name)]
    }

    private static func join(
        _ paths: [String], to target: String, _ continues: (Double) -> Bool
    ) throws(MediaError) {
        var sources: [(reader: PacketReader, packet: Packet, isLeft: Bool)] = []
        for path in paths {
            let reader = try PacketReader(path: path)
            guard reader.streams.count == 1 else {
                throw MediaError(.invalid, "a rendition has \(reader.streams.count) tracks, not one")
            }
            reader.select(stream: 0)
            let packet = try Packet()
            sources.append((reader, packet, try reader.read(into: packet)))
        }
        let muxer = try Muxer(path: target, copying: sources.map { ($0.reader, 0) })
        var count = 0
        while true {
            // In order of decoding, as a player wants to read them.
            var next: (track: Int, seconds: Double)?
            for (track, source) in sources.enumerated() where source.isLeft {
                let time = source.packet.decodingTimestamp ?? source.packet.timestamp ?? 0
                let seconds = Double(time) * source.reader.streams[0].timeBase.value
                if next.map({ seconds < $0.seconds }) ?? true { next = (track, seconds) }
            }
            guard let next else { break }
            try muxer.write(sources[next.track].packet, track: next.track)
            sources[next.track].isLeft = try sources[next.track].reader.read(into: sources[next.track].packet)
            count += 1
            if count % 256 == 0, !continues(next.seconds) { throw .stopped }
        }
        try muxer.finish()
    }
}
