/// A track's samples on the presentation's time line.
struct Timeline {
    let description: TrackDescription
    private(set) var samples: [Sample]

    init(_ track: TrackInput) throws(PackagingError) {
        let description = track.description
        let samples = track.samples
        let name = description.name
        guard let first = samples.first else {
            throw PackagingError(.samplesInvalid, "track '\(name)' has no samples")
        }
        guard samples.count <= SampleIndex.maximumCount else {
            throw PackagingError(.limitExceeded, "track '\(name)' has \(samples.count) samples")
        }
        guard first.isSync else {
            throw PackagingError(.samplesInvalid, "the first sample of track '\(name)' is no key frame")
        }
        guard first.decodeTime.magnitude < SampleIndex.timeLimit else {
            throw PackagingError(.limitExceeded, "track '\(name)' begins at tick \(first.decodeTime)")
        }
        for (index, (sample, next)) in zip(samples, samples.dropFirst()).enumerated()
        where next.decodeTime != sample.decodeTime + Int64(sample.duration) {
            throw PackagingError(
                .samplesInvalid,
                "track '\(name)': sample \(index + 1) ends at \(sample.decodeTime + Int64(sample.duration)), "
                    + "the next begins at \(next.decodeTime)")
        }
        if let place = samples.firstIndex(where: { $0.duration == 0 || $0.size == 0 }) {
            throw PackagingError(.samplesInvalid, "track '\(name)': sample \(place + 1) is empty or has no duration")
        }
        self.description = description
        self.samples = samples
        guard end > 0 else {
            throw PackagingError(.samplesInvalid, "track '\(name)' ends before the presentation begins")
        }
    }

    func time(_ ticks: Int64) -> MediaTime { MediaTime(ticks, scale: Int64(description.timeScale)) }

    /// How far decoding begins before the presentation's start: for reordering, for an encoder's priming, or because an
    /// edit begins between key frames. Decoders need it and viewers see nothing of it.
    var skippedTicks: Int64 { max(0, -samples[0].decodeTime) }

    var earliestPresentation: Int64 { samples.reduce(.max) { min($0, $1.presentationTime) } }

    /// When the first picture or sound is due.
    var start: Int64 { max(0, samples[0].presentationTime) }

    var end: Int64 { samples.reduce(0) { max($0, $1.presentationTime + Int64($1.duration)) } }

    /// Presentation times at which a segment may begin.
    var accessTimes: [MediaTime] {
        SegmentCuts.accessPoints(of: samples).map { time(max(0, samples[$0].presentationTime)) }.deduplicated()
    }

    func movedEarlier(by length: MediaTime) -> Timeline {
        var moved = self
        let ticks = length.ticks(scale: Int64(description.timeScale))
        for index in moved.samples.indices { moved.samples[index].decodeTime -= ticks }
        return moved
    }

    var frameRate: Ratio? {
        guard description.isVideo, let first = samples.first else { return nil }
        if samples.dropLast().allSatisfy({ $0.duration == first.duration }) {
            return Ratio(description.timeScale, Int(first.duration))
        }
        return Ratio(mostFramesInASecond, 1)
    }

    /// FRAME-RATE is the largest of the whole variant (RFC 8216bis, 4.4.6.2); one short frame makes none.
    private var mostFramesInASecond: Int {
        var most = 1
        var oldest = 0
        for (index, sample) in samples.enumerated() {
            while sample.decodeTime - samples[oldest].decodeTime >= Int64(description.timeScale) { oldest += 1 }
            most = max(most, index - oldest + 1)
        }
        return most
    }

    /// The samples of each segment: cut at, or as soon as possible after, each of the given times.
    func ranges(at cuts: SegmentCuts) throws(PackagingError) -> [Range<Int>] {
        let points = description.isVideo ? SegmentCuts.accessPoints(of: samples) : Array(samples.indices)
        guard points.first == 0 else {
            throw PackagingError(
                .samplesInvalid,
                "track '\(description.name)': pictures are shown before the first key frame, so no segment can begin")
        }
        var firsts = [0]
        var place = 1
        for cut in cuts.times.dropFirst() {
            while place < points.count, time(samples[points[place]].presentationTime) < cut { place += 1 }
            guard place < points.count else { break }
            firsts.append(points[place])
            place += 1
        }
        guard firsts.count <= Presentation.maximumSegments else {
            throw PackagingError(
                .limitExceeded, "\(firsts.count) segments; up to \(Presentation.maximumSegments) are packaged")
        }
        return firsts.indices.map { index in
            firsts[index]..<(index + 1 < firsts.count ? firsts[index + 1] : samples.count)
        }
    }
}

extension Array where Element: Equatable {
    /// Without elements that equal the one before.
    fileprivate func deduplicated() -> [Element] {
        reduce(into: []) { result, element in
            if result.last != element { result.append(element) }
        }
    }
}
