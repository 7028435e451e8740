/// A track's samples on the presentation's time line, and what is known of them together: they are gone through once.
struct Timeline {
    let description: TrackDescription
    private(set) var samples: TrackSamples
    private var first: Sample
    private(set) var earliestPresentation: Int64 = .max
    private var latestEnd: Int64 = .min
    /// Bytes.
    private(set) var largestSample = 0
    private(set) var frameRate: Ratio?
    /// Where segments of a video track may begin; empty for sound, which may be cut everywhere.
    private(set) var access = AccessPoints()

    init(_ track: TrackInput) throws(PackagingError) {
        let description = track.description
        let samples = track.samples
        let name = description.name
        guard samples.count > 0 else {
            throw PackagingError(.samplesInvalid, "track '\(name)' has no samples")
        }
        guard samples.count <= SampleIndex.maximumCount else {
            throw PackagingError(.limitExceeded, "track '\(name)' has \(samples.count) samples")
        }
        var reader = samples.reader()
        first = try reader.sample(0)
        self.description = description
        self.samples = samples
        guard first.isSync else {
            throw PackagingError(.samplesInvalid, "the first sample of track '\(name)' is no key frame")
        }
        guard first.decodeTime.magnitude < SampleIndex.timeLimit else {
            throw PackagingError(.limitExceeded, "track '\(name)' begins at tick \(first.decodeTime)")
        }
        var before: Sample?
        var hasOneDuration = true
        for place in 0..<samples.count {
            let sample = try reader.sample(place)
            if let before {
                guard sample.decodeTime == before.decodeTime + Int64(before.duration) else {
                    throw PackagingError(
                        .samplesInvalid,
                        "track '\(name)': sample \(place) ends at \(before.decodeTime + Int64(before.duration)), "
                            + "the next begins at \(sample.decodeTime)")
                }
                // All but the last.
                if before.duration != first.duration { hasOneDuration = false }
            }
            guard sample.duration > 0, sample.size > 0 else {
                throw PackagingError(
                    .samplesInvalid, "track '\(name)': sample \(place + 1) is empty or has no duration")
            }
            earliestPresentation = min(earliestPresentation, sample.presentationTime)
            latestEnd = max(latestEnd, sample.presentationTime + Int64(sample.duration))
            largestSample = max(largestSample, Int(sample.size))
            if description.isVideo { access.add(sample) }
            before = sample
        }
        guard end > 0 else {
            throw PackagingError(.samplesInvalid, "track '\(name)' ends before the presentation begins")
        }
        guard description.isVideo else { return }
        frameRate =
            hasOneDuration
            ? Ratio(description.timeScale, Int(first.duration))
            : Ratio(try Timeline.mostFramesInASecond(of: samples, timeScale: description.timeScale), 1)
    }

    /// FRAME-RATE is the largest of the whole variant (RFC 8216bis, 4.4.6.2); one short frame makes none.
    private static func mostFramesInASecond(of samples: TrackSamples, timeScale: Int) throws(PackagingError) -> Int {
        var most = 1
        var oldest = 0
        var (reader, behind) = (samples.reader(), samples.reader())
        for place in 0..<samples.count {
            let time = try reader.sample(place).decodeTime
            while time - (try behind.sample(oldest).decodeTime) >= Int64(timeScale) { oldest += 1 }
            most = max(most, place - oldest + 1)
        }
        return most
    }

    func time(_ ticks: Int64) -> MediaTime { MediaTime(ticks, scale: Int64(description.timeScale)) }

    /// How far decoding begins before the presentation's start: for reordering, for an encoder's priming, or because an
    /// edit begins between key frames. Decoders need it and viewers see nothing of it.
    var skippedTicks: Int64 { max(0, -first.decodeTime) }

    /// When the first picture or sound is due.
    var start: Int64 { max(0, first.presentationTime) }

    var end: Int64 { max(0, latestEnd) }

    /// Presentation times at which a segment may begin.
    var accessTimes: [MediaTime] {
        access.points.map { time(max(0, $0.presentationTime)) }.deduplicated()
    }

    func movedEarlier(by length: MediaTime) -> Timeline {
        var moved = self
        let ticks = length.ticks(scale: Int64(description.timeScale))
        moved.samples = samples.movedEarlier(by: ticks)
        moved.first.decodeTime -= ticks
        moved.earliestPresentation -= ticks
        moved.latestEnd -= ticks
        moved.access.moveEarlier(by: ticks)
        return moved
    }

    /// The samples of one segment.
    struct Cut {
        let samples: Range<Int>
        /// In ticks of the track from the presentation's start.
        let start: Int64
        /// When the next segment is due, or the track ends.
        let end: Int64
    }

    /// The samples of each segment: cut at, or as soon as possible after, each of the given times.
    func cut(at cuts: SegmentCuts) throws(PackagingError) -> [Cut] {
        var firsts: [AccessPoints.Point] = []
        var next = 1
        func take(_ point: AccessPoints.Point) -> Bool {
            if firsts.isEmpty {
                firsts.append(point)
            } else if next < cuts.times.count, time(point.presentationTime) >= cuts.times[next] {
                firsts.append(point)
                next += 1
            }
            return next < cuts.times.count
        }
        if description.isVideo {
            for point in access.points { guard take(point) else { break } }
        } else {
            var reader = samples.reader()
            for place in 0..<samples.count {
                let time = try reader.sample(place).presentationTime
                guard take(AccessPoints.Point(sample: place, presentationTime: time)) else { break }
            }
        }
        guard firsts.first?.sample == 0 else {
            throw PackagingError(
                .samplesInvalid,
                "track '\(description.name)': pictures are shown before the first key frame, so no segment can begin")
        }
        guard firsts.count <= Presentation.maximumSegments else {
            throw PackagingError(
                .limitExceeded, "\(firsts.count) segments; up to \(Presentation.maximumSegments) are packaged")
        }
        return firsts.indices.map { index in
            let following = index + 1 < firsts.count ? firsts[index + 1] : nil
            return Cut(
                samples: firsts[index].sample..<(following?.sample ?? samples.count),
                start: max(0, firsts[index].presentationTime), end: following.map { max(0, $0.presentationTime) } ?? end
            )
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
