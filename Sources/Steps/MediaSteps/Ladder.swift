import MediaFiles

/// The rungs a film is encoded in.
struct Ladder: Sendable, Hashable {
    struct Rung: Sendable, Hashable {
        /// `1080p`, by the smaller side of the 16:9 frame it fits in: one of the ladder's, or for a film that is smaller
        /// than that its own. Other codecs than H.264 stand before it: `hevc-1080p`.
        let name: String
        let codec: VideoCodec
        let width: Int
        let height: Int
        /// Ten bits in the film's own high dynamic range.
        let isHighDynamicRange: Bool
        /// Peak bit rate in bits a second; the buffer holds two seconds of it.
        let peakBitRate: Int
        /// The encoder's constant rate factor.
        var quality: Double
        /// Parameters of x264's, beside those of its preset.
        var tools: [String: String] = [:]

        var form: PictureForm {
            PictureForm(width: width, height: height, samples: isHighDynamicRange ? .highDynamicRange : .film)
        }
    }

    let rungs: [Rung]

    /// Rungs by the smaller side, with a long side of 16:9, and the peak bit rate of each in H.264.
    private static let steps: [(side: Int, peakBitRate: Int)] = [
        (2160, 18_000_000), (1440, 10_000_000), (1080, 6_000_000), (720, 3_500_000), (480, 1_600_000), (360, 900_000),
    ]

    /// H.264 goes no higher: what shows more than this plays another codec.
    private static let largestPlainSide = 1080

    /// A rung with more than this share of the pixels of the one above is not worth its bits.
    private static let nearlyTheSame = 0.8

    /// The ladder for pictures of a size (as shown: upright, square samples), codec by codec. No rung is larger than the
    /// film, and there is always one.
    init(width: Int, height: Int, codecs: [VideoCodec] = [.h264], isHighDynamicRange: Bool = false) {
        rungs = codecs.flatMap { codec in
            Ladder.rungs(width, height, codec, isHighDynamicRange && codec.keepsHighDynamicRange)
        }
    }

    /// The ladder for a film.
    init(_ film: Film, codecs: [VideoCodec]) {
        let size = film.video.displaySize
        self.init(
            width: size.width, height: size.height, codecs: codecs,
            isHighDynamicRange: film.video.info.isHighDynamicRange)
    }

    init(rungs: [Rung]) { self.rungs = rungs }

    private static func rungs(_ width: Int, _ height: Int, _ codec: VideoCodec, _ isHighDynamicRange: Bool) -> [Rung] {
        var rungs: [Rung] = []
        for step in Ladder.steps where codec != .h264 || step.side <= Ladder.largestPlainSide {
            let (rungWidth, rungHeight) = Ladder.fit(width, height, side: step.side)
            if let above = rungs.last, above.width == rungWidth, above.height == rungHeight {
                // The film fits into the smaller frame as it is: that one's name and bit rate are the true ones.
                rungs.removeLast()
            } else if let above = rungs.last,
                Double(rungWidth * rungHeight) > Double(above.width * above.height) * Ladder.nearlyTheSame
            {
                continue
            }
            guard min(rungWidth, rungHeight) >= codec.smallestSide else { continue }
            let name = Ladder.name(rungWidth, rungHeight, side: step.side)
            rungs.append(
                Rung(
                    name: codec == .h264 ? name : "\(codec.rawValue)-\(name)", codec: codec, width: rungWidth,
                    height: rungHeight, isHighDynamicRange: isHighDynamicRange,
                    peakBitRate: Int(Double(step.peakBitRate) * codec.peakShare), quality: codec.quality))
        }
        return rungs
    }

    /// What a rung that fits into a frame of `side` is called. A few cropped lines do not change it.
    private static func name(_ width: Int, _ height: Int, side: Int) -> String {
        let own = max(min(width, height), (max(width, height) * 9 + 8) / 16)
        return "\(own * 20 > side * 19 ? side : own)p"
    }

    /// The size scaled down into a frame of `side` by 16:9 of it, upright or not; sides are even, as 4:2:0 needs them.
    private static func fit(_ width: Int, _ height: Int, side: Int) -> (Int, Int) {
        let long = (side * 16 + 8) / 9
        let scale = min(
            1, Double(side) / Double(min(width, height)), Double(long) / Double(max(width, height)))
        func even(_ length: Int) -> Int {
            guard scale < 1 else { return max(2, length / 2 * 2) }
            return max(2, Int((Double(length) * scale / 2).rounded()) * 2)
        }
        return (even(width), even(height))
    }

    /// Frames between keyframes: two seconds, the same in every rung, so that players change rungs at any of them.
    static func keyframeInterval(frameRate: Rational) -> Int { max(1, Int((2 * frameRate.value).rounded())) }

    /// The pictures that rungs are made of, each form once, and which rungs are made of it.
    var forms: [(form: PictureForm, rungs: [Int])] {
        var forms: [(form: PictureForm, rungs: [Int])] = []
        for (index, rung) in rungs.enumerated() {
            if let place = forms.firstIndex(where: { $0.form == rung.form }) {
                forms[place].rungs.append(index)
            } else {
                forms.append((rung.form, [index]))
            }
        }
        return forms
    }

    /// How much there is to do for each rung: its pixels, times its codec's effort.
    var efforts: [Double] { rungs.map { Double($0.width * $0.height) * $0.codec.effort } }

    /// Threads for each rung's encoder: the step's threads shared out by effort, at least one each, and no more than the
    /// codec's encoder should have.
    func threads(of total: Int) -> [Int] {
        let sum = efforts.reduce(0, +)
        return zip(rungs, efforts).map { rung, effort in
            min(max(1, Int((Double(total) * effort / sum).rounded(.up))), rung.codec.mostThreads)
        }
    }
}
