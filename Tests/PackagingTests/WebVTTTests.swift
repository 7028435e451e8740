import Testing

@testable import Packaging

@Suite struct WebVTTTests {
    private static let text = """
        WEBVTT - a film

        STYLE
        ::cue { color: white }

        NOTE nobody reads this

        first
        00:01.000 --> 00:06.500 align:start line:90%
        Hello <i>there</i>

        00:00:07.500 --> 00:00:09.000
        Second
        line

        00:00:02.000 --> 00:00:02.000
        never shown
        """

    @Test func reads() throws {
        let document = try WebVTTDocument(Array(Self.text.utf8))
        #expect(document.blocks == ["STYLE\n::cue { color: white }"])
        #expect(
            document.cues == [
                TextCue(
                    start: 1000, end: 6500, identifier: "first", settings: "align:start line:90%",
                    text: "Hello <i>there</i>"),
                TextCue(start: 7500, end: 9000, text: "Second\nline"),
            ])
        // Line ends of other systems, and a byte order mark.
        let other = [0xEF, 0xBB, 0xBF] + Array(Self.text.replacing("\n", with: "\r\n").utf8)
        #expect(try WebVTTDocument(other) == document)
        #expect(try WebVTTDocument(Array(document.text.utf8)) == document)
    }

    @Test func readsSubRip() throws {
        let text = "1\r\n00:00:01,500 --> 00:00:02,000\r\nHi\r\n\r\n2\r\n01:00:03,000 --> 01:00:04,250\r\nYou\r\n"
        #expect(
            try WebVTTDocument(Array(text.utf8)).cues == [
                TextCue(start: 1500, end: 2000, text: "Hi"), TextCue(start: 3_603_000, end: 3_604_250, text: "You"),
            ])
    }

    @Test(arguments: [
        ("WEBVTT\n\n00:61.000 --> 00:02.000\nx", "line 3"), ("WEBVTT\n\nid\n00:01.00 --> 00:02.000\nx", "line 4"),
        ("hello\nworld", "line 1"), ("", "line 1"), ("WEBVTT\n\n1 --> 2\nx", "line 3"),
    ])
    func refuses(text: String, says: String) throws {
        let error = try #require(throws: PackagingError.self) { try WebVTTDocument(Array(text.utf8)) }
        #expect(error.code == .samplesInvalid && error.message.contains(says), "\(error)")
    }

    @Test func aCueStandsInEverySegmentThatShowsIt() throws {
        let track = try TextTrack(
            name: "text-en", language: try #require(LanguageTag("en")),
            document: WebVTTDocument(Array(Self.text.utf8)))
        let presentation = try Presentation(
            tracks: [
                TrackInput(description: Fixture.video(), samples: Fixture.pictures(250, group: 50)),
                TrackInput(description: Fixture.audio(), samples: Fixture.sound(samples: 480_000)),
            ], texts: [track])
        let text = try #require(presentation.texts.first)
        #expect(text.segments.map { $0.text.contains("Hello") } == [true, true, false])
        #expect(text.segments.map { $0.text.contains("Second") } == [false, true, true])
        for segment in text.segments {
            #expect(segment.text.hasPrefix("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n"))
            #expect(segment.text.contains("STYLE"))
        }
        let total = text.segments.reduce(MediaTime.zero) { $0 + $1.duration }
        #expect(total == presentation.duration)
        #expect(text.segments.count == presentation.tracks[0].segments.count)
        try Golden.expect(HLSPlaylists(presentation).multivariant, in: "master-text.m3u8")
        try Golden.expect(HLSPlaylists(presentation).media(of: text), in: "text.m3u8")
        try Golden.expect(DASHManifest(presentation).text, in: "manifest-text.mpd")
        #expect(try WebVTTDocument(Array(text.wholeText.utf8)).cues == track.cues)
    }
}
