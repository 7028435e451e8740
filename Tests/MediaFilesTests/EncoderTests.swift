import TemporaryFolder
import Testing

@testable import MediaFiles

@Suite("Encoder options")
struct EncoderTests {
    private static func settings(_ options: [(name: String, value: String)]) -> Encoder.Video {
        Encoder.Video(
            codec: "libx264", width: 64, height: 64, timeBase: Rational(1, 25), frameRate: Rational(25, 1), threads: 1,
            pixelFormat: "yuv420p", options: options)
    }

    @Test("known options are taken")
    func known() throws {
        let picture = try Frame.blackSheet(width: 64, height: 64)
        let encoder = try Encoder(EncoderTests.settings([("preset", "ultrafast"), ("crf", "30")]), like: picture)
        #expect(encoder.framesIn == 0)
    }

    private static func av1() -> Encoder.Video {
        Encoder.Video(
            codec: "libsvtav1", width: 64, height: 64, timeBase: Rational(1, 25), frameRate: Rational(25, 1),
            threads: 1, pixelFormat: "yuv420p", options: [("preset", "12")])
    }

    @Test("SVT-AV1 takes no realtime priority, and is freed in the middle of a film")
    func ordinaryPriority() async throws {
        await #expect(processExitsWith: .success) {
            let picture = try Frame.blackSheet(width: 64, height: 64)
            let encoder = try Encoder(EncoderTests.av1(), like: picture)
            try #require(ThreadPriority.isOrdinary)
            try encoder.encode(picture) { _ in }
        }
        await #expect(processExitsWith: .success) {
            // Before its first picture, too.
            _ = try Encoder(EncoderTests.av1(), like: try Frame.blackSheet(width: 64, height: 64))
        }
    }

    @Test("a value the encoder refuses is our own mistake, told with the option's value")
    func refused() throws {
        let picture = try Frame.blackSheet(width: 64, height: 64)
        let error = #expect(throws: MediaError.self) {
            _ = try Encoder(EncoderTests.settings([("preset", "swift")]), like: picture)
        }
        #expect(error?.kind == .refused)
        #expect(error?.description.contains("swift") == true)
    }

    @Test("an option no encoder knows traps instead of being dropped in silence")
    func unknown() async {
        await #expect(processExitsWith: .failure) {
            let picture = try Frame.blackSheet(width: 64, height: 64)
            _ = try Encoder(EncoderTests.settings([("no_such_option", "1")]), like: picture)
        }
    }

    @Test("a full disk is a lack of space, not a broken film")
    func fullDisk() throws {
        let error = #expect(throws: MediaError.self) {
            try PictureFile.write(Array("x".utf8), to: "/dev/full")
        }
        #expect(error?.kind == .noSpace)
    }
}

@Suite("What is opened")
struct DemuxerTests {
    @Test(
        "playlists and manifests are never followed to other files",
        arguments: [
            ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"),
            ("list.mp4", "ffconcat version 1.0\nfile '/etc/passwd'\n"),
            ("film.mpd", "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"></MPD>"),
            ("film.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n"),
        ])
    func playlists(name: String, content: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(name, content.utf8)
        let error = #expect(throws: MediaError.self) { _ = try Demuxer(path: path) }
        #expect(error?.description == "the file is no film: it holds text")
    }

    @Test("names that look like addresses are names of files")
    func addresses() {
        for name in ["http://127.0.0.1:9/film.mp4", "concat:/etc/passwd", "subfile,,start,0,end,1,,:/etc/passwd"] {
            let error = #expect(throws: MediaError.self) { _ = try Demuxer(path: name) }
            #expect(error?.kind == .inputOutput)
            #expect(error?.libraryWords == "No such file or directory")
        }
    }

    @Test("folders and missing files are the machine's fault, not the film's")
    func unreadable() {
        let folder = #expect(throws: MediaError.self) { _ = try Demuxer(path: "/") }
        #expect(folder?.kind == .inputOutput)
        let missing = #expect(throws: MediaError.self) { _ = try Demuxer(path: "/nowhere/film.mp4") }
        #expect(missing?.kind == .inputOutput)
    }
}
