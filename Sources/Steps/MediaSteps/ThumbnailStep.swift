public import JSON
import MediaFiles
public import StepContracts

/// Takes a poster from a film, and the small pictures that a player shows above its seek bar: sheets of tiles, and a
/// WebVTT file that names the tile of each interval by a media fragment (`#xywh=`).
public struct ThumbnailStep: LocalStep {
    public static var contract: StepContract { .thumbnail }

    public init() {}

    public func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        let source = try StepInput(input, ThumbnailStep.contract, surroundings)
        let inspection = try source.inspect(surroundings)
        let work = Thumbnails(inspection.video, path: source.path, surroundings)
        do {
            try work.writePoster()
            let sheets = try work.writeSheets()
            return [
                "poster": ["file": "poster.jpg"],
                "sprites": .array(sheets.map { ["file": .string($0)] }),
                "thumbnails": ["file": "thumbnails.vtt"],
                "tile": work.plan.document,
            ]
        } catch let error as MediaError {
            throw StepFailure(error)
        } catch let error as StepFailure {
            throw error
        } catch {
            preconditionFailure("thumbnails throw media errors and step failures only")
        }
    }
}

/// Which tiles there are and where each lies.
struct TilePlan: Sendable, Hashable {
    let width: Int
    let height: Int
    let columns = 5
    let rows = 5
    let intervalSeconds: Int
    let count: Int
    let durationSeconds: Double

    static let tilesAtMost = 100
    private static let intervals = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600]
    /// Tiles are this wide, upright films as much narrower as keeps them this high.
    private static let widest = 160
    private static let highest = 320

    init(width: Int, height: Int, durationSeconds: Double) {
        let scale = min(Double(TilePlan.widest) / Double(width), Double(TilePlan.highest) / Double(height))
        self.width = max(2, Int((Double(width) * scale / 2).rounded()) * 2)
        self.height = max(2, Int((Double(height) * scale / 2).rounded()) * 2)
        self.durationSeconds = durationSeconds
        func tiles(_ interval: Int) -> Int { max(1, Int((durationSeconds / Double(interval)).rounded(.up))) }
        let interval =
            TilePlan.intervals.first { tiles($0) <= TilePlan.tilesAtMost }
            ?? Int((durationSeconds / Double(TilePlan.tilesAtMost)).rounded(.up))
        intervalSeconds = interval
        count = tiles(interval)
    }

    var tilesPerSheet: Int { columns * rows }
    var sheets: Int { (count + tilesPerSheet - 1) / tilesPerSheet }

    func sheetName(_ sheet: Int) -> String {
        let number = String(sheet + 1)
        return "sprite-" + String(repeating: "0", count: max(0, 3 - number.count)) + number + ".jpg"
    }

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

/// One film's pictures on their way to JPEG.
private struct Thumbnails {
    private let video: FileInspection.Video
    private let path: String
    private let surroundings: StepSurroundings
    let plan: TilePlan

    /// Where posters are looked for, in shares of the film: past the titles, before anything is given away.
    private static let posterShares = [0.1, 0.14, 0.18, 0.22, 0.3]
    private static let posterSide = 1280

    init(_ video: FileInspection.Video, path: String, _ surroundings: StepSurroundings) {
        self.video = video
        self.path = path
        self.surroundings = surroundings
        let size = video.displaySize
        plan = TilePlan(width: size.width, height: size.height, durationSeconds: video.durationSeconds)
    }

