/// What a small picture shows in grey, as far as choosing one among many goes. Luma is full range.
struct PictureLook: Sendable, Hashable {
    let luma: [UInt8]
    let width: Int
    let height: Int
    /// The standard deviation of luma: what is flat has none.
    let spread: Double
    /// The mean difference between neighbours: what is out of focus has little.
    let detail: Double
    /// Shares of samples that are nearly black and nearly white.
    let dark: Double
    let bright: Double

    /// - Precondition: `width` times `height` samples, row by row, at least one.
    init(luma: [UInt8], width: Int, height: Int) {
        precondition(width > 0 && height > 0 && luma.count == width * height, "a picture has width by height samples")
        self.luma = luma
        self.width = width
        self.height = height
        var (sum, squares, steps, dark, bright) = (0, 0, 0, 0, 0)
        for y in 0..<height {
            for x in 0..<width {
                let value = Int(luma[y * width + x])
                sum += value
                squares += value * value
                if value < 24 { dark += 1 }
                if value > 232 { bright += 1 }
                if x > 0 { steps += abs(value - Int(luma[y * width + x - 1])) }
                if y > 0 { steps += abs(value - Int(luma[(y - 1) * width + x])) }
            }
        }
        let count = Double(luma.count)
        let mean = Double(sum) / count
        spread = max(0, Double(squares) / count - mean * mean).squareRoot()
        detail = Double(steps) / (2 * count)
        self.dark = Double(dark) / count
        self.bright = Double(bright) / count
    }

    /// How much there is to see, from 0 to 1.
    var score: Double {
        min(1, spread / 64) * sharpness * min(1, (1 - dark) / 0.4) * min(1, (1 - bright) / 0.4)
    }

    /// From 0 to 1, where pictures in focus are.
    var sharpness: Double { min(1, detail / 12).squareRoot() }

    /// The mean difference of luma.
    func difference(to other: PictureLook) -> Double {
        precondition(luma.count == other.luma.count, "pictures of one size are compared")
        return Double(zip(luma, other.luma).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }) / Double(luma.count)
    }
}

/// Which of a film's pictures stands for it.
enum PosterChoice {
    /// Where posters are looked for, in shares of the film: past the titles, before much is given away.
    static let shares = 0.05...0.5
    /// So many are looked at more closely, with what comes before and after.
    static let candidatesAtMost = 6
    /// How far from a picture those are that tell of cuts and fades, in seconds; tiles are further apart.
    static let surroundings = 0.4

    /// The tiles that are worth a closer look, in order of time.
    static func candidates(_ tiles: [PictureLook]) -> [Int] {
        let middle = tiles.indices.filter { shares.contains(Double($0) / Double(tiles.count)) }
        return (middle.isEmpty ? Array(tiles.indices) : middle)
            .sorted { (tiles[$0].score, $1) > (tiles[$1].score, $0) }
            .prefix(candidatesAtMost).sorted()
    }

    /// What a picture is worth for what goes on around it, from 0 to 1: pictures within fades and dissolves are half of
    /// one thing and half of another, and such as lie beside a cut are often those that an editor did not mean to be seen.
    static func steadiness(before: PictureLook, at picture: PictureLook, after: PictureLook) -> Double {
        let across = before.difference(to: after)
        // Half-way between two that differ. What moves is not: edges stay edges.
        var residual = 0
        for index in picture.luma.indices {
            residual += abs(2 * Int(picture.luma[index]) - Int(before.luma[index]) - Int(after.luma[index]))
        }
        if across > 10, Double(residual) / Double(2 * picture.luma.count) < across / 4 { return 0.2 }
        return max(before.difference(to: picture), picture.difference(to: after)) > 30 ? 0.6 : 1
    }
}
