/// Gives single pictures of a film by their times, seeking to the keyframe before each. Times must not go backwards.
public final class PictureReader {
    private let demuxer: Demuxer
    private let decoder: Decoder
    private let info: StreamInfo
    private let packet: Packet
    /// The last picture not after the time asked for, and those decoded beyond it, in order of time.
    private var current: Frame?
    private var ahead: [Frame] = []
    private var isAtEnd = false
    private var awaitsKeyframe = false

    /// Pictures that nothing refers to are not decoded until this long before the time asked for, in seconds.
    private static let approach = 1.0

    /// Of the file's main video: see ``Demuxer/mainVideo``.
    /// - Throws: ``MediaError`` of kind `refused` where there is none.
    public convenience init(path: String, threads: Int) throws(MediaError) {
        let demuxer = try Demuxer(path: path)
        guard let info = demuxer.mainVideo else { throw MediaError(.refused, "\(path) holds no picture") }
        try self.init(demuxer, info, threads)
    }

    public convenience init(path: String, info: StreamInfo, threads: Int) throws(MediaError) {
        try self.init(try Demuxer(path: path), info, threads)
    }

    private init(_ demuxer: Demuxer, _ info: StreamInfo, _ threads: Int) throws(MediaError) {
        self.demuxer = demuxer
        demuxer.select(streams: [info.index])
        // What is cut off by a seek may look damaged; whether the film is, the encode tells.
        decoder = try Decoder(demuxer, stream: info, threads: threads, strictness: .concealing)
        self.info = info
        packet = try Packet()
    }

    /// Of the times that are asked for.
    public var timeBase: Rational { info.timeBase }

    /// The picture shown at a time (in the stream's time base): the last one not after it, or the very first. It belongs
    /// to the caller.
    /// - Throws: ``MediaError`` of kind `invalid` when nothing can be decoded there.
    public func picture(at time: Int64) throws(MediaError) -> Frame {
        if isWorthSeeking(to: time), try demuxer.seek(stream: info.index, to: time) {
            decoder.flush()
            current = nil
            ahead = []
            isAtEnd = false
            awaitsKeyframe = true
        }
        var lastError: MediaError?
        while !advance(to: time), !isAtEnd {
            let isDone = try !demuxer.read(into: packet)
            isAtEnd = isDone
            if !isDone, awaitsKeyframe {
                guard packet.isKeyframe else { continue }
                awaitsKeyframe = false
            }
            if let timestamp = packet.timestamp, !isDone {
                let distance = Double(time - timestamp) * info.timeBase.value
                decoder.setSkipsUnreferenced(distance > PictureReader.approach)
            }
            do throws(MediaError) {
                try decoder.decode(isDone ? nil : packet) { (frame: Frame) throws(MediaError) in
                    ahead.append(try frame.shared())
                }
            } catch {
                // Packets that refer to what was jumped over; after a good picture there are none.
                guard current == nil, ahead.isEmpty else { throw error }
                lastError = error
            }
        }
        if let current { return try current.shared() }
        if let first = ahead.first { return try first.shared() }
        throw lastError
            ?? MediaError(
                .invalid, "no picture can be decoded", stream: info.index,
                seconds: Double(time) * info.timeBase.value)
    }

    /// Moves on to the picture of a time; true when it is known to be the one.
    private func advance(to time: Int64) -> Bool {
        while let next = ahead.first, (next.timestamp ?? time) <= time {
            current = next
            ahead.removeFirst()
        }
        return !ahead.isEmpty
    }

    /// Decoding on is cheaper than a seek unless a keyframe lies between.
    private func isWorthSeeking(to time: Int64) -> Bool {
        guard let position = ahead.last?.timestamp ?? current?.timestamp else { return true }
        guard let keyframe = demuxer.indexedKeyframe(stream: info.index, before: time) else {
            return Double(time - position) * info.timeBase.value > 10
        }
        return keyframe > position
    }
}
