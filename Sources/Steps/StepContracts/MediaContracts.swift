extension StepContract {
    public static let validate = StepContract(
        name: "validate", version: 4,
        summary: "Opens a film, measures it packet by packet and refuses what cannot become a title, with the reason.",
        runner: .mediaWorker,
        input: [
            StepField("source", .string, "the address of the uploaded film, a URL"),
            StepField(
                "partSeconds", .number, required: false, "how much of a long film makes a part, 60 seconds unless given"
            ),
            .reuse,
        ],
        output: [
            StepField("source", .object, "the film as a stored object: url, bytes, sha256"),
            StepField("container", .string, "the container's name"),
            StepField("durationSeconds", .number, "from the first to the last moment of film and sound"),
            StepField("bitRate", .number, "of all packets, bits a second"),
            StepField(
                "editedParts", .number, required: false,
                "how many parts the edit lists put a track together from: 0 without any, 1 where one cuts an end"),
            StepField(
                "video", .object,
                "index, codec, profile, width, height, displayWidth, displayHeight, frameRate, constantFrameRate, "
                    + "regularFrameRate, frames, rotation, sampleAspectRatio, pixelFormat, bitDepth, highDynamicRange, primaries, "
                    + "transfer, matrix, fieldOrder, scan, startSeconds, durationSeconds, black, frozen, decoded"),
            StepField(
                "audio", .array,
                "each with index, codec, sampleRate, channels, language, startSeconds, durationSeconds, loudness, silence"
            ),
            StepField("subtitles", .array, "each with index, codec, text, language"),
            StepField(
                "parts", .array,
                "how a long film's pictures are shared out, each with first and count; none for a film that is done in one"
            ),
            StepField(
                "checks", .array,
                "what is unusual, each with name, severity and message: 'fix' is mended by transcode, 'warn' stays; what is "
                    + "refused fails the step"),
            StepField("limits", .object, "what a film may be at most"),
        ], needs: { StepNeeds.film($0, millicores: 1000, memoryBytes: 1 << 29) })

    public static let transcode = StepContract(
        name: "transcode", version: 6,
        summary: "Decodes a film once and encodes every rung of its ladder and every sound track, one MP4 each; text "
            + "subtitles become WebVTT.",
        runner: .mediaWorker, heartbeatSeconds: 30,
        input: [
            StepField("source", .object, "the film: url, bytes, sha256, as validate gives them"),
            StepField("media", .object, required: false, "what validate found; a part needs it"),
            StepField(
                "part", .any, required: false,
                "the whole unless given; 'sound' for sound and text alone; or one of validate's parts: first and count of "
                    + "pictures"),
            .codecs,
            StepField(
                "ladder", .any, required: false,
                "which rungs: 'fixed' unless given, by the film's size; 'per-title', by trial; or what the step ladder gave"
            ),
            .preset, .searchShare,
            StepField(
                "loudness", .any, required: false,
                "what sound is brought to: integrated, -23 LUFS unless given, and truePeak, at most -1 dBTP unless given; "
                    + "'source' leaves it as it is"),
            .download, .reuse,
        ],
        output: [
            StepField(
                "renditions", .array,
                "each with kind, name, file, codec, bytes, bitRate, durationSeconds, options; video also with width, height, "
                    + "pixelFormat, videoRange, frameRate, frames, score (ssim and psnr of luma on some pictures in its middle); audio with "
                    + "sampleRate, channels, language, loudness of the source, gain; text with "
                    + "language, cues"),
            StepField("scan", .string, "what the pictures turned out to be: progressive, interlaced or telecined"),
            StepField("framesEncoded", .number, "pictures encoded, all rungs together"),
            StepField("framesDecoded", .number, "pictures decoded from the source"),
            StepField("framesDamaged", .number, "pictures lost or made up in part, in transport streams"),
            StepField("framesRepeated", .number, "pictures shown once more where the source has none"),
            StepField("framesDropped", .number, "pictures left out where the source has two"),
            StepField(
                "ladder", .object, required: false,
                "what a trial found: rungs, each with its scores and the reason for it"),
            StepField("searchCpuSeconds", .number, required: false, "processor time spent on that"),
            .downloadFile,
            StepField("cpuSeconds", .number, "processor time spent"),
        ], needs: StepNeeds.encode)

    public static let ladder = StepContract(
        name: "ladder", version: 2,
        summary: "Chooses the rungs of a film by trial: the fewest bits for the similarity that the fixed ladder has.",
        runner: .mediaWorker, heartbeatSeconds: 30,
        input: [
            StepField("source", .object, "the film: url, bytes, sha256, as validate gives them"),
            StepField("media", .object, "what validate found"),
            .codecs, .preset, .searchShare, .reuse,
        ],
        output: [
            StepField("kind", .string, "'per-title', or 'fixed' where nothing could be tried"),
            StepField(
                "rungs", .array,
                "each with name, codec, width, height, highDynamicRange, peakBitRate, quality, tools, reason; fixed and trial: "
                    + "bytes, ssim, psnr"),
            StepField("dropped", .array, "rungs that add nothing, each with name and reason"),
            StepField("tools", .array, required: false, "what was tried, each with name, bits as a share, taken"),
            StepField("samples", .object, required: false, "places and frames that were looked at"),
            StepField("cpuSeconds", .number, "processor time spent"),
        ], needs: { StepNeeds.film($0, millicores: 2000, memoryBytes: 3 << 29) })

    public static let join = StepContract(
        name: "join", version: 3,
        summary: "Joins what transcode made of a film's parts into one MP4 for each rung, untouched and counted.",
        runner: .mediaWorker, heartbeatSeconds: 30,
        input: [
            StepField("parts", .array, "the renditions that transcode gave for each part, in order"),
            StepField("sound", .array, required: false, "the renditions that it gave for the part 'sound'"),
            .download, .reuse,
        ],
        output: [
            StepField(
                "renditions", .array,
                "as transcode gives them for a whole film; video also with scores: ssim and psnr of each part"),
            StepField("frames", .number, "pictures in each rung"),
            .downloadFile,
        ])

    public static let subtitles = StepContract(
        name: "subtitles", version: 1,
        summary: "Reads a file of subtitles beside a film (WebVTT, SubRip, TTML) and writes it as WebVTT.",
        runner: .mediaWorker,
        input: [
            StepField("source", .string, "the address of the file, a URL"),
            StepField("language", .string, required: false, "its language, a BCP 47 tag"),
            StepField(
                "role", .string, required: false,
                "'subtitle' unless given; 'caption', 'forced-subtitle' and the other roles of DASH"),
            .reuse,
        ],
        output: [
            StepField("renditions", .array, "one of kind 'text', as transcode gives them"),
            StepField("format", .string, "what it was: 'webvtt', 'subrip' or 'ttml'"),
            StepField("cues", .number, "how many there are"),
        ], needs: { StepNeeds.film($0, millicores: 500, memoryBytes: 1 << 28) })

    public static let thumbnail = StepContract(
        name: "thumbnail", version: 2,
        summary: "Takes a poster and the small pictures of the seek bar from a film.",
        runner: .mediaWorker, heartbeatSeconds: 30,
        input: [
            StepField("source", .object, "the film: url, bytes, sha256, as validate gives them"),
            StepField("media", .object, required: false, "what validate found"),
            .reuse,
        ],
        output: [
            StepField("poster", .object, "a stored JPEG, its longer side at most 1280"),
            StepField(
                "posters", .array, required: false,
                "each with width, height, file: the poster, and a larger one where the film has it"),
            StepField("posterSeconds", .number, required: false, "where in the film the poster is from"),
            StepField("sprites", .array, "stored JPEG sheets of tiles, in order of time"),
            StepField("thumbnails", .object, "a stored WebVTT file that names a region of a sheet for each interval"),
            StepField("tile", .object, "width, height, columns, rows, intervalSeconds"),
            StepField(
                "retina", .object, required: false,
                "sprites and thumbnails with twice the samples a side, where the film has them"),
        ], needs: { StepNeeds.film($0, millicores: 1000, memoryBytes: 3 << 28) })

    public static let protect = StepContract(
        name: "protect", version: 1,
        summary:
            "Makes the content keys of a film, one for its sound and each quality of its pictures, or has them made.",
        runner: .engine,
        input: [
            StepField("protection", .string, "'none', 'cbcs' or 'cenc'"),
            StepField("renditions", .array, required: false, "what transcode gave: only what they need is made"),
        ],
        output: [
            StepField("protection", .string, "as given"),
            StepField("keys", .array, "each with keyId and label; iv and systems of a key server's; never a key"),
        ], errors: [StepErrorName.keyUnavailable])

    public static let package = StepContract(
        name: "package", version: 3,
        summary: "Cuts renditions into CMAF segments, protects them and writes the HLS and DASH manifests.",
        runner: .mediaWorker, heartbeatSeconds: 30,
        input: [
            StepField("renditions", .array, "what transcode gave; subtitles, of kind 'text', may stand beside it"),
            StepField(
                "subtitles", .array, required: false, "renditions of what lies beside the film, as subtitles gives them"
            ),
            StepField("thumbnails", .object, required: false, "what thumbnail gave"),
            StepField("protection", .string, required: false, "'none' unless given, 'cbcs' or 'cenc'"),
            StepField(
                "keys", .array, required: false,
                "each with keyId and label: audio, video, sd, hd, uhd, or none for all; hdcpLevel: NONE, TYPE-0, TYPE-1; iv and "
                    + "systems, as protect gives them"
            ),
            StepField("clearLeadSeconds", .number, required: false, "segments that begin before it stay clear"),
            .reuse,
        ],
        output: [
            StepField("prefix", .string, "the key prefix of everything the package holds"),
            StepField("hls", .string, "key of the HLS multivariant playlist"),
            StepField("dash", .string, "key of the DASH manifest"),
            StepField("objects", .array, "every stored object of the package"),
            StepField("durationSeconds", .number, "of the presentation"),
            StepField("protection", .string, "'none', 'cbcs' or 'cenc'"),
            StepField(
                "renditions", .array,
                "each with kind, codecs, width, height, frameRate, keyId, bandwidth, averageBandwidth"),
        ], errors: [StepErrorName.keyUnavailable],
        needs: { StepNeeds.film($0, millicores: 1000, memoryBytes: 1 << 29) })

    public static let publish = StepContract(
        name: "publish", version: 1,
        summary: "Makes a packaged film visible to viewers, whole and once.",
        runner: .engine,
        input: [
            StepField("title", .string, required: false, "the title's name"),
            StepField("metadata", .object, required: false, "what the catalogue shows beside the name"),
            StepField("media", .object, "what validate found"),
            StepField("package", .object, "what package gave"),
            StepField("thumbnails", .object, required: false, "what thumbnail gave"),
        ],
        output: [
            StepField("titleId", .string, "the title in the catalogue"),
            StepField("hls", .string, "the address viewers play over HLS"),
            StepField("dash", .string, "the address viewers play over DASH"),
        ])

    /// The steps that make a title out of an upload.
    public static let media: [StepContract] = [
        .validate, .ladder, .transcode, .join, .subtitles, .thumbnail, .protect, .package, .publish,
    ]

    /// Every step this release knows.
    public static let all: [StepContract] = media + data

    /// The integrations of AWS Step Functions that workers do.
    public static let integrations: [StepContract] = [.httpInvoke]

    /// The contract of a step by its name (without the resource prefix); nil when there is no such step.
    public static func named(_ name: String) -> StepContract? { all.first { $0.name == name } }
}

extension StepField {
    fileprivate static let download = StepField(
        "download", .boolean, required: false,
        "whether the largest pictures in H.264 and the first sound are put into one MP4 as well, false unless given")
    fileprivate static let downloadFile = StepField(
        "download", .object, required: false, "a stored MP4 of pictures and sound, its index in front")
    fileprivate static let codecs = StepField(
        "codecs", .array, required: false, "what rungs are coded in beside 'h264': 'hevc', 'av1', 'vp9'")
    fileprivate static let preset = StepField(
        "preset", .string, required: false, "x264's preset, 'veryfast' unless given; other encoders get the like of it")

    fileprivate static let searchShare = StepField(
        "searchShare", .number, required: false,
        "how much processor time the search of a per-title ladder may take, as a share of the encode's: 0.1 unless given"
    )

    /// Every media step's: no part of what makes its result.
    fileprivate static let reuse = StepField(
        "reuse", .boolean, required: false, "whether a kept result is taken, true unless given")
}
