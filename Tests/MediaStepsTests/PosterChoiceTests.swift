import Testing

@testable import MediaSteps

@Suite("The choice of a poster")
struct PosterChoiceTests {
    private static let (width, height) = (32, 18)

    /// A picture by the luma of each of its samples.
    private static func look(_ luma: (_ x: Int, _ y: Int) -> Int) -> PictureLook {
        PictureLook(
            luma: (0..<height).flatMap { y in (0..<width).map { UInt8(clamping: luma($0, y)) } }, width: width,
            height: height)
    }

    private static let sharp = look { x, y in (x / 4 + y / 3) % 2 == 0 ? 60 : 190 }
    private static let other = look { x, y in (x / 7 + y / 2) % 2 == 0 ? 40 : 160 }
    private static let blurred = look { x, y in 125 + 65 * (abs(x - 16) + abs(y - 9)) / 24 }
    private static let black = look { _, _ in 3 }
    private static let white = look { _, _ in 250 }
    private static let flat = look { _, _ in 120 }

    private static func mixed(_ one: PictureLook, _ two: PictureLook, _ share: Double) -> PictureLook {
        look { x, y in
            Int(Double(one.luma[y * width + x]) * (1 - share) + Double(two.luma[y * width + x]) * share)
        }
    }

    @Test("what has contrast, detail and light wins")
    func scores() {
        #expect(Self.black.score == 0 && Self.white.score == 0 && Self.flat.score == 0)
        #expect(Self.blurred.score > 0 && Self.blurred.score < Self.sharp.score / 2)
        // Mostly black, as a title on black is.
        let title = Self.look { x, y in y == 9 && x % 2 == 0 ? 255 : 0 }
        #expect(title.score < Self.sharp.score / 2)
        #expect(Self.sharp.score > 0.8 && Self.sharp.score <= 1)
    }

    @Test("fades, dissolves and the neighbours of cuts are worth less than what stands or moves")
    func steadiness() {
        func worth(_ before: PictureLook, _ picture: PictureLook, _ after: PictureLook) -> Double {
            PosterChoice.steadiness(before: before, at: picture, after: after)
        }
        #expect(worth(Self.sharp, Self.sharp, Self.sharp) == 1)
        let fade = (0...2).map { Self.mixed(Self.black, Self.sharp, 0.3 + 0.3 * Double($0)) }
        #expect(worth(fade[0], fade[1], fade[2]) == 0.2)
        let dissolve = (0...2).map { Self.mixed(Self.sharp, Self.other, 0.25 + 0.25 * Double($0)) }
        #expect(worth(dissolve[0], dissolve[1], dissolve[2]) == 0.2)
        #expect(worth(Self.sharp, Self.sharp, Self.other) == 0.6)
        #expect(worth(Self.other, Self.sharp, Self.sharp) == 0.6)
        // A pan: every edge moves on by a sample.
        func moved(_ by: Int) -> PictureLook { Self.look { x, y in ((x + by) / 8 + y / 6) % 2 == 0 ? 90 : 160 } }
        #expect(worth(moved(0), moved(1), moved(2)) == 1)
    }

    @Test("candidates lie past the titles and before the end, the best of them in order of time")
    func candidates() {
        var tiles = [PictureLook](repeating: Self.flat, count: 40)
        for index in [0, 1, 5, 8, 11, 12, 13, 14, 15, 30] { tiles[index] = Self.sharp }
        tiles[9] = Self.blurred
        #expect(PosterChoice.candidates(tiles) == [5, 8, 11, 12, 13, 14])
        #expect(PosterChoice.candidates([Self.black]) == [0])
        #expect(PosterChoice.candidates([Self.black, Self.sharp]) == [1])
    }
}
