public import JSON
import MediaFiles
public import StepContracts

/// Takes a poster from a film, and the small pictures that a player shows above its seek bar: sheets of tiles, and a
/// WebVTT file that names the tile of each interval by a media fragment (`#xywh=`). Both also in twice the size, for
/// screens with two samples to a point, where the film has them.
public struct ThumbnailStep: LocalStep {
    public static var contract: StepContract { .thumbnail }

    public init() {}

    public func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        let source = try StepInput(input, ThumbnailStep.contract, surroundings)
        let inspection = try source.inspect(surroundings)
        let work = Thumbnails(inspection.video, path: source.path, surroundings)
        do {
            let tiles = try work.writeTiles()
            let poster = try work.writePoster(among: tiles)
            return .members(
                ("poster", ["file": .string(Thumbnails.posterName)]), ("posters", .array(poster.sizes)),
                ("posterSeconds", .seconds(poster.seconds)), ("sprites", Thumbnails.sheets(work.plan)),
                ("thumbnails", ["file": .string(work.plan.trackName)]), ("tile", work.plan.document),
                (
                    "retina",
                    work.retina.map {
                        ["sprites": Thumbnails.sheets($0), "thumbnails": ["file": .string($0.trackName)]]
                    }
                ))
        } catch let error as MediaError {
            throw StepFailure(error)
        } catch let error as StepFailure {
            throw error
        } catch {
            preconditionFailure("thumbnails throw media errors and step failures only")
        }
    }
}

/// One film's pictures on their way to JPEG.
private struct Thumbnails {
    private let video: FileInspection.Video
    private let path: String
    private let surroundings: StepSurroundings
    let plan: TilePlan
    /// Nil where the film is too small for it.
    let retina: TilePlan?

    static let posterName = "poster.jpg"
    private static let largePosterName = "poster-2x.jpg"
    /// The longer side of a poster, and of the large one.
    private static let posterSides = [1280, 2560]
    /// The large poster is larger by so much at least.
    private static let worthwhile = 1.25

    init(_ video: FileInspection.Video, path: String, _ surroundings: StepSurroundings) {
        self.video = video
        self.path = path
        self.surroundings = surroundings
        let size = video.displaySize
        plan = TilePlan(width: size.width, height: size.height, durationSeconds: video.durationSeconds)
        let doubled = plan.doubled
        retina = doubled.width <= size.width && doubled.height <= size.height ? doubled : nil
    }

    static func sheets(_ plan: TilePlan) -> JSON {
        .array((0..<plan.sheets).map { ["file": .string(plan.sheetName($0))] })
    }

    /// Writes the sheets and the WebVTT files; tile i shows the film at i times the interval.
    /// - Returns: what each tile looks like.
    func writeTiles() throws -> [PictureLook] {
        let reader = try PictureReader(path: path, info: video.info, threads: surroundings.threads)
        var meter = ProgressMeter("thumbnails", totalSeconds: video.durationSeconds, surroundings)
        // The largest first, as the filters want it.
        let plans = [retina, plan].compactMap { $0 }
        var sheets: [Frame?] = plans.map { _ in nil }
        var looks: [PictureLook] = []
        for index in 0..<plan.count {
            let seconds = Double(index * plan.intervalSeconds)
            try meter.tick(mediaSeconds: seconds, frames: index, parts: { [] })
            let tiles = try scaled(
                try reader.picture(at: timestamp(seconds)), plans.map { ($0.width, $0.height) })
            for (number, plan) in plans.enumerated() {
                let sheet =
                    try sheets[number]
                    ?? Frame.blackSheet(width: plan.width * plan.columns, height: plan.height * plan.rows)
                let (x, y) = plan.place(index)
                sheet.paste(tiles[number], x: x, y: y)
                sheets[number] = sheet
                if (index + 1) % plan.tilesPerSheet == 0 || index == plan.count - 1 {
                    let name = plan.sheetName(index / plan.tilesPerSheet)
                    try PictureFile.writeJPEG(sheet, to: "\(surroundings.outputDirectory)/\(name)", quantiser: 4)
                    sheets[number] = nil
                }
            }
            if let tile = tiles.last { looks.append(PictureLook(tile)) }
        }
        for plan in plans {
            try PictureFile.write(Array(plan.webVTT.utf8), to: "\(surroundings.outputDirectory)/\(plan.trackName)")
        }
        meter.finish(mediaSeconds: video.durationSeconds, frames: plan.count, parts: [])
        return looks
    }

