import Testing

@testable import Packaging

@Suite struct PresentationTests {
    /// Two rungs with reordered pictures, two languages, 29.97 frames a second, a little less than ten seconds.
    private static func film() throws -> Presentation {
        try Presentation(tracks: [
            (
                Fixture.video("video-720p", timeScale: 30000),
                try Fixture.pictures(299, duration: 1001, group: 60, reordering: true) { 9000 + $0 % 60 * 37 }
            ),
            (
                Fixture.video("video-240p", width: 426, height: 240, timeScale: 30000),
                try Fixture.pictures(299, duration: 1001, group: 60, reordering: true) { 1500 + $0 % 60 * 11 }
            ),
            (Fixture.audio("audio-en"), try Fixture.sound(samples: 478_878)),
            (Fixture.audio("audio-de", language: "ger"), try Fixture.sound(samples: 478_878)),
        ])
    }

    @Test func initializationOfReorderedVideo() throws {
        try Golden.expect(try BoxDump.text(Self.film().tracks[0].initializationSegment), in: "init-video.txt")
    }

    @Test func initializationOfAudio() throws {
        try Golden.expect(try BoxDump.text(Self.film().tracks[3].initializationSegment), in: "init-audio.txt")
    }

    @Test func initializationOfHEVCWithWideSamples() throws {
        let record: [UInt8] =
            [1, 1, 0x60, 0, 0, 0, 0xB0, 0, 0, 0, 0, 0, 93] + [UInt8](repeating: 0xF0, count: 9) + [1]
        let description = try TrackDescription(
            name: "v", codec: .hevc(HEVCConfiguration(record: record)),
            media: .video(.init(width: 720, height: 576, sampleAspectRatio: Ratio(64, 45))), timeScale: 25)
        let presentation = try Presentation(tracks: [(description, try Fixture.pictures(25, group: 25))])
        try Golden.expect(
            try BoxDump.text(presentation.tracks[0].initializationSegment), in: "init-hevc.txt")
    }

    @Test func lastSegmentOfReorderedVideo() throws {
        let track = try Self.film().tracks[0]
        let last = try #require(track.segments.last)
        try Golden.expect(try BoxDump.text(track, last), in: "segment-video.txt")
    }

    @Test func lastSegmentOfAudio() throws {
        let track = try Self.film().tracks[2]
        let last = try #require(track.segments.last)
        try Golden.expect(try BoxDump.text(track, last), in: "segment-audio.txt")
    }

    @Test func playlists() throws {
        let presentation = try Self.film()
        let playlists = HLSPlaylists(presentation)
        try Golden.expect(playlists.multivariant, in: "master.m3u8")
        try Golden.expect(playlists.media(of: presentation.tracks[0]), in: "video.m3u8")
        try Golden.expect(playlists.media(of: presentation.tracks[2]), in: "audio.m3u8")
    }

    @Test func manifest() throws {
        try Golden.expect(DASHManifest(try Self.film()).text, in: "manifest.mpd")
    }

    @Test func pictureWithoutSoundHasNoAudioGroup() throws {
        let presentation = try Presentation(tracks: [(Fixture.video(), try Fixture.pictures(1, group: 1))])
        try Golden.expect(HLSPlaylists(presentation).multivariant, in: "master-silent.m3u8")
        try Golden.expect(DASHManifest(presentation).text, in: "manifest-silent.mpd")
    }

    @Test func soundWithoutPicture() throws {
        let presentation = try Presentation(tracks: [(Fixture.audio(), try Fixture.sound(samples: 480_000))])
        try Golden.expect(HLSPlaylists(presentation).multivariant, in: "master-sound.m3u8")
    }

