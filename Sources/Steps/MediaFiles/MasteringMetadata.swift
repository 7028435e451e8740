import CMedia

/// What a film of high dynamic range was graded on (SMPTE ST 2086) and how bright it gets (CTA-861.3), as its container
/// or its pictures say.
public struct MasteringMetadata: Sendable, Hashable {
    /// A chromaticity (CIE 1931), in steps of 0.00002.
    public struct Chromaticity: Sendable, Hashable {
        public let x: Int
        public let y: Int
    }

    public struct Display: Sendable, Hashable {
        public let red: Chromaticity
        public let green: Chromaticity
        public let blue: Chromaticity
        public let white: Chromaticity
        /// In steps of 0.0001 cd/m².
        public let minimumLuminance: Int
        public let maximumLuminance: Int
    }

    public struct Light: Sendable, Hashable {
        /// Of the brightest sample, in cd/m².
        public let content: Int
        /// Of the brightest picture's mean, in cd/m².
        public let pictureAverage: Int
    }

    /// Nil where nothing is said of it.
    public let display: Display?
    public let light: Light?

    public static let none = MasteringMetadata(display: nil, light: nil)

    /// Steps in a whole of the figures above.
    public static let chromaticitySteps = 50_000
    public static let luminanceSteps = 10_000

    private init(display: Display?, light: Light?) {
        self.display = display
        self.light = light
    }

    /// Takes what is missing from another.
    public func completed(by other: MasteringMetadata) -> MasteringMetadata {
        MasteringMetadata(display: display ?? other.display, light: light ?? other.light)
    }

    /// Reads the library's structures.
    private init(displayBytes: UnsafePointer<UInt8>?, lightBytes: UnsafePointer<UInt8>?) {
        display = displayBytes.flatMap { bytes in
            Display(UnsafeRawPointer(bytes).assumingMemoryBound(to: AVMasteringDisplayMetadata.self).pointee)
        }
        light = lightBytes.flatMap { bytes in
            let light = UnsafeRawPointer(bytes).assumingMemoryBound(to: AVContentLightMetadata.self).pointee
            // The boxes hold 16 bits of each; zero means unknown (CTA-861.3).
            guard light.MaxCLL > 0 || light.MaxFALL > 0, light.MaxCLL <= 65535, light.MaxFALL <= 65535 else {
                return nil
            }
            return Light(content: Int(light.MaxCLL), pictureAverage: Int(light.MaxFALL))
        }
    }

    init(of stream: UnsafePointer<AVStream>) {
        func bytes(_ type: AVPacketSideDataType) -> UnsafePointer<UInt8>? {
            av_stream_get_side_data(stream, type, nil).map { UnsafePointer($0) }
        }
        self.init(
            displayBytes: bytes(AV_PKT_DATA_MASTERING_DISPLAY_METADATA),
            lightBytes: bytes(AV_PKT_DATA_CONTENT_LIGHT_LEVEL))
    }

    init(of frame: UnsafePointer<AVFrame>) {
        func bytes(_ type: AVFrameSideDataType) -> UnsafePointer<UInt8>? {
            av_frame_get_side_data(frame, type).flatMap { UnsafePointer($0.pointee.data) }
        }
        self.init(
            displayBytes: bytes(AV_FRAME_DATA_MASTERING_DISPLAY_METADATA),
            lightBytes: bytes(AV_FRAME_DATA_CONTENT_LIGHT_LEVEL))
    }

    /// Has a muxer write it down.
    func attach(to stream: UnsafeMutablePointer<AVStream>) throws(MediaError) {
        if let display {
            let size = MemoryLayout<AVMasteringDisplayMetadata>.size
            guard let bytes = av_stream_new_side_data(stream, AV_PKT_DATA_MASTERING_DISPLAY_METADATA, size) else {
                throw MediaError(.noMemory, "no memory for a stream")
            }
            UnsafeMutableRawPointer(bytes).storeBytes(of: display.library, as: AVMasteringDisplayMetadata.self)
        }
        if let light {
            let size = MemoryLayout<AVContentLightMetadata>.size
            guard let bytes = av_stream_new_side_data(stream, AV_PKT_DATA_CONTENT_LIGHT_LEVEL, size) else {
                throw MediaError(.noMemory, "no memory for a stream")
            }
            UnsafeMutableRawPointer(bytes).storeBytes(
                of: AVContentLightMetadata(MaxCLL: UInt32(light.content), MaxFALL: UInt32(light.pictureAverage)),
                as: AVContentLightMetadata.self)
        }
    }
}

extension MasteringMetadata.Display {
    /// Nil unless all of it is there and fits its box.
    fileprivate init?(_ display: AVMasteringDisplayMetadata) {
        func steps(_ value: AVRational, _ scale: Int, _ largest: Int) -> Int? {
            guard value.den > 0, value.num >= 0 else { return nil }
            let steps = (Double(value.num) / Double(value.den) * Double(scale)).rounded()
            return steps <= Double(largest) ? Int(steps) : nil
        }
        func chromaticity(_ pair: (AVRational, AVRational)) -> MasteringMetadata.Chromaticity? {
            guard let x = steps(pair.0, MasteringMetadata.chromaticitySteps, 65535),
                let y = steps(pair.1, MasteringMetadata.chromaticitySteps, 65535)
            else { return nil }
            return MasteringMetadata.Chromaticity(x: x, y: y)
        }
        guard display.has_primaries != 0, display.has_luminance != 0,
            let red = chromaticity(display.display_primaries.0), let green = chromaticity(display.display_primaries.1),
            let blue = chromaticity(display.display_primaries.2), let white = chromaticity(display.white_point),
            let least = steps(display.min_luminance, MasteringMetadata.luminanceSteps, Int(Int32.max)),
            let most = steps(display.max_luminance, MasteringMetadata.luminanceSteps, Int(Int32.max)), most > least
        else { return nil }
        self.init(red: red, green: green, blue: blue, white: white, minimumLuminance: least, maximumLuminance: most)
    }

    fileprivate var library: AVMasteringDisplayMetadata {
        func ratio(_ steps: Int, _ scale: Int) -> AVRational { AVRational(num: Int32(steps), den: Int32(scale)) }
        func pair(_ value: MasteringMetadata.Chromaticity) -> (AVRational, AVRational) {
            (ratio(value.x, MasteringMetadata.chromaticitySteps), ratio(value.y, MasteringMetadata.chromaticitySteps))
        }
        var display = AVMasteringDisplayMetadata()
        display.display_primaries = (pair(red), pair(green), pair(blue))
        display.white_point = pair(white)
        display.min_luminance = ratio(minimumLuminance, MasteringMetadata.luminanceSteps)
        display.max_luminance = ratio(maximumLuminance, MasteringMetadata.luminanceSteps)
        display.has_primaries = 1
        display.has_luminance = 1
        return display
    }
}
