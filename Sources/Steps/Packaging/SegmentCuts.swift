/// Where the segments of a presentation begin. Every track is cut from the same list, and the list depends on times
/// alone, so that renditions packaged apart agree without talking: a key frame begins a segment when the whole
/// number `time / target duration` has grown since the segment's first one.
struct SegmentCuts {
    /// Presentation times at which segments begin, ascending.
    private(set) var times: [MediaTime]

    /// - Parameter candidates: times at which every track that limits the cuts can begin a segment; ascending, the
    ///   first one is where the presentation's first segment begins.
    init(candidates: [MediaTime], target: MediaTime) {
        times = []
        var current: Int64?
        for time in candidates {
            let index = time.index(period: target)
            if let last = current, index <= last { continue }
            times.append(time)
            current = index
        }
    }

    /// Goes on at whole multiples of the target where other tracks outlast those that limited the cuts.
    mutating func extend(to end: MediaTime, target: MediaTime) {
        guard let last = times.last else { return }
        var index = last.index(period: target) + 1
        while MediaTime(target.value * index, scale: target.scale) < end {
            times.append(MediaTime(target.value * index, scale: target.scale))
            index += 1
        }
    }

    /// Gives the last segment, where it is short, to the one before: a film a frame longer than a whole number of
    /// segments gets no segment of one frame. Target durations are whole seconds, so half a second more changes none.
    mutating func joinShortEnd(at end: MediaTime, target: MediaTime) {
        guard times.count > 1, end < times[times.count - 2] + target + SegmentCuts.slack else { return }
        times.removeLast()
    }

    static let slack = MediaTime(1, scale: 2)

    /// Times common to all lists, each ascending.
    static func common(_ lists: [[MediaTime]]) -> [MediaTime] {
        guard var result = lists.first else { return [] }
        for list in lists.dropFirst() {
            var kept: [MediaTime] = []
            var place = 0
            for time in result {
                while place < list.count, list[place] < time { place += 1 }
                if place < list.count, list[place] == time { kept.append(time) }
            }
            result = kept
        }
        return result
    }
}

/// Finds the samples before which a segment may begin: a key frame after which nothing is shown that was decoded before
/// it, and before which nothing is shown that comes after it (SAP type 1, ISO/IEC 14496-12, annex I).
struct AccessPoints {
    struct Point: Hashable {
        /// Its place in the track.
        let sample: Int
        let presentationTime: Int64
    }

    /// By what was added so far; ascending in both.
    private(set) var points: [Point] = []
    private var latest = Int64.min
    private var count = 0

    /// Adds the next sample in decoding order.
    mutating func add(_ sample: Sample) {
        while let last = points.last, last.presentationTime > sample.presentationTime { points.removeLast() }
        if sample.isSync, latest < sample.presentationTime {
            points.append(Point(sample: count, presentationTime: sample.presentationTime))
        }
        latest = max(latest, sample.presentationTime)
        count += 1
    }

    mutating func moveEarlier(by ticks: Int64) {
        for index in points.indices {
            points[index] = Point(
                sample: points[index].sample, presentationTime: points[index].presentationTime - ticks)
        }
    }
}
