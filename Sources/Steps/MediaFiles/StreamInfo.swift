import CMedia
import CMediaShims

/// What a file says about one of its streams. Nothing here is measured: see ``FileInspection`` for that.
public struct StreamInfo: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        case video, audio, subtitle
        /// Cover art: a picture that belongs to the file as a whole, and no film.
        case attachedPicture
        case other
    }

    public let index: Int
    public let kind: Kind
    /// The library's short name of the codec, such as `h264`.
    public let codec: String
    public let profile: String?
    /// Whether this build of the library can decode it.
    public let isDecodable: Bool
    public let timeBase: Rational
    public let language: String?
    public let isDefault: Bool
    /// Duration by the container's own account, in seconds.
    public let claimedSeconds: Double?

    // Video.
    public let width: Int
    public let height: Int
    public let sampleAspectRatio: Rational
    public let orientation: Orientation
    public let pixelFormat: String?
    public let bitDepth: Int
    /// `progressive`, `tt`, `bb`, `tb` or `bt` as the library abbreviates them; nil when the file does not say.
    public let fieldOrder: String?
    /// PQ (SMPTE ST 2084) or HLG (ARIB STD-B67) transfer.
    public let isHighDynamicRange: Bool
    /// What the container says of the grading of such a film.
    public let mastering: MasteringMetadata
    /// By the library's names, nil where the file leaves it open.
    public let colourPrimaries: String?
    public let colourTransfer: String?
    public let colourMatrix: String?
    /// The two rates the demuxer derives; see ``FrameTiming`` for the true one.
    public let averageFrameRate: Rational?
    public let lowestFrameRate: Rational?

    // Audio.
    public let sampleRate: Int
    public let channels: Int
    public let channelLayout: String?

    /// Subtitles that are text, and no pictures of it.
    public let isText: Bool

    public var isInterlaced: Bool { fieldOrder.map { $0 != "progressive" } ?? false }

    init(_ stream: UnsafeMutablePointer<AVStream>) {
        let parameters = stream.pointee.codecpar.pointee
        index = Int(stream.pointee.index)
        let isPicture = stream.pointee.disposition & AV_DISPOSITION_ATTACHED_PIC != 0
        kind =
            switch parameters.codec_type {
            case AVMEDIA_TYPE_VIDEO: isPicture ? .attachedPicture : .video
            case AVMEDIA_TYPE_AUDIO: .audio
            case AVMEDIA_TYPE_SUBTITLE: .subtitle
            default: .other
            }
        codec = avcodec_get_name(parameters.codec_id).map { String(cString: $0) } ?? "unknown"
        profile = avcodec_profile_name(parameters.codec_id, parameters.profile).map { String(cString: $0) }
        isDecodable = avcodec_find_decoder(parameters.codec_id) != nil
        timeBase = Rational(known: stream.pointee.time_base) ?? Rational(1, 1000)
        language = StreamInfo.metadata(stream.pointee.metadata, "language").flatMap(StreamInfo.languageTag)
        isDefault = stream.pointee.disposition & AV_DISPOSITION_DEFAULT != 0
        let claimed = stream.pointee.duration
        claimedSeconds = claimed != media_no_timestamp() && claimed > 0 ? Double(claimed) * timeBase.value : nil

        width = Int(parameters.width)
        height = Int(parameters.height)
        sampleAspectRatio = StreamInfo.plausibleAspect(
            Rational(known: stream.pointee.sample_aspect_ratio) ?? Rational(known: parameters.sample_aspect_ratio))
        orientation = Orientation(of: stream)
        if parameters.codec_type == AVMEDIA_TYPE_VIDEO, parameters.format >= 0,
            let descriptor = av_pix_fmt_desc_get(AVPixelFormat(parameters.format))
        {
            pixelFormat = String(cString: descriptor.pointee.name)
            bitDepth = Int(descriptor.pointee.comp.0.depth)
        } else {
            pixelFormat = nil
            bitDepth = 8
        }
        fieldOrder =
            switch parameters.field_order {
            case AV_FIELD_PROGRESSIVE: "progressive"
            case AV_FIELD_TT: "tt"
            case AV_FIELD_BB: "bb"
            case AV_FIELD_TB: "tb"
            case AV_FIELD_BT: "bt"
            default: nil
            }
        isHighDynamicRange =
            parameters.color_trc == AVCOL_TRC_SMPTE2084 || parameters.color_trc == AVCOL_TRC_ARIB_STD_B67
        mastering = MasteringMetadata(of: stream)
        func name(_ text: UnsafePointer<CChar>?, _ isKnown: Bool) -> String? {
            isKnown ? text.map { String(cString: $0) } : nil
        }
        colourPrimaries = name(
            av_color_primaries_name(parameters.color_primaries), parameters.color_primaries != AVCOL_PRI_UNSPECIFIED)
        colourTransfer = name(
            av_color_transfer_name(parameters.color_trc), parameters.color_trc != AVCOL_TRC_UNSPECIFIED)
        colourMatrix = name(
            av_color_space_name(parameters.color_space), parameters.color_space != AVCOL_SPC_UNSPECIFIED)
        let properties = avcodec_descriptor_get(parameters.codec_id)?.pointee.props ?? 0
        isText = kind == .subtitle && isDecodable && properties & AV_CODEC_PROP_TEXT_SUB != 0
        averageFrameRate = Rational(known: stream.pointee.avg_frame_rate)
        lowestFrameRate = Rational(known: stream.pointee.r_frame_rate)

        sampleRate = Int(parameters.sample_rate)
        channels = Int(parameters.ch_layout.nb_channels)
        channelLayout = parameters.codec_type == AVMEDIA_TYPE_AUDIO ? ChannelLayout.name(parameters.ch_layout) : nil
    }

    /// Sample aspect ratios beyond 4:1 come from broken headers; square samples are the better guess.
    static func plausibleAspect(_ ratio: Rational?) -> Rational {
        guard let ratio, (0.25...4).contains(ratio.value) else { return .one }
        return ratio
    }

    /// ISO 639 codes and BCP 47 tags pass; what containers write for "unknown" and anything else does not.
    private static func languageTag(_ text: String) -> String? {
        let lower = text.lowercased()
        let isTag = lower.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
        return isTag && (2...35).contains(lower.utf8.count) && lower != "und" ? lower : nil
    }

    private static func metadata(_ dictionary: OpaquePointer?, _ key: String) -> String? {
        av_dict_get(dictionary, key, nil, 0).flatMap { entry in entry.pointee.value.map { String(cString: $0) } }
    }
}

