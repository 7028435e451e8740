import Glibc
import JSON
import MediaFiles

/// How similar what was encoded is to what went into the encoder, by some pictures in a row.
struct RungScore: Sendable, Hashable {
    /// Mean structural similarity of luma, up to 1; peak signal-to-noise ratio of luma in decibels, at most 100.
    let ssim: Double
    let psnr: Double
    /// How many pictures were compared, and the first one's place; nil where they are from several.
    let pictures: Int
    let first: Int?

    init(ssim: Double, psnr: Double, pictures: Int, first: Int?) {
        self.ssim = ssim
        self.psnr = psnr
        self.pictures = pictures
        self.first = first
    }

    /// Of all parts of a rung, each as much as it has pictures.
    /// - Precondition: there is one.
    init(_ parts: [(score: RungScore, frames: Int)]) {
        precondition(!parts.isEmpty, "a rung has a part")
        let all = Double(max(1, parts.reduce(0) { $0 + $1.frames }))
        func mean(_ value: (RungScore) -> Double) -> Double {
            parts.reduce(0) { $0 + value($1.score) * Double($1.frames) } / all
        }
        // Errors have a mean, and no decibels.
        let error = mean { pow(10, -$0.psnr / 10) }
        self.init(
            ssim: mean(\.ssim), psnr: error > 0 ? min(100, -10 * log10(error)) : 0,
            pictures: parts.reduce(0) { $0 + $1.score.pictures }, first: nil)
    }

    /// Reads what ``document`` wrote; nil for anything else.
    init?(_ document: JSON?) {
        guard let ssim = document?["ssim"]?.doubleValue, let psnr = document?["psnr"]?.doubleValue,
            let pictures = document?["pictures"]?.integerValue
        else { return nil }
        self.init(ssim: ssim, psnr: psnr, pictures: pictures, first: document?["first"]?.integerValue)
    }

    var document: JSON {
        .members(
            ("ssim", RungScore.rounded(ssim, 100_000)), ("psnr", RungScore.rounded(psnr, 100)),
            ("pictures", .integer(pictures)), ("first", first.map { JSON.integer($0) }))
    }

    /// The parts' figures, one after the other, in two short lists.
    static func list(_ scores: [RungScore]) -> JSON {
        [
            "ssim": .array(scores.map { rounded($0.ssim, 100_000) }),
            "psnr": .array(scores.map { rounded($0.psnr, 100) }),
        ]
    }

    private static func rounded(_ value: Double, _ steps: Double) -> JSON { .double((value * steps).rounded() / steps) }
}

/// Pictures that go into a rung's encoder, kept until its file is whole. They lie shortly behind a keyframe in the middle, for
/// keyframes are better than what follows, and are so few that decoding and comparing them is no part of the encode's cost
/// to speak of.
struct ScoredPictures {
    private let places: Range<Int>
    private var kept: [Frame] = []

    private static let most = 8
    /// Of a hundred pictures one is compared.
    private static let sparseness = 100
    private static let behindKeyframe = 4

    /// - Parameter total: how many pictures there will be, about.
    init(of total: Int, keyframeInterval: Int) {
        let count = min(ScoredPictures.most, max(1, total / ScoredPictures.sparseness))
        let keyframe = total / 2 / keyframeInterval * keyframeInterval
        let behind = keyframe + min(ScoredPictures.behindKeyframe, keyframeInterval - 1)
        let first = behind + count <= total ? behind : keyframe
        places = first..<(first + count)
    }

    /// Takes the picture of a place, one after the other; its samples are shared.
    mutating func add(_ picture: Frame, place: Int) throws(MediaError) {
        if places.contains(place) { kept.append(try picture.shared()) }
    }

    /// Compares them with what a decoder gives of the rung's file, a picture each `interval`; nil where none was kept, as of a
    /// film that turns out to be much shorter.
    func score(of path: String, interval: Rational) throws(MediaError) -> RungScore? {
        guard let reference = kept.first else { return nil }
        let reader = try PictureReader(path: path, threads: 1)
        let meter = try QualityMeter(like: reference, comparing: reference)
        for (place, picture) in zip(places, kept) {
            try meter.add(picture, try reader.picture(at: interval.rescale(Int64(place), to: reader.timeBase)))
        }
        return RungScore(ssim: meter.ssim, psnr: meter.psnr, pictures: kept.count, first: places.lowerBound)
    }
}
