import MediaFiles

/// Pictures of a film from a few places, made ready for encoding: what a search tries encoders on.
struct PictureSamples {
    /// Of each place, of each form, the pictures in their order.
    private(set) var places: [[[Frame]]] = []
    var frames: Int { places.reduce(0) { $0 + ($1.first?.count ?? 0) } }

    /// What is looked at at least, and pictures in a row.
    static let least = 24
    static let inARow = 24
    /// What the pictures kept may take, in bytes.
    private static let memory = 640 << 20

    /// - Parameters:
    ///   - wanted: how many of the film's pictures.
    ///   - continues: asked for every picture; false ends it with nil.
    init?(
        _ film: Film, path: String, forms: [PictureForm], pictures wanted: Int, threads: Int, continues: () -> Bool
    ) throws(MediaError) {
        let video = film.video
        let perPicture = forms.reduce(0) { $0 + $1.width * $1.height * 3 / 2 }
        let affordable = max(1, PictureSamples.memory / max(1, perPicture))
        let length = min(PictureSamples.inARow, affordable)
        let count = max(1, min(wanted, affordable) / length)
        let demuxer = try Demuxer(path: path)
        demuxer.select(streams: [video.info.index])
        let decoder = try Decoder(demuxer, stream: video.info, threads: threads, strictness: .tolerant)
        let packet = try Packet()
        var reached = Int64.min
        for place in 0..<count {
            // In the middle of equal shares: neither titles nor the end.
            let middle = (Double(place) + 0.5) / Double(count)
            let time = video.first + Int64(Double(video.last - video.first) * middle)
            guard time > reached, try demuxer.seek(stream: video.info.index, to: time) else { continue }
            decoder.flush()
            let before = reached
            var taken = 0
            var isKnown = false
            var graph: (input: FilterGraph.Input, graph: FilterGraph)?
            var pictures = forms.map { _ in [Frame]() }
            let make = { (frame: Frame?) throws(MediaError) in
                if let frame {
                    guard taken < length, !isKnown else { return }
                    // Keyframes may be further apart than places.
                    if taken == 0, let timestamp = frame.timestamp, timestamp <= before {
                        isKnown = true
                        return
                    }
                    reached = max(reached, frame.timestamp ?? reached)
                    frame.timestamp = Int64(taken)
                    let input = FilterGraph.Input(pictures: frame, timeBase: video.timing.regularRate.inverse)
                    if graph == nil {
                        let description = PictureFilters.description(
                            video.info, scan: film.scan, like: frame, forms: forms)
                        graph = (
                            input,
                            try FilterGraph(
                                input, description, sinks: forms.count, kind: .video, threads: min(threads, 4))
                        )
                    }
                    // A film that changes its form in the middle of a sample: the rest of it is another place's.
                    guard graph?.input == input else { return }
                    taken += 1
                }
                try graph?.graph.filter(frame) { (form: Int, picture: Frame) throws(MediaError) in
                    pictures[form].append(try picture.shared())
                }
            }
            var awaitsKeyframe = true
            while taken < length, !isKnown, try demuxer.read(into: packet) {
                if awaitsKeyframe, !packet.isKeyframe { continue }
                awaitsKeyframe = false
                guard continues() else { return nil }
                try decoder.decode(packet, make)
            }
            if taken < length, !isKnown { try decoder.decode(nil, make) }
            try make(nil)
            if pictures.allSatisfy({ !$0.isEmpty }) { places.append(pictures) }
        }
    }
}
