import CMedia
import CMediaShims

/// A demuxed or encoded packet. One owner; its contents are replaced by each read.
public final class Packet {
    let pointer: UnsafeMutablePointer<AVPacket>

    public init() throws(MediaError) {
        guard let pointer = av_packet_alloc() else { throw MediaError(.noMemory, "no memory for a packet") }
        self.pointer = pointer
    }

    deinit {
        var owned: UnsafeMutablePointer<AVPacket>? = pointer
        av_packet_free(&owned)
    }

    public var streamIndex: Int { Int(pointer.pointee.stream_index) }
    public var size: Int { Int(pointer.pointee.size) }
    public var isKeyframe: Bool { pointer.pointee.flags & AV_PKT_FLAG_KEY != 0 }
    /// An edit list cuts this packet away: it is needed to decode later ones and never shown.
    public var isDiscarded: Bool { pointer.pointee.flags & AV_PKT_FLAG_DISCARD != 0 }
    /// The demuxer knows that bytes are missing.
    public var isCorrupt: Bool { pointer.pointee.flags & AV_PKT_FLAG_CORRUPT != 0 }
    /// Position in the file, nil when unknown.
    public var byte: Int64? { pointer.pointee.pos >= 0 ? pointer.pointee.pos : nil }
    /// Presentation timestamp in the stream's time base, or the decoding timestamp where only that is known.
    public var timestamp: Int64? {
        let none = media_no_timestamp()
        let packet = pointer.pointee
        return packet.pts != none ? packet.pts : packet.dts != none ? packet.dts : nil
    }
    /// Duration in the same time base, 0 when unknown.
    public var duration: Int64 { max(0, pointer.pointee.duration) }

    func clear() { av_packet_unref(pointer) }
}

/// A decoded picture or block of samples. One owner; its contents are replaced by each receive.
public final class Frame {
    let pointer: UnsafeMutablePointer<AVFrame>

    public init() throws(MediaError) {
        guard let pointer = av_frame_alloc() else { throw MediaError(.noMemory, "no memory for a frame") }
        self.pointer = pointer
    }

    deinit {
        var owned: UnsafeMutablePointer<AVFrame>? = pointer
        av_frame_free(&owned)
    }

    public var width: Int { Int(pointer.pointee.width) }
    public var height: Int { Int(pointer.pointee.height) }
    public var samples: Int { Int(pointer.pointee.nb_samples) }
    public var sampleRate: Int { Int(pointer.pointee.sample_rate) }

    /// Presentation timestamp in the time base of whoever made the frame; the decoder's best guess where the file
    /// gives none.
    public var timestamp: Int64? {
        get {
            let none = media_no_timestamp()
            let frame = pointer.pointee
            return frame.best_effort_timestamp != none
                ? frame.best_effort_timestamp : frame.pts != none ? frame.pts : nil
        }
        set {
            pointer.pointee.pts = newValue ?? media_no_timestamp()
            pointer.pointee.best_effort_timestamp = pointer.pointee.pts
        }
    }

    /// Duration in the same time base, 0 when unknown.
    public var duration: Int64 {
        get { max(0, pointer.pointee.pkt_duration) }
        set { pointer.pointee.pkt_duration = newValue }
    }

    /// Lets the encoder choose the picture's type, or demands a keyframe.
    public func setKeyframe(_ isKeyframe: Bool) {
        pointer.pointee.pict_type = isKeyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE
        pointer.pointee.key_frame = isKeyframe ? 1 : 0
    }

    /// Whether the decoder marks the picture as holding two fields.
    var isInterlaced: Bool { pointer.pointee.interlaced_frame != 0 }

    /// Whether the decoder had to make up parts of the picture.
    var isDamaged: Bool {
        pointer.pointee.flags & AV_FRAME_FLAG_CORRUPT != 0 || pointer.pointee.decode_error_flags != 0
    }

    /// What the picture says of the grading of a film of high dynamic range; not every picture says it.
    var mastering: MasteringMetadata { MasteringMetadata(of: pointer) }

    func clear() { av_frame_unref(pointer) }

    /// What a filter has noted about the frame under a name, nil when nothing.
    public func note(_ name: String) -> String? {
        av_dict_get(pointer.pointee.metadata, name, nil, 0).flatMap { $0.pointee.value }.map { String(cString: $0) }
    }