    /// The liveliest of a few pictures: black frames, fades and plain titles have little contrast.
    func writePoster() throws {
        let display = video.displaySize
        let scale = min(1, Double(Thumbnails.posterSide) / Double(max(display.width, display.height)))
        let width = max(2, Int((Double(display.width) * scale / 2).rounded()) * 2)
        let height = max(2, Int((Double(display.height) * scale / 2).rounded()) * 2)
        let reader = try PictureReader(path: path, info: video.info, threads: surroundings.threads)
        var best: (picture: Frame, contrast: Double)?
        for share in video.frames > 1 ? Thumbnails.posterShares : [0] {
            guard !surroundings.isCancelled() else { throw StepFailure.stopped }
            let time = video.first + Int64(Double(video.last - video.first) * share)
            let picture = try scaled(try reader.picture(at: time), width: width, height: height)
            let contrast = Thumbnails.contrast(picture)
            if best.map({ contrast > $0.contrast }) ?? true { best = (picture, contrast) }
        }
        guard let best else { return }
        try PictureFile.writeJPEG(best.picture, to: "\(surroundings.outputDirectory)/poster.jpg", quantiser: 3)
    }

    /// Writes the sheets and the WebVTT file; tile i shows the film at i times the interval.
    /// - Returns: the sheets' names.
    func writeSheets() throws -> [String] {
        let reader = try PictureReader(path: path, info: video.info, threads: surroundings.threads)
        var meter = ProgressMeter("thumbnails", totalSeconds: video.durationSeconds, surroundings)
        var names: [String] = []
        var sheet: Frame?
        for index in 0..<plan.count {
            let seconds = Double(index * plan.intervalSeconds)
            try meter.tick(mediaSeconds: seconds, frames: index, parts: { [] })
            // A hair later, so that rounded timestamps do not show the picture before.
            let offset = Int64(((seconds + 0.0015) / video.info.timeBase.value).rounded(.down))
            let tile = try scaled(
                try reader.picture(at: video.first + offset), width: plan.width, height: plan.height)
            let target =
                try sheet
                ?? Frame.blackSheet(width: plan.width * plan.columns, height: plan.height * plan.rows)
            let (x, y) = plan.place(index)
            target.paste(tile, x: x, y: y)
            sheet = target
            if (index + 1) % plan.tilesPerSheet == 0 || index == plan.count - 1 {
                let name = plan.sheetName(names.count)
                try PictureFile.writeJPEG(target, to: "\(surroundings.outputDirectory)/\(name)", quantiser: 4)
                names.append(name)
                sheet = nil
            }
        }
        try PictureFile.write(
            Array(plan.webVTT.utf8), to: "\(surroundings.outputDirectory)/thumbnails.vtt")
        meter.finish(mediaSeconds: video.durationSeconds, frames: plan.count, parts: [])
        return names
    }

    /// The picture upright, with square samples, in the given size. Each picture gets filters of its own: those that
    /// look at neighbours must not see another time's.
    private func scaled(_ picture: Frame, width: Int, height: Int) throws(MediaError) -> Frame {
        picture.timestamp = 0
        let graph = try FilterGraph(
            FilterGraph.Input(pictures: picture, timeBase: video.info.timeBase),
            PictureFilters.description(
                video.info, scan: video.info.declaredScan, like: picture, sizes: [(width, height)],
                pixelFormat: "yuvj420p"),
            sinks: 1, kind: .video, threads: 1)
        var result: Frame?
        let keep = { (_: Int, frame: Frame) throws(MediaError) in result = try frame.shared() }
        try graph.filter(picture, keep)
        try graph.filter(nil, keep)
        guard let result else {
            throw MediaError(.refused, "the filters kept a picture back", stream: video.info.index)
        }
        return result
    }

    /// The standard deviation of luma over a grid of samples, less for pictures that are nearly black or white.
    private static func contrast(_ frame: Frame) -> Double {
        let (width, height) = (frame.width, frame.height)
        return frame.withLuma { plane, stride in
            var (sum, squares, count) = (0.0, 0.0, 0.0)
            for y in Swift.stride(from: 0, to: height, by: 4) {
                for x in Swift.stride(from: 0, to: width, by: 4) {
                    let value = Double(plane[y * stride + x])
                    sum += value
                    squares += value * value
                    count += 1
                }
            }
            let mean = sum / count
            return (max(0, squares / count - mean * mean)).squareRoot() * (mean < 24 || mean > 232 ? 0.25 : 1)
        } ?? 0
    }
}
