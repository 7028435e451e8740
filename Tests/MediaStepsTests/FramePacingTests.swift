import MediaFiles
import Testing

@testable import MediaSteps

@Suite("Pacing")
struct FramePacingTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        /// In milliseconds; nil for pictures without one.
        let times: [Int64?]
        var seconds = 0.0
        var keepsAll = false
        /// Which picture each place of 25 a second shows.
        let shown: [Int]
        var testDescription: String { name }
    }

    static let rows: [Row] = [
        Row(name: "a constant film", times: [0, 40, 80, 120], keepsAll: true, shown: [0, 1, 2, 3]),
        Row(name: "one that begins late", times: [1000, 1040, 1080], keepsAll: true, shown: [0, 1, 2]),
        Row(name: "a lost picture", times: [0, 40, 120, 160], keepsAll: true, shown: [0, 1, 1, 2, 3]),
        Row(
            name: "times that stand still in a constant film", times: [0, 40, 40, 80], keepsAll: true,
            shown: [0, 1, 2, 3]),
        Row(name: "pictures without times", times: [nil, nil, nil], keepsAll: true, shown: [0, 1, 2]),
        Row(name: "two pictures at one place", times: [0, 10, 40, 50, 80], seconds: 0.12, shown: [1, 3, 4]),
        Row(name: "a picture for a long time", times: [0, 200, 240], seconds: 0.28, shown: [0, 0, 0, 0, 0, 1, 2]),
        Row(name: "the last picture to the end", times: [0, 40], seconds: 0.2, shown: [0, 1, 1, 1, 1]),
        Row(name: "times that run back", times: [0, 80, 40, 120], seconds: 0.16, shown: [0, 0, 2, 3]),
        Row(name: "trembling", times: [0, 47, 75, 128], seconds: 0.16, shown: [0, 1, 2, 3]),
        Row(name: "one picture", times: [7], keepsAll: true, shown: [0]),
    ]

    @Test("each place shows the last picture up to it", arguments: rows)
    func places(_ row: Row) {
        var pacing = FramePacing(rate: Rational(25, 1), durationSeconds: row.seconds, keepsAll: row.keepsAll)
        var shown: [Int] = []
        var held = 0
        for (index, time) in row.times.enumerated() {
            switch pacing.add(time, timeBase: Rational(1, 1000)) {
            case .first, .replacing: break
            case .after(let places):
                #expect(places.lowerBound == Int64(shown.count))
                shown += places.map { _ in held }
            }
            held = index
        }
        shown += pacing.finish().map { _ in held }
        #expect(shown == row.shown)
        #expect(pacing.shown == shown.count)
        #expect(pacing.shown - pacing.repeated + pacing.dropped == row.times.count)
    }
}
