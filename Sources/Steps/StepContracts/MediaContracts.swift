extension StepContract {
    public static let validate = StepContract(
        name: "validate", version: 1,
        summary: "Opens a film, measures it packet by packet and refuses what cannot become a title, with the reason.",
        runner: .mediaWorker,
        input: [StepField("source", .string, "the address of the uploaded film, a URL")],
        output: [
            StepField("source", .object, "the film as a stored object: url, bytes, sha256"),
            StepField("container", .string, "the container's name"),
            StepField("durationSeconds", .number, "from the first to the last moment of film and sound"),
            StepField("bitRate", .number, "of all packets, bits a second"),
            StepField(
                "video", .object,
                "index, codec, profile, width, height, displayWidth, displayHeight, frameRate, constantFrameRate, frames, "
                    + "rotation, sampleAspectRatio, pixelFormat, bitDepth, fieldOrder, startSeconds, durationSeconds"),
            StepField(
                "audio", .array, "each with index, codec, sampleRate, channels, language, startSeconds, durationSeconds"
            ),
            StepField("subtitles", .array, "each with index, codec, language"),
        ], needs: { StepNeeds.film($0, millicores: 1000, memoryBytes: 1 << 29) })

    public static let transcode = StepContract(
        name: "transcode", version: 2,
        summary: "Decodes a film once and encodes every rung of its ladder and every sound track, one MP4 each.",
        runner: .mediaWorker, heartbeatSeconds: 30,
        input: [
            StepField("source", .object, "the film: url, bytes, sha256, as validate gives them"),
            StepField("media", .object, required: false, "what validate found"),
            StepField("ladder", .string, required: false, "which rungs: 'fixed'"),
            StepField("preset", .string, required: false, "x264's preset, 'veryfast' unless given"),
        ],
        output: [
            StepField(
                "renditions", .array,
                "each with kind, name, file, codec, bytes, bitRate, durationSeconds, options; video also with width, height, "
                    + "frameRate, frames; audio with sampleRate, channels, language"),
            StepField("framesEncoded", .number, "pictures encoded, all rungs together"),
            StepField("framesDecoded", .number, "pictures decoded from the source"),
            StepField("cpuSeconds", .number, "processor time spent"),
        ], needs: StepNeeds.encode)

    public static let thumbnail = StepContract(
        name: "thumbnail", version: 1,
        summary: "Takes a poster and the small pictures of the seek bar from a film.",
        runner: .mediaWorker, heartbeatSeconds: 30,
        input: [
            StepField("source", .object, "the film: url, bytes, sha256, as validate gives them"),
            StepField("media", .object, required: false, "what validate found"),
        ],
        output: [
            StepField("poster", .object, "a stored JPEG"),
            StepField("sprites", .array, "stored JPEG sheets of tiles, in order of time"),
            StepField("thumbnails", .object, "a stored WebVTT file that names a region of a sheet for each interval"),
            StepField("tile", .object, "width, height, columns, rows, intervalSeconds"),
        ], needs: { StepNeeds.film($0, millicores: 1000, memoryBytes: 3 << 28) })

    public static let package = StepContract(
        name: "package", version: 2,
        summary: "Cuts renditions into CMAF segments, protects them and writes the HLS and DASH manifests.",
        runner: .mediaWorker, heartbeatSeconds: 30,
        input: [
            StepField("renditions", .array, "what transcode gave; subtitles, of kind 'text', may stand beside it"),
            StepField("thumbnails", .object, required: false, "what thumbnail gave"),
            StepField("protection", .string, required: false, "'none' unless given, 'cbcs' or 'cenc'"),
            StepField(
                "keys", .array, required: false,
                "each with keyId and label: audio, video, sd, hd, uhd, or none for all; hdcpLevel: NONE, TYPE-0, TYPE-1"
            ),
            StepField("clearLeadSeconds", .number, required: false, "segments that begin before it stay clear"),
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
        ], needs: { StepNeeds.film($0, millicores: 1000, memoryBytes: 1 << 29) })

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
    public static let media: [StepContract] = [.validate, .transcode, .thumbnail, .package, .publish]

    /// Every step this release knows.
    public static let all: [StepContract] = media + data

    /// The integrations of AWS Step Functions that workers do.
    public static let integrations: [StepContract] = [.httpInvoke]

    /// The contract of a step by its name (without the resource prefix); nil when there is no such step.
    public static func named(_ name: String) -> StepContract? { all.first { $0.name == name } }
}
