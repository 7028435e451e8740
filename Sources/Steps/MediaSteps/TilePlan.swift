import JSON
import MediaFiles

/// Which tiles there are and where each lies.
struct TilePlan: Sendable, Hashable {
    let width: Int
    let height: Int
    let columns = 5
    let rows = 5
    let intervalSeconds: Int
    let count: Int
    let durationSeconds: Double
    /// 1, or 2 for sheets of tiles with twice as many samples a side, for screens with two to a point.
    let scale: Int

    static let tilesAtMost = 100
    private static let intervals = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600]
    /// Tiles are this wide, upright films as much narrower as keeps them this high.
    private static let widest = 160
    private static let highest = 320

    init(width: Int, height: Int, durationSeconds: Double) {
        let factor = min(Double(TilePlan.widest) / Double(width), Double(TilePlan.highest) / Double(height))
        self.width = max(2, Int((Double(width) * factor / 2).rounded()) * 2)
        self.height = max(2, Int((Double(height) * factor / 2).rounded()) * 2)
        self.durationSeconds = durationSeconds
        scale = 1
        func tiles(_ interval: Int) -> Int { max(1, Int((durationSeconds / Double(interval)).rounded(.up))) }
        let interval =
            TilePlan.intervals.first { tiles($0) <= TilePlan.tilesAtMost }
            ?? Int((durationSeconds / Double(TilePlan.tilesAtMost)).rounded(.up))
        intervalSeconds = interval
        count = tiles(interval)
    }

    /// The same tiles with twice as many samples a side.
    var doubled: TilePlan { TilePlan(doubling: self) }

    private init(doubling plan: TilePlan) {
        (width, height) = (plan.width * 2, plan.height * 2)
        (intervalSeconds, count, durationSeconds) = (plan.intervalSeconds, plan.count, plan.durationSeconds)
        scale = 2
    }

    /// What stands behind the names of files that hold two samples to a point.
    private var mark: String { scale == 1 ? "" : "-\(scale)x" }

    var tilesPerSheet: Int { columns * rows }
    var sheets: Int { (count + tilesPerSheet - 1) / tilesPerSheet }

    func sheetName(_ sheet: Int) -> String {
        let number = String(sheet + 1)
        return "sprite-" + String(repeating: "0", count: max(0, 3 - number.count)) + number + mark + ".jpg"
    }

    var trackName: String { "thumbnails\(mark).vtt" }

    /// Where tile `index` lies on its sheet.
    func place(_ index: Int) -> (x: Int, y: Int) {
        let onSheet = index % tilesPerSheet
        return (onSheet % columns * width, onSheet / columns * height)
    }

    /// The WebVTT file: one cue a tile, without a gap, up to the film's end.
    var webVTT: String {
        var text = "WEBVTT\n"
        for index in 0..<count {
            let start = Double(index * intervalSeconds)
            let end = index == count - 1 ? max(durationSeconds, start + 0.001) : start + Double(intervalSeconds)
            let (x, y) = place(index)
            text += "\n\(Timecode.text(seconds: start)) --> \(Timecode.text(seconds: end))\n"
            text += "\(sheetName(index / tilesPerSheet))#xywh=\(x),\(y),\(width),\(height)\n"
        }
        return text
    }

    var document: JSON {
        [
            "width": .integer(width), "height": .integer(height), "columns": .integer(columns),
            "rows": .integer(rows), "intervalSeconds": .integer(intervalSeconds), "count": .integer(count),
        ]
    }
}
