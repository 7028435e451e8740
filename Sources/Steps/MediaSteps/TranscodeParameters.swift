import JSON
import StepContracts

/// What transcode may be told beside the film.
struct TranscodeParameters: Sendable, Hashable {
    /// Which rungs a film gets.
    enum LadderChoice: Sendable, Hashable {
        /// By its size alone.
        case fixed
        /// By trial, before the encode.
        case perTitle
        /// As a trial found them.
        case chosen([Ladder.Rung])
    }

    var preset = "veryfast"
    /// H.264 first.
    var codecs: [VideoCodec] = [.h264]
    var ladder = LadderChoice.fixed
    /// Of the encode's processor time that the search of a ladder may take.
    var searchShare = 0.1
    /// Nil leaves sound as loud as it is.
    var loudness: LoudnessTarget? = LoudnessTarget()
    var part = FilmPart.whole
    /// Whether pictures and sound are also put into one file.
    var makesDownload = false

    init() {}

    /// - Throws: `Showrunner.ParametersInvalid` that lists what is wrong.
    init(_ input: JSON) throws(StepFailure) {
        var problems: [String] = []
        if let name = input["preset"]?.stringValue {
            preset = name
            if !TranscodeStep.presets.contains(name) {
                problems.append(
                    "there is no preset '\(name)'; choose one of \(TranscodeStep.presets.joined(separator: ", "))")
            }
        }
        codecs = TranscodeParameters.codecs(input["codecs"], &problems)
        if let wish = input["ladder"], wish != .null { ladder = TranscodeParameters.ladder(wish, &problems) }
        if let wish = input["searchShare"], wish != .null {
            if let share = wish.doubleValue, (0.01...10).contains(share) {
                searchShare = share
            } else {
                problems.append("searchShare must be a number from 0.01 to 10")
            }
        }
        if let wish = input["loudness"], wish != .null {
            loudness = TranscodeParameters.loudness(wish, &problems)
        }
        guard problems.isEmpty else { throw .parametersInvalid(problems.joined(separator: "; ")) }
        part = try FilmPart(input["part"])
        if ladder == .perTitle, part.places != nil {
            throw .parametersInvalid("a part takes the ladder that the step ladder chose for its film")
        }
        makesDownload = input["download"]?.boolValue ?? false
        if makesDownload, part != .whole {
            throw .parametersInvalid("a download is of a whole film: join makes it of parts")
        }
    }

    private static func codecs(_ wish: JSON?, _ problems: inout [String]) -> [VideoCodec] {
        var codecs: [VideoCodec] = [.h264]
        for name in wish?.arrayValue ?? [] {
            guard let codec = name.stringValue.flatMap(VideoCodec.init) else {
                let known = VideoCodec.allCases.map(\.rawValue).joined(separator: ", ")
                problems.append("there is no codec '\(name.stringValue ?? name.text)'; choose of \(known)")
                continue
            }
            if !codecs.contains(codec) { codecs.append(codec) }
        }
        return codecs
    }

    private static func ladder(_ wish: JSON, _ problems: inout [String]) -> LadderChoice {
        switch wish {
        case "fixed": return .fixed
        case "per-title": return .perTitle
        case .object:
            var rungs: [Ladder.Rung] = []
            for (index, document) in (wish["rungs"]?.arrayValue ?? []).prefix(mostRungs).enumerated() {
                guard let rung = Ladder.Rung(document), !rungs.contains(where: { $0.name == rung.name }) else {
                    problems.append("ladder.rungs[\(index)] is no rung, or one of that name stands before it")
                    continue
                }
                rungs.append(rung)
            }
            if rungs.isEmpty { problems.append("ladder.rungs holds no rung") }
            return .chosen(rungs)
        default:
            problems.append(
                "there is no ladder '\(wish.stringValue ?? wish.text)'; choose 'fixed', 'per-title' or what the step ladder gave"
            )
            return .fixed
        }
    }

    /// Four codecs of six rungs each.
    private static let mostRungs = 24

    private static func loudness(_ wish: JSON, _ problems: inout [String]) -> LoudnessTarget? {
        if wish.stringValue == "source" { return nil }
        guard case .object(let members) = wish else {
            problems.append("loudness must be 'source' or an object with integrated (LUFS) and truePeak (dBTP)")
            return nil
        }
        var target = LoudnessTarget()
        for (name, value) in members {
            switch (name, value.doubleValue) {
            case ("integrated", let lufs?) where (-40 ... -5).contains(lufs): target.integrated = lufs
            case ("truePeak", let peak?) where (-9...0).contains(peak): target.truePeak = peak
            case ("integrated", _): problems.append("loudness.integrated must be a number from -40 to -5, in LUFS")
            case ("truePeak", _): problems.append("loudness.truePeak must be a number from -9 to 0, in dBTP")
            default: problems.append("loudness has no member '\(name)'")
            }
        }
        return target
    }
}

extension Ladder.Rung {
    /// As the step `ladder` tells it and transcode takes it.
    var document: JSON {
        var tools: JSON = .object([:])
        for (name, value) in self.tools.sorted(by: { $0.key < $1.key }) { tools[name] = .string(value) }
        return .members(
            ("name", .string(name)), ("codec", .string(codec.rawValue)), ("width", .integer(width)),
            ("height", .integer(height)), ("highDynamicRange", .bool(isHighDynamicRange)),
            ("peakBitRate", .integer(peakBitRate)), ("quality", .double(quality)), ("tools", tools))
    }

    /// Nil for what is no rung that an encoder here takes.
    init?(_ document: JSON) {
        guard let name = document["name"]?.stringValue, Ladder.Rung.isName(name),
            let codec = document["codec"]?.stringValue.flatMap(VideoCodec.init),
            let width = document["width"]?.integerValue, let height = document["height"]?.integerValue,
            (codec.smallestSide...8192).contains(width), (codec.smallestSide...8192).contains(height),
            width % 2 == 0, height % 2 == 0, let isHighDynamicRange = document["highDynamicRange"]?.boolValue,
            !isHighDynamicRange || codec.keepsHighDynamicRange,
            let peakBitRate = document["peakBitRate"]?.integerValue, (10_000...1_000_000_000).contains(peakBitRate),
            let quality = document["quality"]?.doubleValue, codec.qualities.contains(quality)
        else { return nil }
        var tools: [String: String] = [:]
        for (name, value) in document["tools"]?.objectValue ?? [:] {
            guard let value = value.stringValue, EncoderTool.all.contains(where: { $0.parameters[name] == value })
            else {
                return nil
            }
            tools[name] = value
        }
        self.init(
            name: name, codec: codec, width: width, height: height, isHighDynamicRange: isHighDynamicRange,
            peakBitRate: peakBitRate, quality: quality, tools: tools)
    }

    private static func isName(_ name: String) -> Bool {
        (1...32).contains(name.utf8.count)
            && name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
    }
}