/// How decoded pictures must be turned to be shown upright (the display matrix of ISO/IEC 14496-12, 8.3.2).
public struct Orientation: Sendable, Hashable {
    /// Clockwise, in degrees: 0, 90, 180 or 270.
    public let rotation: Int
    /// The filters that turn the picture, in the library's filter language; empty when it stands upright.
    public let filterTexts: [String]

    public static let upright = Orientation(rotation: 0, filterTexts: [])

    private init(rotation: Int, filterTexts: [String]) {
        self.rotation = rotation
        self.filterTexts = filterTexts
    }

    /// Whether width and height change places.
    public var swapsSides: Bool { rotation == 90 || rotation == 270 }

    init(of stream: UnsafeMutablePointer<AVStream>) {
        var size = 0
        guard let bytes = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size),
            size >= 9 * MemoryLayout<Int32>.size
        else {
            self = .upright
            return
        }
        let matrix = (0..<9).map {
            UnsafeRawPointer(bytes).loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self)
        }
        let angle = matrix.withUnsafeBufferPointer { av_display_rotation_get($0.baseAddress) }
        guard angle.isFinite else {
            self = .upright
            return
        }
        // The library's angle is counterclockwise. Pictures are turned by quarter turns only.
        let quarter = ((Int((-angle / 90).rounded()) % 4) + 4) % 4
        rotation = quarter * 90
        // Mirrored matrices are told from the signs, as the ffmpeg program tells them.
        filterTexts =
            switch quarter {
            case 1: [matrix[3] > 0 ? "transpose=cclock_flip" : "transpose=clock"]
            case 2: (matrix[0] < 0 ? ["hflip"] : []) + (matrix[4] < 0 ? ["vflip"] : [])
            case 3: [matrix[3] < 0 ? "transpose=clock_flip" : "transpose=cclock"]
            default: matrix[4] < 0 ? ["vflip"] : []
            }
    }
}

enum ChannelLayout {
    /// The layout's name in the filter language (`stereo`, `5.1(side)`), the usual one for its number of channels where
    /// the file leaves it open; nil without channels.
    static func name(_ layout: AVChannelLayout) -> String? {
        guard layout.nb_channels > 0 else { return nil }
        var known = AVChannelLayout()
        defer { av_channel_layout_uninit(&known) }
        if layout.order == AV_CHANNEL_ORDER_NATIVE {
            var copy = layout
            return describe(&copy)
        }
        av_channel_layout_default(&known, layout.nb_channels)
        return describe(&known)
    }

    private static func describe(_ layout: inout AVChannelLayout) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let base = buffer.baseAddress,
                av_channel_layout_describe(&layout, base, buffer.count) > 0
            else { return nil }
            return String(cString: base)
        }
    }
}
