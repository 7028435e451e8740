import JSON
import MediaFiles

/// What validate tells of a film.
struct MediaReport {
    let inspection: FileInspection
    /// See `MovieFile.editedParts`.
    let editedParts: Int
    let trial: DecodeProbe
    let scan: Scan
    let pictures: PictureSampling
    /// Of each sound stream, by its index.
    let loudness: [Int: Loudness]
    let plan: PartPlan

    /// Everything but `source`.
    var document: JSON {
        .members(
            ("container", .string(inspection.container)),
            ("durationSeconds", .seconds(inspection.durationSeconds)),
            ("bitRate", .integer(inspection.bitRate)),
            ("editedParts", .integer(editedParts)),
            ("video", video),
            ("audio", .array(inspection.audio.map(audio))),
            (
                "subtitles",
                .array(
                    inspection.subtitles.map { info in
                        .members(
                            ("index", .integer(info.index)), ("codec", .string(info.codec)),
                            ("text", .bool(info.isText)), ("language", info.language.map(JSON.string)))
                    })
            ),
            ("parts", plan.document),
            ("checks", .array(checks.map(\.document))),
            ("limits", MediaLimits.standard.document))
    }

    private var video: JSON {
        var document = inspection.video.document
        document["scan"] = .string(scan.name)
        document["firstField"] = scan.firstField.map(JSON.string)
        document["firstTimestamp"] = .integer(Int(inspection.video.first))
        document["lastTimestamp"] = .integer(Int(inspection.video.last))
        document["black"] = .array(pictures.black.map(\.document))
        document["frozen"] = .array(pictures.frozen.map(\.document))
        document["decoded"] = ["frames": .integer(trial.pictures), "damaged": .integer(trial.damaged)]
        return document
    }

    private func audio(_ stream: FileInspection.Audio) -> JSON {
        var document = stream.document
        if let loudness = loudness[stream.info.index] {
            document["loudness"] = loudness.document
            document["silence"] = .array(loudness.silence.map(\.document))
        }
        return document
    }
}

extension PictureSampling.Stretch {
    var document: JSON { ["startSeconds": .seconds(start), "endSeconds": .seconds(end)] }
}

extension MediaLimits {
    /// What a film may be at most.
    var document: JSON {
        [
            "bytes": .integer(fileBytes), "durationSeconds": .double(durationSeconds), "streams": .integer(streams),
            "pictureSide": .integer(pictureSide), "picturePixels": .integer(picturePixels),
            "framesPerSecond": .double(framesPerSecond), "pixelsPerSecond": .double(pixelsPerSecond),
            "audioChannels": .integer(audioChannels), "decodeRatio": .double(decodeRatio),
        ]
    }
}

extension FileInspection.Video {
    var document: JSON {
        let display = displaySize
        return .members(
            ("index", .integer(info.index)),
            ("codec", .string(info.codec)),
            ("profile", info.profile.map(JSON.string)),
            ("width", .integer(info.width)),
            ("height", .integer(info.height)),
            ("displayWidth", .integer(display.width)),
            ("displayHeight", .integer(display.height)),
            ("frameRate", .string(timing.rate.description)),
            ("constantFrameRate", .bool(timing.isConstant)),
            ("regularFrameRate", .string(timing.regularRate.description)),
            ("frames", .integer(frames)),
            ("rotation", .integer(info.orientation.rotation)),
            ("sampleAspectRatio", .string(info.sampleAspectRatio.aspectText)),
            ("pixelFormat", info.pixelFormat.map(JSON.string)),
            ("bitDepth", .integer(info.bitDepth)),
            ("highDynamicRange", .bool(info.isHighDynamicRange)),
            ("primaries", info.colourPrimaries.map(JSON.string)),
            ("transfer", info.colourTransfer.map(JSON.string)),
            ("matrix", info.colourMatrix.map(JSON.string)),
            ("fieldOrder", info.fieldOrder.map(JSON.string)),
            ("startSeconds", .seconds(startSeconds)),
            ("durationSeconds", .seconds(durationSeconds)))
    }
}

extension FileInspection.Audio {
    var document: JSON {
        .members(
            ("index", .integer(info.index)),
            ("codec", .string(info.codec)),
            ("sampleRate", .integer(info.sampleRate)),
            ("channels", .integer(info.channels)),
            ("channelLayout", info.channelLayout.map(JSON.string)),
            ("language", info.language.map(JSON.string)),
            ("startSeconds", .seconds(startSeconds)),
            ("durationSeconds", .seconds(durationSeconds)))
    }
}

extension JSON {
    /// Seconds, to the microsecond: what containers distinguish, without the noise of binary fractions.
    static func seconds(_ value: Double) -> JSON { .double((value * 1_000_000).rounded() / 1_000_000) }
}