    /// Writes the best of the film's pictures.
    /// - Returns: the time it is from, in seconds from the first picture, and its sizes, the smaller one first.
    func writePoster(among tiles: [PictureLook]) throws -> (seconds: Double, sizes: [JSON]) {
        let sizes = posterSizes
        let small = (width: plan.width, height: plan.height)
        let reader = try PictureReader(path: path, info: video.info, threads: surroundings.threads)
        var meter = ProgressMeter("poster", totalSeconds: nil, surroundings)
        var best: (picture: Frame, score: Double, seconds: Double)?
        let candidates = PosterChoice.candidates(tiles)
        for index in candidates {
            let seconds = Double(index * plan.intervalSeconds)
            try meter.tick(mediaSeconds: seconds, frames: 0, parts: { [] })
            var score = 1.0
            let picture: Frame
            if candidates.count > 1 {
                let away = PosterChoice.surroundings
                let before = try scaled(try reader.picture(at: timestamp(seconds - away)), [small])[0]
                picture = try reader.picture(at: timestamp(seconds))
                let views = try scaled(picture, [sizes[0], small])
                let after = try scaled(try reader.picture(at: timestamp(seconds + away)), [small])[0]
                let look = PictureLook(views[1])
                score =
                    look.score * PictureLook(views[0]).sharpness
                    * PosterChoice.steadiness(before: PictureLook(before), at: look, after: PictureLook(after))
            } else {
                picture = try reader.picture(at: timestamp(seconds))
            }
            if best.map({ score > $0.score }) ?? true { best = (picture, score, seconds) }
        }
        guard let best else { preconditionFailure("a film has a picture") }
        let names = [Thumbnails.posterName, Thumbnails.largePosterName]
        let pictures = try scaled(best.picture, sizes.reversed()).reversed()
        var documents: [JSON] = []
        for ((name, size), picture) in zip(zip(names, sizes), pictures) {
            try PictureFile.writeJPEG(picture, to: "\(surroundings.outputDirectory)/\(name)", quantiser: 3)
            documents.append([
                "width": .integer(size.width), "height": .integer(size.height), "file": ["file": .string(name)],
            ])
        }
        return (best.seconds, documents)
    }

    /// The poster's size, and the large one's where the film has more.
    private var posterSizes: [(width: Int, height: Int)] {
        let display = video.displaySize
        let longest = Double(max(display.width, display.height))
        var sizes: [(width: Int, height: Int)] = []
        for side in Thumbnails.posterSides {
            let scale = min(1, Double(side) / longest)
            let width = max(2, Int((Double(display.width) * scale / 2).rounded()) * 2)
            let height = max(2, Int((Double(display.height) * scale / 2).rounded()) * 2)
            if let last = sizes.last, Double(width) < Double(last.width) * Thumbnails.worthwhile { break }
            sizes.append((width, height))
        }
        return sizes
    }

    /// Of the picture shown at a time from the film's first picture on, in seconds; a hair later, so that rounded
    /// timestamps do not show the picture before.
    private func timestamp(_ seconds: Double) -> Int64 {
        video.first + Int64(((max(0, seconds) + 0.0015) / video.info.timeBase.value).rounded(.down))
    }

    /// The picture upright, with square samples, in each of the sizes, of which the first is the largest. Each picture gets
    /// filters of its own: those that look at neighbours must not see another time's.
    private func scaled(_ picture: Frame, _ sizes: [(width: Int, height: Int)]) throws(MediaError) -> [Frame] {
        let source = try picture.shared()
        source.timestamp = 0
        let graph = try FilterGraph(
            FilterGraph.Input(pictures: source, timeBase: video.info.timeBase),
            PictureFilters.description(
                video.info, scan: video.info.declaredScan, like: source, sizes: sizes, pixelFormat: "yuvj420p"),
            sinks: sizes.count, kind: .video, threads: 1)
        var results: [Frame?] = sizes.map { _ in nil }
        let keep = { (index: Int, frame: Frame) throws(MediaError) in results[index] = try frame.shared() }
        try graph.filter(source, keep)
        try graph.filter(nil, keep)
        let frames = results.compactMap { $0 }
        guard frames.count == sizes.count else {
            throw MediaError(.refused, "the filters kept a picture back", stream: video.info.index)
        }
        return frames
    }
}

extension PictureLook {
    /// A picture of eight bits in full range.
    fileprivate init(_ frame: Frame) {
        let (width, height) = (frame.width, frame.height)
        let luma = frame.withLuma { plane, stride in
            (0..<height).flatMap { Array(UnsafeBufferPointer(start: plane + $0 * stride, count: width)) }
        }
        guard let luma else { preconditionFailure("the filters give planes of eight bits") }
        self.init(luma: luma, width: width, height: height)
    }
}
