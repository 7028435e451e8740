import MediaFiles

/// What the pictures of a rung are coded in, and how its encoder is told.
enum VideoCodec: String, Sendable, Hashable, CaseIterable {
    case h264
    case hevc
    case av1
    case vp9

    /// The library's name of the encoder.
    var encoder: String {
        switch self {
        case .h264: "libx264"
        case .hevc: "libx265"
        case .av1: "libsvtav1"
        case .vp9: "libvpx-vp9"
        }
    }

    /// Whether films of high dynamic range keep it: what plays these codecs with ten bits shows it.
    var keepsHighDynamicRange: Bool { self == .hevc || self == .av1 }

    /// The constant rate factor of a rung that nobody tried others for. The scales differ; pictures look about alike.
    var quality: Double {
        switch self {
        case .h264: 23
        case .hevc: 26
        case .av1: 35
        case .vp9: 33
        }
    }

    var qualities: ClosedRange<Double> {
        switch self {
        case .h264, .hevc: 10...45
        case .av1, .vp9: 15...60
        }
    }

    /// The peak bit rate beside that of H.264.
    var peakShare: Double {
        switch self {
        case .h264: 1
        case .hevc, .vp9: 0.7
        case .av1: 0.6
        }
    }

    /// Processor time beside that of H.264, roughly: threads are shared out by it.
    var effort: Double { self == .h264 ? 1 : 3 }

    /// The encoder is given no more threads. What several of x264's and of SVT-AV1's make depends on chance where the peak rate
    /// binds: see ``EncodingLanes``. x265 soon gains nothing by more, with the rows of a picture to share.
    var mostThreads: Int {
        switch self {
        case .h264, .av1: 1
        case .hevc: 8
        case .vp9: 64
        }
    }

    /// The encoder takes no smaller pictures.
    var smallestSide: Int { self == .hevc || self == .av1 ? 64 : 2 }

    typealias Options = [(name: String, value: String)]

    /// The encoder's settings for a rung, by the names libavcodec and the ffmpeg program know.
    /// - Parameter preset: one of x264's names; encoders that number their presets get the like of it.
    func options(
        _ rung: Ladder.Rung, preset: String, keyframeInterval: Int, threads: Int, mastering: MasteringMetadata
    ) -> Options {
        let pace = TranscodeStep.presets.firstIndex(of: preset) ?? 0
        let rate: Options = [("maxrate", String(rung.peakBitRate)), ("bufsize", String(rung.peakBitRate * 2))]
        let interval = String(keyframeInterval)
        let whole = String(Int(rung.quality.rounded()))
        let fine = VideoCodec.decimal(rung.quality)
        var options: Options
        switch self {
        case .h264:
            options = [("preset", preset), ("profile", "high"), ("crf", fine)]
            options += rate
            options += [
                ("g", interval), ("keyint_min", interval), ("sc_threshold", "0"), ("forced-idr", "1"),
                ("flags", "+cgop"),
            ]
            if !rung.tools.isEmpty {
                let tools = rung.tools.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                options.append(("x264-params", tools.joined(separator: ":")))
            }
        case .hevc:
            // Threads share the rows of one picture: where several pictures are made at a time, it is chance, as with x264, how
            // far the others have come. Without info no picture tells how many threads there were.
            var parameters = "log-level=error:info=0:scenecut=0:open-gop=0:frame-threads=1:pools=\(threads)"
            if rung.isHighDynamicRange { parameters += mastering.x265Parameters }
            options = [("preset", preset), ("crf", fine)]
            options += rate
            options += [
                ("g", interval), ("keyint_min", interval), ("forced-idr", "1"), ("x265-params", parameters),
            ]
        case .av1:
            var parameters = "lp=\(threads):scd=0"
            if rung.isHighDynamicRange { parameters += ":enable-hdr=1" + mastering.svtParameters }
            // Twelve is the fastest preset.
            options = [("preset", String(12 - pace)), ("crf", whole)]
            options += rate
            options += [("g", interval), ("flags", "+cgop"), ("svtav1-params", parameters)]
        case .vp9:
            let isHurried = pace == 0
            options = [
                ("deadline", isHurried ? "realtime" : "good"), ("cpu-used", String(isHurried ? 8 : max(0, 6 - pace))),
                // What it aims at where the quality would take more. It goes far beyond that at a beginning, and further with
                // pictures that are better than asked for.
                ("crf", whole), ("qmin", whole), ("b", String(rung.peakBitRate / 2)),
            ]
            options += rate
            options += [("g", interval), ("keyint_min", interval), ("tile-columns", "2")]
        }
        return options
    }

    /// The same for pictures that come behind others. A film's first picture finds the decoder's buffer nearly full, and so
    /// does each encode's: a part in the middle of a film begins with half of it, or it would have more bits than the peak rate
    /// allows.
    func later(_ options: Options, peakBitRate: Int) -> Options {
        switch self {
        // In bits, of a buffer of twice as many.
        case .h264: options + [("rc_init_occupancy", String(peakBitRate))]
        case .hevc: options.map { $0.name == "x265-params" ? ($0.name, $0.value + ":vbv-init=0.5") : $0 }
        case .av1, .vp9: options
        }
    }

    /// `23`, `22.4`.
    private static func decimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? String(tenths / 10) : "\(tenths / 10).\(tenths % 10)"
    }
}

extension MasteringMetadata {
    /// For x265, which counts as `mdcv` does.
    fileprivate var x265Parameters: String {
        func pair(_ value: Chromaticity) -> String { "(\(value.x),\(value.y))" }
        var text = ""
        if let display {
            text +=
                ":master-display=G\(pair(display.green))B\(pair(display.blue))R\(pair(display.red))"
                + "WP\(pair(display.white))L(\(display.maximumLuminance),\(display.minimumLuminance))"
        }
        if let light { text += ":max-cll=\(light.content),\(light.pictureAverage)" }
        return text
    }

    /// For SVT-AV1, in whole units.
    fileprivate var svtParameters: String {
        func pair(_ value: Chromaticity) -> String {
            let scale = Double(MasteringMetadata.chromaticitySteps)
            return "(\(Double(value.x) / scale),\(Double(value.y) / scale))"
        }
        var text = ""
        if let display {
            let scale = Double(MasteringMetadata.luminanceSteps)
            text +=
                ":mastering-display=G\(pair(display.green))B\(pair(display.blue))R\(pair(display.red))"
                + "WP\(pair(display.white))"
                + "L(\(Double(display.maximumLuminance) / scale),\(Double(display.minimumLuminance) / scale))"
        }
        if let light { text += ":content-light=\(light.content),\(light.pictureAverage)" }
        return text
    }
}
