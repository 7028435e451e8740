import MediaFiles

/// The rungs a film is encoded in.
struct Ladder: Sendable, Hashable {
    struct Rung: Sendable, Hashable {
        /// `1080p`, by the smaller side of the 16:9 frame it fits in: one of the ladder's, or for a film that is smaller
        /// than that its own.
        let name: String
        let width: Int
        let height: Int
        /// Peak bit rate in bits a second; the buffer holds two seconds of it.
        let peakBitRate: Int
    }

    let rungs: [Rung]

    /// Rungs by the smaller side, with a long side of 16:9, and the peak bit rate of each.
    private static let steps: [(side: Int, peakBitRate: Int)] = [
        (1080, 6_000_000), (720, 3_500_000), (480, 1_600_000), (360, 900_000),
    ]

    /// A rung with more than this share of the pixels of the one above is not worth its bits.
    private static let nearlyTheSame = 0.8

    /// The ladder for pictures of a size (as shown: upright, square samples). No rung is larger than the film, and there
    /// is always one.
    init(width: Int, height: Int) {
        var rungs: [Rung] = []
        for step in Ladder.steps {
            let (rungWidth, rungHeight) = Ladder.fit(width, height, side: step.side)
            if let above = rungs.last, above.width == rungWidth, above.height == rungHeight {
                // The film fits into the smaller frame as it is: that one's name and bit rate are the true ones.
                rungs.removeLast()
            } else if let above = rungs.last,
                Double(rungWidth * rungHeight) > Double(above.width * above.height) * Ladder.nearlyTheSame
            {
                continue
            }
            rungs.append(
                Rung(
                    name: Ladder.name(rungWidth, rungHeight, side: step.side), width: rungWidth, height: rungHeight,
                    peakBitRate: step.peakBitRate))
        }
        self.rungs = rungs
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

    /// x264's settings for a rung, by the names libavcodec and the ffmpeg program know.
    static func options(_ rung: Rung, preset: String, keyframeInterval: Int) -> [(name: String, value: String)] {
        [
            ("preset", preset), ("profile", "high"), ("crf", "23"), ("maxrate", String(rung.peakBitRate)),
            ("bufsize", String(rung.peakBitRate * 2)), ("g", String(keyframeInterval)),
            ("keyint_min", String(keyframeInterval)), ("sc_threshold", "0"), ("forced-idr", "1"), ("flags", "+cgop"),
        ]
    }

    /// Threads for each rung's encoder: the step's threads shared out by pixels, at least one each.
    func threads(of total: Int) -> [Int] {
        let pixels = rungs.map { Double($0.width * $0.height) }
        let sum = pixels.reduce(0, +)
        return pixels.map { max(1, Int((Double(total) * $0 / sum).rounded(.up))) }
    }
}
