/// Looks at a film's keyframes, a few a second at most, for stretches in which there is nothing to see.
public struct PictureSampling: Sendable, Hashable {
    /// A stretch of the film, in seconds from its first picture; its ends are as exact as keyframes are dense.
    public struct Stretch: Sendable, Hashable {
        public let start: Double
        public let end: Double

        public init(start: Double, end: Double) {
            self.start = start
            self.end = end
        }
    }

    public private(set) var black: [Stretch] = []
    public private(set) var frozen: [Stretch] = []

    /// Shorter stretches are part of telling a story.
    public static let shortest = 2.0
    /// Keyframes looked at of the whole film, and at most so many a second.
    private static let pictures = 1500
    private static let perSecond = 2.0
    private static let (width, height) = (64, 36)
    /// Luma up to which a sample is black, in full range, and how many may be brighter.
    private static let blackLuma = 26
    private static let brightShare = 0.02
    /// Mean difference of luma between pictures that are the same but for the encoder's noise.
    private static let sameLuma = 0.3

    /// - Parameter continues: asked for every picture with its time in seconds; false ends the reading with nil.
    public init?(
        _ video: FileInspection.Video, path: String, continues: (_ mediaSeconds: Double) -> Bool
    ) throws(MediaError) {
        let info = video.info
        let demuxer = try Demuxer(path: path)
        demuxer.select(streams: [info.index])
        let decoder = try Decoder(demuxer, stream: info, threads: 1, strictness: .tolerant)
        decoder.setSkipsAllButKeyframes()
        let step = max(1 / PictureSampling.perSecond, video.durationSeconds / Double(PictureSampling.pictures))
        var black = Run()
        var frozen = Run()
        var before: (time: Double, luma: [UInt8])?
        var input: FilterGraph.Input?
        var graph: FilterGraph?
        let look = { (frame: Frame) throws(MediaError) in
            let time = frame.timestamp.map { Double($0 - video.first) * info.timeBase.value } ?? before?.time ?? 0
            let form = FilterGraph.Input(pictures: frame, timeBase: info.timeBase)
            if input != form {
                graph = try FilterGraph(
                    form,
                    "[source]scale=\(PictureSampling.width):\(PictureSampling.height):flags=area:out_range=pc,format=gray[sink0]",
                    sinks: 1, kind: .video, threads: 1)
                input = form
            }
            try graph?.filter(frame) { (_: Int, small: Frame) throws(MediaError) in
                let luma = small.luma
                let bright = luma.reduce(0) { $0 + (Int($1) > PictureSampling.blackLuma ? 1 : 0) }
                black.add(time, holds: Double(bright) <= PictureSampling.brightShare * Double(luma.count))
                if let before {
                    let difference = zip(luma, before.luma).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
                    frozen.add(
                        before.time, holds: Double(difference) <= PictureSampling.sameLuma * Double(luma.count))
                }
                before = (time, luma)
            }
        }
        let packet = try Packet()
        var next = -Double.infinity
        while try demuxer.read(into: packet) {
            guard packet.isKeyframe, !packet.isDiscarded else { continue }
            // One without a time comes when the next is due.
            let time = packet.timestamp.map { Double($0 - video.first) * info.timeBase.value } ?? max(next, 0)
            guard time >= next else { continue }
            guard continues(time) else { return nil }
            next = time + step
            try decoder.decode(packet, look)
        }
        try decoder.decode(nil, look)
        self.black = black.finish(at: video.durationSeconds)
        self.frozen = frozen.finish(at: before?.time ?? 0)
    }

    /// Joins what holds from picture to picture.
    private struct Run {
        private var start: Double?
        private var stretches: [Stretch] = []

        mutating func add(_ time: Double, holds: Bool) {
            if holds {
                start = start ?? time
            } else {
                close(at: time)
            }
        }

        private mutating func close(at time: Double) {
            if let start, time - start >= PictureSampling.shortest {
                stretches.append(Stretch(start: start, end: time))
            }
            start = nil
        }

        mutating func finish(at time: Double) -> [Stretch] {
            close(at: time)
            return stretches
        }
    }
}

extension Frame {
    /// The eight-bit luma plane, row by row.
    fileprivate var luma: [UInt8] {
        withLuma { plane, stride in
            (0..<height).flatMap { Array(UnsafeBufferPointer(start: plane + $0 * stride, count: width)) }
        } ?? []
    }
}