    @Test func soundWithoutPictureInTwoLanguagesAndFormats() throws {
        let sbr = try TrackDescription(
            name: "audio-he", codec: .aac(AACConfiguration(record: [0x2B, 0x11, 0x88, 0x00])),
            media: .audio(.init(sampleRate: 48000, channels: 2)), timeScale: 48000)
        let presentation = try Presentation(tracks: [
            (Fixture.audio("audio-en"), try Fixture.sound(samples: 480_000)),
            (Fixture.audio("audio-en-2"), try Fixture.sound(samples: 480_000)),
            (Fixture.audio("audio-de", language: "de"), try Fixture.sound(samples: 480_000)),
            (sbr, try Fixture.sound(samples: 480_000)),
        ])
        try Golden.expect(HLSPlaylists(presentation).multivariant, in: "master-sounds.m3u8")
    }

    @Test func offsetsThatDifferBetweenRungsGiveATimelineEach() throws {
        let presentation = try Presentation(tracks: [
            (Fixture.video("a", timeScale: 25), try Fixture.pictures(200, group: 50)),
            (Fixture.video("b", timeScale: 50), try Fixture.pictures(200, duration: 2, group: 50)),
        ])
        let text = DASHManifest(presentation).text
        #expect(
            text.contains("<SegmentTemplate timescale=\"25\"") && text.contains("<SegmentTemplate timescale=\"50\""))
        #expect(text.split(separator: "<AdaptationSet").count == 2)
    }

    @Test func shapesThatDifferAreNotSwitchedBetween() throws {
        let presentation = try Presentation(tracks: [
            (Fixture.video("wide", width: 640, height: 360), try Fixture.pictures(50, group: 50)),
            (Fixture.video("old", width: 640, height: 480), try Fixture.pictures(50, group: 50)),
            (Fixture.video("odd", width: 426, height: 240), try Fixture.pictures(50, group: 50)),
            (
                Fixture.video("anamorphic", width: 480, height: 360, aspect: Ratio(4, 3)),
                try Fixture.pictures(50, group: 50)
            ),
        ])
        let sets = DASHManifest(presentation).text.split(separator: "<AdaptationSet").dropFirst()
        #expect(sets.count == 2)
        #expect(["wide", "odd", "anamorphic"].allSatisfy { sets.first?.contains("id=\"\($0)\"") ?? false })
        let variants = HLSPlaylists(presentation).multivariant.split(separator: "\n").filter {
            $0.hasPrefix("#EXT-X-STREAM-INF") && $0.contains("RESOLUTION=640x360")
        }
        #expect(variants.count == 2)
    }

    @Test(arguments: [
        (704, 16, 15, 751), (720, 64, 45, 1024), (716, 12, 11, 781), (640, 1, 1, 640), (1440, 4, 3, 1920),
    ])
    func displaysAtTheNearestWidth(width: Int, numerator: Int, denominator: Int, expected: Int) {
        let video = TrackDescription.Video(
            width: width, height: 480, sampleAspectRatio: Ratio(numerator, denominator))
        #expect(video.displayWidth == expected)
    }

    @Test func aVaryingRateIsTheMostFramesInASecond() throws {
        var index = SampleIndex()
        var time: Int64 = 0
        // Two seconds of 10 frames each, one of 20, one frame twice as short as any other.
        for frame in 0..<41 {
            try index.append(decodeTime: time, presentationTime: time, size: 1, isSync: frame == 0)
            time += frame < 20 ? 100 : frame == 30 ? 25 : 50
        }
        let presentation = try Presentation(tracks: [
            (Fixture.video(timeScale: 1000), try index.samples(mediaDuration: nil))
        ])
        #expect(presentation.tracks[0].frameRate == Ratio(21, 1))
        #expect(HLSPlaylists(presentation).multivariant.contains("FRAME-RATE=21.000"))
    }

    @Test func aLateStartMovesToZeroForAllTracksAlike() throws {
        let presentation = try Presentation(tracks: [
            (Fixture.video(), try Fixture.pictures(100, group: 50, reordering: true, start: 40)),
            (
                Fixture.audio(),
                try Fixture.sound(samples: 48000).map { sample in
                    var late = sample
                    late.decodeTime += 48000 * 2
                    return late
                }
            ),
        ])
        // Picture at 1.6 s, sound's priming at 1.979 s: all move by 1.6 s.
        #expect(try presentation.tracks[0].run(0..<1).samples[0].presentationTime == 0)
        #expect(presentation.tracks[0].skippedTicks == 1)
        #expect(try presentation.tracks[1].run(0..<1).samples[0].presentationTime == 48000 * 2 - 1024 - 76800)
    }

    @Test func aFragmentBeyondFourGigabytesHasA64BitSize() throws {
        let size = SampleIndex.maximumSize
        let samples = try Fixture.pictures(17, group: 17) { _ in size }
        let header = MovieFragment(
            sequenceNumber: 1, run: TrackSamples.Run(samples: samples), baseMediaDecodeTime: 0, isVideo: true,
            protection: nil, isClearLead: false
        ).header
        #expect(try BoxDump.text(header).hasSuffix("mdat \(17 * size + 16)\n"))
    }

    @Test(arguments: [
        Refusal("no tracks", .limitExceeded) { _ = try Presentation(tracks: []) },
        Refusal("no samples", .samplesInvalid) { _ = try Presentation(tracks: [(Fixture.video(), [])]) },
        Refusal("two of one name", .trackInvalid, says: "named v") {
            _ = try Presentation(tracks: [
                (Fixture.video("v"), Fixture.pictures(1, group: 1)),
                (Fixture.video("v"), Fixture.pictures(1, group: 1)),
            ])
        },
        Refusal("rungs that begin apart", .keyFramesDiffer, says: "'a' and 'b'") {
            _ = try Presentation(tracks: [
                (Fixture.video("a"), Fixture.pictures(50, group: 50)),
                (Fixture.video("b"), Fixture.pictures(50, group: 50, start: 1)),
            ])
        },
        Refusal("no key frame for longer than a segment may be", .limitExceeded, says: "64.0 s") {
            _ = try Presentation(tracks: [(Fixture.video(), Fixture.pictures(1600, group: 1600))])
        },
        Refusal("a segment larger than an index counts", .limitExceeded, says: "segment 1") {
            _ = try Presentation(tracks: [
                (Fixture.video(), Fixture.pictures(17, group: 17) { _ in SampleIndex.maximumSize })
            ])
        },
        Refusal("a gap between samples", .samplesInvalid, says: "sample 5 ends at 5, the next begins at 6") {
            var samples = try Fixture.pictures(10, group: 5)
            for index in 5..<10 { samples[index].decodeTime += 1 }
            _ = try Presentation(tracks: [(Fixture.video(), samples)])
        },
        Refusal("all before the start", .samplesInvalid) {
            var samples = try Fixture.pictures(2, group: 2)
            for index in samples.indices { samples[index].decodeTime -= 10 }
            _ = try Presentation(tracks: [(Fixture.video(), samples)])
        },
        Refusal("a target of no length", .limitExceeded) {
            _ = try Presentation(tracks: [(Fixture.video(), Fixture.pictures(1, group: 1))], targetSeconds: 0)
        },
        Refusal("a path for a name", .trackInvalid, says: "name") { _ = try Fixture.video("../v") },
        Refusal("an empty name", .trackInvalid, says: "name") { _ = try Fixture.video("") },
        Refusal("no picture", .trackInvalid, says: "0x720") { _ = try Fixture.video(width: 0) },
        Refusal("a picture beyond the fields", .trackInvalid, says: "70000x720") {
            _ = try Fixture.video(width: 70000)
        },
        Refusal("samples far from square", .trackInvalid, says: "displayed") {
            _ = try Fixture.video(aspect: Ratio(1000, 1))
        },
        Refusal("no time scale", .trackInvalid, says: "time scale") { _ = try Fixture.video(timeScale: 0) },
        Refusal("sound in a picture's place", .trackInvalid, says: "mp4a.40.2") {
            _ = try TrackDescription(
                name: "v", codec: .aac(AACConfiguration(record: Fixture.aacRecord)),
                media: .video(.init(width: 16, height: 16)), timeScale: 25)
        },
    ])
    func refuses(row: Refusal) throws { try row.check() }
}
