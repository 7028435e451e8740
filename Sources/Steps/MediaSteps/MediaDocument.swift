import JSON
import MediaFiles

extension FileInspection {
    /// The part of validate's output that describes the media: everything but `source`.
    var document: JSON {
        .members(
            ("container", .string(container)),
            ("durationSeconds", .seconds(durationSeconds)),
            ("bitRate", .integer(bitRate)),
            ("video", video.document),
            ("audio", .array(audio.map(\.document))),
            (
                "subtitles",
                .array(
                    subtitles.map { info in
                        .members(
                            ("index", .integer(info.index)), ("codec", .string(info.codec)),
                            ("language", info.language.map(JSON.string)))
                    })
            ))
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
            ("frames", .integer(frames)),
            ("rotation", .integer(info.orientation.rotation)),
            ("sampleAspectRatio", .string(info.sampleAspectRatio.aspectText)),
            ("pixelFormat", info.pixelFormat.map(JSON.string)),
            ("bitDepth", .integer(info.bitDepth)),
            ("highDynamicRange", .bool(info.isHighDynamicRange)),
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
