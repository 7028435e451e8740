import Packaging
import Testing

/// Tracks made of numbers: packaging never looks into coded data.
enum Fixture {
    /// High profile, level 3.1.
    static let avcRecord: [UInt8] = [
        1, 0x64, 0x00, 0x1F, 0xFF, 0xE1, 0, 4, 0x67, 0x64, 0x00, 0x1F, 1, 0, 3, 0x68, 0xEE, 0x3C,
    ]
    /// AAC-LC, 48 kHz, two channels.
    static let aacRecord: [UInt8] = [0x11, 0x90]

    static func video(
        _ name: String = "video-720p", width: Int = 1280, height: Int = 720, timeScale: Int = 25,
        aspect: Ratio = Ratio(1, 1)
    ) throws -> TrackDescription {
        try TrackDescription(
            name: name, codec: .avc(AVCConfiguration(record: avcRecord)),
            media: .video(.init(width: width, height: height, sampleAspectRatio: aspect)), timeScale: timeScale)
    }

    static func audio(_ name: String = "audio-en", language: String = "en") throws -> TrackDescription {
        try TrackDescription(
            name: name, codec: .aac(AACConfiguration(record: aacRecord)),
            media: .audio(.init(sampleRate: 48000, channels: 2)), timeScale: 48000,
            language: LanguageTag(language) ?? .undetermined)
    }

    /// `frames` pictures of one duration with a key frame every `group`; with `reordering`, pictures are decoded in the
    /// order I P B P B ... and given as demuxers give them, decoding times running ahead by one picture.
    static func pictures(
        _ frames: Int, duration: Int64 = 1, group: Int, reordering: Bool = false, start: Int64 = 0,
        size: (Int) -> Int = { 1000 + $0 % 7 * 100 }
    ) throws -> [Sample] {
        var index = SampleIndex()
        for frame in 0..<frames {
            let groupStart = frame / group * group
            let length = min(group, frames - groupStart)
            let place = frame - groupStart
            var shown = place
            if reordering, place > 0 {
                // 0 | 2 1 | 4 3 | ... and a last one without a partner in its place.
                let isPaired = place % 2 == 1 ? place + 1 < length : true
                shown = isPaired ? (place % 2 == 1 ? place + 1 : place - 1) : place
            }
            try index.append(
                decodeTime: start + Int64(frame) * duration - (reordering ? duration : 0),
                presentationTime: start + Int64(groupStart + shown) * duration, size: size(frame), isSync: place == 0)
        }
        return try index.samples(mediaDuration: Int64(frames) * duration)
    }

    /// AAC frames of 1024 samples; `priming` samples come before the presentation's start.
    static func sound(samples length: Int64, priming: Int64 = 1024) throws -> [Sample] {
        var index = SampleIndex()
        var time = -priming
        while time < length {
            try index.append(decodeTime: time, presentationTime: time, size: 300 + Int(time & 63), isSync: true)
            time += 1024
        }
        return try index.samples(mediaDuration: length + priming)
    }
}

extension SampleIndex {
    /// The samples with packaging times, all in memory.
    func samples(mediaDuration: Int64?) throws -> [Sample] {
        let samples = try finish(mediaDuration: mediaDuration)
        var reader = samples.reader()
        return try reader.run(0..<samples.count).samples
    }
}

extension PackagedTrack {
    func run(_ places: Range<Int>) throws -> TrackSamples.Run {
        var reader = samples.reader()
        return try reader.run(places)
    }

    func header(of piece: Segment.Piece, in segment: Segment) throws -> [UInt8] {
        header(of: piece, in: segment, try run(piece.samples))
    }
}

/// One row of a table of what is refused.
struct Refusal: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let code: PackagingError.Code
    /// What the message must name.
    let says: String
    let make: @Sendable () throws -> Void

    init(
        _ name: String, _ code: PackagingError.Code, says: String = "", _ make: @escaping @Sendable () throws -> Void
    ) {
        testDescription = name
        self.code = code
        self.says = says
        self.make = make
    }

    func check() throws {
        let error = try #require(throws: PackagingError.self) { try make() }
        #expect(error.code == code, "\(error)")
        #expect(says.isEmpty || error.message.contains(says), "\(error)")
    }
}
