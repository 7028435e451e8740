import JSON
import StepContracts

/// What transcode may be told beside the film.
struct TranscodeParameters: Sendable, Hashable {
    var preset = "veryfast"
    /// Nil leaves sound as loud as it is.
    var loudness: LoudnessTarget? = LoudnessTarget()
    var part = FilmPart.whole

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
        if let ladder = input["ladder"]?.stringValue, ladder != "fixed" {
            problems.append("there is no ladder '\(ladder)'; choose 'fixed'")
        }
        if let wish = input["loudness"], wish != .null {
            loudness = TranscodeParameters.loudness(wish, &problems)
        }
        guard problems.isEmpty else { throw .parametersInvalid(problems.joined(separator: "; ")) }
        part = try FilmPart(input["part"])
    }

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