    /// A second owner of the same samples.
    public func shared() throws(MediaError) -> Frame {
        let copy = try Frame()
        guard av_frame_ref(copy.pointer, pointer) >= 0 else { throw MediaError(.noMemory, "no memory for a frame") }
        return copy
    }

    /// The eight-bit luma plane; nil when the picture has none. The rows are valid while the frame is.
    public func withLuma<Result>(_ body: (UnsafePointer<UInt8>, _ stride: Int) -> Result) -> Result? {
        guard let plane = pointer.pointee.data.0 else { return nil }
        return body(plane, Int(pointer.pointee.linesize.0))
    }

    /// A black picture of 4:2:0 full-range samples, for sheets of tiles.
    public static func blackSheet(width: Int, height: Int) throws(MediaError) -> Frame {
        let frame = try Frame()
        frame.pointer.pointee.width = Int32(width)
        frame.pointer.pointee.height = Int32(height)
        frame.pointer.pointee.format = AV_PIX_FMT_YUVJ420P.rawValue
        frame.pointer.pointee.color_range = AVCOL_RANGE_JPEG
        frame.pointer.pointee.sample_aspect_ratio = AVRational(num: 1, den: 1)
        guard av_frame_get_buffer(frame.pointer, 0) >= 0 else {
            throw MediaError(.noMemory, "no memory for a picture of \(width)x\(height)")
        }
        for (plane, value) in [(0, UInt8(0)), (1, 128), (2, 128)] {
            guard let (base, stride) = frame.plane(plane) else { continue }
            for row in 0..<(plane == 0 ? height : (height + 1) / 2) {
                (base + row * stride).update(repeating: value, count: stride)
            }
        }
        return frame
    }

    /// Copies another 4:2:0 picture into this one; `x` and `y` must be even and the picture must fit.
    public func paste(_ other: Frame, x: Int, y: Int) {
        precondition(x % 2 == 0 && y % 2 == 0, "4:2:0 pictures are pasted at even places")
        precondition(x + other.width <= width && y + other.height <= height, "the pasted picture must fit")
        precondition(other.pointer.pointee.format == pointer.pointee.format, "pasted pictures share one format")
        for plane in 0..<3 {
            guard let (target, targetStride) = self.plane(plane), let (source, sourceStride) = other.plane(plane)
            else { continue }
            let half = plane == 0 ? 1 : 2
            for row in 0..<((other.height + half - 1) / half) {
                (target + (y / half + row) * targetStride + x / half)
                    .update(from: source + row * sourceStride, count: (other.width + half - 1) / half)
            }
        }
    }

    private func plane(_ index: Int) -> (UnsafeMutablePointer<UInt8>, Int)? {
        let frame = pointer.pointee
        let (data, stride) =
            switch index {
            case 0: (frame.data.0, frame.linesize.0)
            case 1: (frame.data.1, frame.linesize.1)
            default: (frame.data.2, frame.linesize.2)
            }
        return data.map { ($0, Int(stride)) }
    }
}

extension Frame {
    /// How a picture's samples are to be understood, by the library's names; nil where the file leaves it open.
    public struct Colours: Sendable, Hashable {
        public let primaries: String?
        public let transfer: String?
        public let matrix: String?
        public let isFullRange: Bool
        public let isRGB: Bool
    }

    public var colours: Colours {
        let frame = pointer.pointee
        func name(_ text: UnsafePointer<CChar>?, _ isKnown: Bool) -> String? {
            isKnown ? text.map { String(cString: $0) } : nil
        }
        let descriptor = av_pix_fmt_desc_get(AVPixelFormat(frame.format))
        let isRGB = descriptor.map { $0.pointee.flags & UInt64(AV_PIX_FMT_FLAG_RGB) != 0 } ?? false
        let isJPEG = descriptor.map { String(cString: $0.pointee.name).hasPrefix("yuvj") } ?? false
        return Colours(
            primaries: name(
                av_color_primaries_name(frame.color_primaries), frame.color_primaries != AVCOL_PRI_UNSPECIFIED),
            transfer: name(av_color_transfer_name(frame.color_trc), frame.color_trc != AVCOL_TRC_UNSPECIFIED),
            matrix: name(av_color_space_name(frame.colorspace), frame.colorspace != AVCOL_SPC_UNSPECIFIED),
            isFullRange: isJPEG || frame.color_range == AVCOL_RANGE_JPEG, isRGB: isRGB)
    }
}
