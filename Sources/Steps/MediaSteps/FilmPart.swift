import JSON
import MediaFiles
import StepContracts

/// Which part of a film a transcode makes.
enum FilmPart: Sendable, Hashable {
    case whole
    /// The pictures at these places of the film's constant rate, and no sound.
    case pictures(Range<Int64>)
    /// All sound and text, and no picture.
    case sound

    /// Reads the `part` of transcode's input: nil is the whole, `"sound"`, or an object with `first` and `count`.
    init(_ wish: JSON?) throws(StepFailure) {
        guard let wish, wish != .null else {
            self = .whole
            return
        }
        if wish.stringValue == "sound" {
            self = .sound
            return
        }
        guard let first = wish["first"]?.integerValue, let count = wish["count"]?.integerValue, first >= 0, count > 0,
            first < 1 << 40, count < 1 << 40
        else {
            throw .parametersInvalid("part must be 'sound', or an object with first (0 or more) and count (1 or more)")
        }
        self = .pictures(Int64(first)..<Int64(first + count))
    }

    var places: Range<Int64>? {
        if case .pictures(let places) = self { return places }
        return nil
    }
}

/// How a long film's pictures are shared out: at keyframes of its rungs, so that what is encoded apart fits together.
struct PartPlan: Sendable, Hashable {
    let parts: [Range<Int64>]

    /// Parts of a film at most, however long it is: what comes of them travels in one state's data.
    static let partsAtMost = 80
    static let standardSeconds = 60.0

    /// - Parameters:
    ///   - seconds: of film in a part, rounded to whole keyframe intervals.
    ///   - isSeekable: whether any picture can be reached without decoding all before.
    init(_ video: FileInspection.Video, scan: Scan, seconds: Double, isSeekable: Bool) {
        let rate = video.timing.regularRate
        let total = video.places
        let interval = Int64(Ladder.keyframeInterval(frameRate: rate))
        let wished = max(1, Int64((seconds * rate.value / Double(interval)).rounded()))
        let least = (total / Int64(PartPlan.partsAtMost) + interval - 1) / interval
        let length = max(wished, least) * interval
        // Which fields belong together shows only in their succession.
        guard isSeekable, scan != .telecined, total > length + length / 2 else {
            parts = []
            return
        }
        var parts = stride(from: 0, to: total, by: Int64.Stride(length)).map { $0..<min($0 + length, total) }
        // A short rest goes with the part before it.
        if let rest = parts.last, rest.count < Int(length) / 2, parts.count > 1 {
            parts.removeLast()
            parts[parts.count - 1] = parts[parts.count - 1].lowerBound..<total
        }
        self.parts = parts
    }

    /// As validate tells them and transcode takes them.
    var document: JSON {
        .array(parts.map { ["first": .integer(Int($0.lowerBound)), "count": .integer($0.count)] })
    }
}

extension FileInspection.Video {
    /// Places of the whole film at its constant rate.
    var places: Int64 {
        timing.isConstant
            ? Int64(frames) : max(1, Int64((durationSeconds * timing.regularRate.value).rounded()))
    }
}

/// What transcode has to know of a film.
struct Film {
    let video: FileInspection.Video
    let audio: [StreamInfo]
    let texts: [StreamInfo]
    let durationSeconds: Double
    let scan: Scan

    /// As it was just measured.
    init(_ inspection: FileInspection, path: String) throws(MediaError) {
        video = inspection.video
        audio = inspection.audio.map(\.info)
        texts = inspection.subtitles.filter(\.isText)
        durationSeconds = inspection.durationSeconds
        scan = try inspection.video.scan(path: path)
    }

    /// As validate told it: reading a long film through once more for each of its parts would cost more than it saves.
    /// - Throws: `Showrunner.ParametersInvalid` when the document does not describe the file.
    init(_ media: JSON?, of demuxer: Demuxer) throws(StepFailure) {
        guard let media, let document = media["video"],
            let index = document["index"]?.integerValue, demuxer.streams.indices.contains(index),
            let frames = document["frames"]?.integerValue, frames > 0,
            let rate = document["frameRate"]?.stringValue.flatMap({ Rational(text: $0) }), rate.numerator > 0,
            let regular = document["regularFrameRate"]?.stringValue.flatMap({ Rational(text: $0) }),
            regular.numerator > 0, let isConstant = document["constantFrameRate"]?.boolValue,
            let first = document["firstTimestamp"]?.integerValue, let last = document["lastTimestamp"]?.integerValue,
            let start = document["startSeconds"]?.doubleValue, let seconds = document["durationSeconds"]?.doubleValue,
            let scan = document["scan"]?.stringValue.flatMap({
                Scan(name: $0, firstField: document["firstField"]?.stringValue)
            }), let whole = media["durationSeconds"]?.doubleValue
        else {
            throw .parametersInvalid("'media' must be what validate gave for this film")
        }
        video = FileInspection.Video(
            info: demuxer.streams[index], frames: frames,
            timing: FrameTiming(rate: rate, regularRate: regular, isConstant: isConstant), first: Int64(first),
            last: Int64(last), startSeconds: start, durationSeconds: seconds)
        func streams(_ value: JSON?) -> [StreamInfo] {
            (value?.arrayValue ?? []).compactMap { $0["index"]?.integerValue }
                .filter(demuxer.streams.indices.contains).map { demuxer.streams[$0] }
        }
        audio = streams(media["audio"])
        texts = streams(media["subtitles"]).filter(\.isText)
        durationSeconds = whole
        self.scan = scan
    }
}
