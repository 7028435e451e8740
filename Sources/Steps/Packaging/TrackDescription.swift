/// A positive fraction as media formats write it: a frame rate, an aspect ratio.
public struct Ratio: Sendable, Hashable {
    public let numerator: Int
    public let denominator: Int

    /// In lowest terms.
    /// - Precondition: both are above zero.
    public init(_ numerator: Int, _ denominator: Int) {
        precondition(numerator > 0 && denominator > 0, "a ratio of positive numbers: \(numerator)/\(denominator)")
        let divisor = Int(greatestCommonDivisor(UInt64(numerator), UInt64(denominator)))
        self.numerator = numerator / divisor
        self.denominator = denominator / divisor
    }
}

/// What the boxes and manifests say of one track.
public struct TrackDescription: Sendable, Hashable {
    public enum Media: Sendable, Hashable {
        case video(Video)
        case audio(Audio)
    }

    public struct Video: Sendable, Hashable {
        /// Coded size in pixels.
        public let width: Int
        public let height: Int
        public let sampleAspectRatio: Ratio
        /// What the container says; where it says nothing, the codec's own headers count.
        public let color: ColorDescription?
        public let highDynamicRange: HighDynamicRangeMetadata
        public let dolbyVision: DolbyVisionConfiguration?

        public init(
            width: Int, height: Int, sampleAspectRatio: Ratio = Ratio(1, 1), color: ColorDescription? = nil,
            highDynamicRange: HighDynamicRangeMetadata = HighDynamicRangeMetadata(),
            dolbyVision: DolbyVisionConfiguration? = nil
        ) {
            self.width = width
            self.height = height
            self.sampleAspectRatio = sampleAspectRatio
            self.color = color
            self.highDynamicRange = highDynamicRange
            self.dolbyVision = dolbyVision
        }

        /// The width at which the picture has square pixels.
        public var displayWidth: Int {
            let ratio = sampleAspectRatio
            return (width * ratio.numerator * 2 + ratio.denominator) / (ratio.denominator * 2)
        }

        var pictureAspectRatio: Ratio {
            Ratio(width * sampleAspectRatio.numerator, height * sampleAspectRatio.denominator)
        }
    }

    public struct Audio: Sendable, Hashable {
        /// In hertz.
        public let sampleRate: Int
        public let channels: Int

        public init(sampleRate: Int, channels: Int) {
            self.sampleRate = sampleRate
            self.channels = channels
        }
    }

    /// Names the track's folder and its Representation: letters, digits, `.`, `_` and `-`, unique in a presentation.
    public let name: String
    public let codec: CodecConfiguration
    public let media: Media
    /// Ticks a second of the samples' times.
    public let timeScale: Int
    public let language: LanguageTag
    public let role: TrackRole

    /// - Throws: `trackInvalid` with all that is wrong, when a value fits no box.
    public init(
        name: String, codec: CodecConfiguration, media: Media, timeScale: Int, language: LanguageTag = .undetermined,
        role: TrackRole = .main
    ) throws(PackagingError) {
        var problems: [String] = []
        if !TrackDescription.isName(name) {
            problems.append("its name must be 1 to 64 letters, digits, '.', '_' or '-', not starting with '.'")
        }
        if !(1...Int(Int32.max)).contains(timeScale) { problems.append("its time scale is \(timeScale)") }
        switch media {
        case .video(let video):
            if !(1...16384).contains(video.width) || !(1...16384).contains(video.height) {
                problems.append("\(video.width)x\(video.height) pixels; each side may have 1 to 16384")
            }
            let ratio = video.sampleAspectRatio
            if ratio.numerator > 65535 || ratio.denominator > 65535 {
                problems.append("its sample aspect ratio is \(ratio.numerator):\(ratio.denominator)")
            } else if (1...16384).contains(video.width), !(1...65535).contains(video.displayWidth) {
                problems.append("it is displayed \(video.displayWidth) pixels wide")
            }
            if !codec.isVideo { problems.append("its codec \(codec.codecs) is not of its kind") }
        case .audio(let audio):
            if !(1...64).contains(audio.channels) { problems.append("it has \(audio.channels) channels") }
            if !(1...384_000).contains(audio.sampleRate) { problems.append("its rate is \(audio.sampleRate) Hz") }
            if codec.isVideo { problems.append("its codec \(codec.codecs) is not of its kind") }
        }
        guard problems.isEmpty else {
            throw PackagingError(.trackInvalid, "track '\(name)': " + problems.joined(separator: "; "))
        }
        self.name = name
        self.codec = codec
        self.media = media
        self.timeScale = timeScale
        self.language = language
        self.role = role
    }

    public static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count) && text.utf8.first != 0x2E
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
                default: false
                }
            }
    }

    public var isVideo: Bool {
        if case .video = media { true } else { false }
    }

    /// The codecs parameter, with the colours where the codec's form has them.
    public var codecs: String {
        if case .av1(let configuration) = codec { configuration.codecs(color: color) } else { codec.codecs }
    }

    /// What players that know more than the codec find in the stream; nil for nothing.
    var supplementalCodecs: String? {
        guard case .video(let video) = media else { return nil }
        return video.dolbyVision?.codecs(over: codec)
    }

    /// The colours of a picture; nil where nothing states them.
    var color: ColorDescription? {
        guard case .video(let video) = media else { return nil }
        return video.color ?? codec.color
    }

    var highDynamicRange: HighDynamicRangeMetadata {
        guard case .video(let video) = media else { return HighDynamicRangeMetadata() }
        var metadata = video.highDynamicRange
        if case .hevc(let configuration) = codec {
            if metadata.masteringDisplay.isEmpty { metadata.masteringDisplay = configuration.metadata.masteringDisplay }
            if metadata.contentLight.isEmpty { metadata.contentLight = configuration.metadata.contentLight }
        }
        return metadata
    }
}

/// What a track is for, in the words of DASH (urn:mpeg:dash:role:2011, ISO/IEC 23009-1, 5.8.5.5).
public enum TrackRole: String, Sendable, Hashable, CaseIterable {
    case main
    /// The same in other words or another mix.
    case alternate
    case commentary
    /// Sound that tells what is to be seen.
    case description
    /// Sound made easier to understand.
    case enhancedIntelligibility = "enhanced-audio-intelligibility"
    case dub
    case subtitle
    /// Text that tells what is to be heard, too.
    case caption
    /// Text for what the film leaves untranslated.
    case forcedSubtitle = "forced-subtitle"

    /// Characteristics for assistive technology (RFC 8216bis, 4.4.6.1); empty when none.
    var characteristics: String {
        switch self {
        case .description: "public.accessibility.describes-video"
        case .enhancedIntelligibility: "public.accessibility.enhances-speech-intelligibility"
        case .caption:
            "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound"
        case .main, .alternate, .commentary, .dub, .subtitle, .forcedSubtitle: ""
        }
    }

    /// The audio purpose of TV-Anytime (urn:tva:metadata:cs:AudioPurposeCS:2007) that DASH's accessibility
    /// descriptors name; nil when none.
    var accessibility: String? {
        switch self {
        case .description: "1"
        case .enhancedIntelligibility: "8"
        case .caption: "2"
        case .main, .alternate, .commentary, .dub, .subtitle, .forcedSubtitle: nil
        }
    }
}
