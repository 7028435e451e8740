import Encodings
import JSON
import MediaFiles

/// One thing about a film that whoever sent it should know.
struct MediaCheck: Sendable, Hashable {
    enum Severity: String, Sendable {
        /// Stays as it is.
        case warn
        /// Transcode mends it.
        case fix
    }

    let name: String
    let severity: Severity
    /// One sentence.
    let message: String

    var document: JSON {
        ["name": .string(name), "severity": .string(severity.rawValue), "message": .string(message)]
    }
}

extension MediaReport {
    /// Stretches named in one sentence.
    private static let named = 5
    /// Quieter than this, in LUFS, a track shows its noise when it is amplified.
    private static let quiet = -45.0

    /// In the order of picture, sound, text.
    var checks: [MediaCheck] { videoChecks + pictureChecks + audioChecks + streamChecks }

    private var videoChecks: [MediaCheck] {
        let info = inspection.video.info
        let timing = inspection.video.timing
        var checks: [MediaCheck] = []
        func add(_ name: String, _ severity: MediaCheck.Severity, _ message: String) {
            checks.append(MediaCheck(name: name, severity: severity, message: message))
        }
        if !timing.isConstant {
            add(
                "variableFrameRate", .fix,
                "The pictures follow no constant rate; they are shown at \(timing.regularRate) a second.")
        }
        switch scan {
        case .progressive: break
        case .interlaced:
            let said = info.isInterlaced ? "" : ", although the file does not say so"
            add("interlaced", .fix, "The pictures are interlaced\(said); they are made progressive.")
        case .telecined:
            add("telecined", .fix, "24 pictures a second were telecined to 30; the 24 are taken back.")
        }
        if info.orientation != .upright {
            add(
                "rotation", .fix,
                "The camera was turned by \(info.orientation.rotation) degrees; the pictures are set upright.")
        }
        if info.sampleAspectRatio != .one {
            let size = inspection.video.displaySize
            add(
                "pixelAspect", .fix,
                "Samples are \(info.sampleAspectRatio.aspectText); the pictures are shown as \(size.width)x\(size.height)."
            )
        }
        if info.width % 2 != 0 || info.height % 2 != 0 {
            add("oddSize", .fix, "The pictures measure \(info.width)x\(info.height); sides are made even.")
        }
        if info.isHighDynamicRange {
            let system = info.colourTransfer == "arib-std-b67" ? "HLG" : "PQ (HDR10)"
            add(
                "highDynamicRange", .fix,
                "The pictures are \(system); rungs of H.264 and VP9 are tone-mapped to standard dynamic range.")
        }
        return checks
    }

    private var pictureChecks: [MediaCheck] {
        var checks: [MediaCheck] = []
        if trial.damaged > 0 {
            checks.append(
                MediaCheck(
                    name: "damage", severity: .warn,
                    message: "Of \(counted(trial.pictures, "picture")) tried \(trial.damaged) are damaged or lost."))
        }
        if !pictures.black.isEmpty {
            checks.append(
                MediaCheck(name: "black", severity: .warn, message: "The picture is black \(text(pictures.black))."))
        }
        // What is black stands still as well.
        let frozen = pictures.frozen.filter { stretch in
            !pictures.black.contains { $0.start <= stretch.start + 0.001 && stretch.end <= $0.end + 0.001 }
        }
        if !frozen.isEmpty {
            checks.append(
                MediaCheck(name: "frozen", severity: .warn, message: "The picture stands still \(text(frozen))."))
        }
        return checks
    }

    private var audioChecks: [MediaCheck] {
        inspection.audio.flatMap { stream -> [MediaCheck] in
            guard let loudness = loudness[stream.info.index] else { return [] }
            let track = "Sound track \(stream.info.index)"
            guard let integrated = loudness.integrated else {
                guard stream.durationSeconds >= 1 else { return [] }
                return [MediaCheck(name: "silent", severity: .warn, message: "\(track) is silent.")]
            }
            var checks: [MediaCheck] = []
            if integrated < MediaReport.quiet {
                checks.append(
                    MediaCheck(
                        name: "quiet", severity: .warn,
                        message: "\(track) has \(Int(integrated.rounded())) LUFS; amplified, its noise is heard."))
            }
            if !loudness.silence.isEmpty {
                checks.append(
                    MediaCheck(
                        name: "silence", severity: .warn, message: "\(track) is silent \(text(loudness.silence))."))
            }
            return checks
        }
    }

    private var streamChecks: [MediaCheck] {
        inspection.leftOut.map { info in
            let what =
                switch info.kind {
                case .subtitle: "subtitles"
                case .audio: "sound"
                case .video: "video"
                case .attachedPicture, .other: "data"
                }
            return MediaCheck(
                name: "leftOut", severity: .warn,
                message: "Stream \(info.index), \(what) of '\(info.codec)', is left out.")
        }
    }

    private func text(_ stretches: [PictureSampling.Stretch]) -> String {
        let first = stretches.prefix(MediaReport.named).map {
            "from \(Timecode.text(seconds: $0.start)) to \(Timecode.text(seconds: $0.end))"
        }
        let more = stretches.count - first.count
        return first.joined(separator: ", ") + (more > 0 ? " and \(counted(more, "time")) more" : "")
    }
}
