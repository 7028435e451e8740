import FilmThreads
import Foundation
import JSON
import MediaSteps
import StepContracts
import TemporaryFolder
import Testing

@Suite(.filmThreads) struct LocalPackageTests {
    @Test(
        arguments: [
            ("film.mp4", "film.mp4", nil, nil), ("a,b.mp4", "a,b.mp4", nil, nil),
            ("film.mp4,stream=audio", "film.mp4", .audio, nil),
            ("film.mp4,stream=video,lang=ger", "film.mp4", .video, "de"),
            ("film.mp4,lang=pt-BR,stream=audio", "film.mp4", .audio, "pt-BR"), ("a,b=c,d.mp4", "a,b=c,d.mp4", nil, nil),
        ] as [(String, String, TrackSource.Kind?, String?)])
    func readsArguments(argument: String, path: String, stream: TrackSource.Kind?, language: String?) throws {
        #expect(
            try LocalPackage.Input(argument: argument)
                == LocalPackage.Input(path: path, stream: stream, language: language))
    }

    @Test(arguments: [
        ("film.mp4,role=villain", "'villain' is no role"), ("film.mp4,stream=smell", "'smell'"),
        ("film.mp4,lang=klingonese", "'klingonese'"), ("film.mp4,bitrate=3", "'bitrate'"),
        (",stream=audio", "name is missing"),
        ("", "name is missing"),
    ])
    func refusesArguments(argument: String, says: String) throws {
        let failure = try #require(throws: StepFailure.self) { try LocalPackage.Input(argument: argument) }
        #expect(failure.error == "Showrunner.ParametersInvalid")
        #expect(failure.cause.contains(says), "\(failure.cause)")
    }

    /// A ladder of whole files: the sound is the same in each and is taken once; another language's is kept.
    @Test func leavesOutEqualSoundOfLaterFiles() throws {
        let scratch = try TemporaryFolder()
        let folder = scratch.path
        try Clip(name: "first", frames: 100).write(to: folder + "/a.mp4")
        try Tool.ffmpeg([
            "-i", folder + "/a.mp4", "-map", "0", "-s", "80x44", "-c:v", "libx264", "-g", "50", "-keyint_min", "50",
            "-sc_threshold", "0", "-c:a", "copy", folder + "/b.mp4",
        ])
        let files = [folder + "/a.mp4", folder + "/b.mp4", folder + "/b.mp4,stream=audio,lang=fr"]
        let document = try LocalPackage.run(
            try files.map { try LocalPackage.Input(argument: $0) }, writesHLS: true, writesDASH: true,
            directory: folder + "/out")
        let names = (document["renditions"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
        #expect(names == ["video-90p", "audio-en", "video-44p", "audio-fr"])
        let master = try text(folder + "/out/master.m3u8")
        #expect(master.contains(#"NAME="English",LANGUAGE="en",DEFAULT=YES"#))
        #expect(master.contains(#"NAME="French",LANGUAGE="fr",DEFAULT=NO"#))
        #expect(master.split(separator: "#EXT-X-STREAM-INF").count == 3)
        for name in ["master.m3u8", "manifest.mpd"] {
            try Tool.ffmpeg(["-i", "\(folder)/out/\(name)", "-map", "0", "-f", "null", "-"])
        }
    }

    @Test func takesTheTracksAndFormatsAskedFor() throws {
        let scratch = try TemporaryFolder()
        let film = scratch.path + "/a.mp4"
        try Clip(name: "first", frames: 60).write(to: film)
        let out = scratch.path + "/made/where/missing"
        let document = try LocalPackage.run(
            [LocalPackage.Input(path: film, stream: .audio)], writesHLS: true, writesDASH: false, directory: out)
        #expect(document["dash"] == nil && document["hls"] == "master.m3u8")
        #expect(document["renditions"]?.arrayValue?.count == 1)
        #expect(!FileManager.default.fileExists(atPath: out + "/manifest.mpd"))
        try Tool.ffmpeg(["-i", out + "/master.m3u8", "-f", "null", "-"])
    }

    @Test(arguments: ["video", "audio"])
    func saysWhenAFileHasNoSuchTrack(kind: String) throws {
        let scratch = try TemporaryFolder()
        let film = scratch.path + "/a.mp4"
        try Tool.ffmpeg(
            kind == "audio"
                ? ["-f", "lavfi", "-i", "testsrc2=s=64x48", "-frames:v", "3", "-pix_fmt", "yuv420p", film]
                : ["-f", "lavfi", "-i", "sine", "-t", "1", film])
        let failure = try #require(throws: StepFailure.self) {
            try LocalPackage.run(
                [LocalPackage.Input(argument: "\(film),stream=\(kind)")], writesHLS: true, writesDASH: true,
                directory: scratch.path + "/out")
        }
        #expect(failure.error == "Showrunner.SourceUnsupported")
        #expect(failure.cause.contains("no \(kind) track"))
    }

    @Test func refusesWhatItCannotPackage() throws {
        let scratch = try TemporaryFolder()
        let folder = scratch.path
        let picture = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=25", "-pix_fmt", "yuv420p", "-t", "1"]
        try Tool.ffmpeg(picture + ["-c:v", "mpeg4", folder + "/codec.mp4"])
        try Tool.ffmpeg(picture + [folder + "/container.mkv"])
        try Tool.ffmpeg(picture + [folder + "/upright.mp4"])
        try Tool.ffmpeg([
            "-i", folder + "/upright.mp4", "-c", "copy", "-metadata:s:v", "rotate=90", folder + "/turned.mp4",
        ])
        // Two edits: an empty one before the film, made one that shows the film's beginning.
        try Tool.ffmpeg(["-itsoffset", "0.5", "-i", folder + "/upright.mp4", "-c", "copy", folder + "/delayed.mp4"])
        var bytes = try Data(contentsOf: URL(filePath: folder + "/delayed.mp4"))
        let list = try #require(bytes.range(of: Data("elst".utf8)))
        let mediaTime = list.upperBound + 8 + 4
        try #require(bytes[list.upperBound + 7] == 2 && bytes[mediaTime..<mediaTime + 4].allSatisfy { $0 == 0xFF })
        bytes.replaceSubrange(mediaTime..<mediaTime + 4, with: [0, 0, 0, 0])
        try bytes.write(to: URL(filePath: folder + "/parts.mp4"))
        for (file, says) in [
            ("parts.mp4", "several parts"),
            ("codec.mp4", "mpeg4 is not packaged"), ("container.mkv", "container"), ("turned.mp4", "turned by"),
        ] {
            let failure = try #require(throws: StepFailure.self, "\(file)") {
                try LocalPackage.run(
                    [LocalPackage.Input(path: "\(folder)/\(file)")], writesHLS: true, writesDASH: true,
                    directory: folder + "/out")
            }
            #expect(failure.error == "Showrunner.SourceUnsupported", "\(failure)")
            #expect(failure.cause.contains(says) && failure.cause.contains(file), "\(failure)")
        }
    }

    /// Sound that begins half a second after the picture stays there.
    @Test func keepsADelay() throws {
        let scratch = try TemporaryFolder()
        let folder = scratch.path
        try Clip(name: "film", frames: 150).write(to: folder + "/film.mp4")
        try Tool.ffmpeg([
            "-i", folder + "/film.mp4", "-itsoffset", "0.5", "-i", folder + "/film.mp4", "-map", "0:v", "-map", "1:a",
            "-c", "copy", folder + "/late.mp4",
        ])
        _ = try LocalPackage.run(
            [LocalPackage.Input(path: folder + "/late.mp4")], writesHLS: true, writesDASH: true,
            directory: folder + "/out")
        for stream in ["v:0", "a:0"] {
            let expected = try Tool.ffprobe(folder + "/late.mp4", stream: stream, entries: "packet=pts_time")
            for name in ["master.m3u8", "manifest.mpd"] {
                let times = try Tool.ffprobe(folder + "/out/" + name, stream: stream, entries: "packet=pts_time")
                #expect(times.sorted() == expected.sorted(), "\(name) \(stream)")
            }
        }
    }

    @Test func saysWhenTheFolderCannotBeMade() throws {
        let scratch = try TemporaryFolder()
        let film = scratch.path + "/a.mp4"
        try Clip(name: "short", frames: 2, languages: []).write(to: film)
        let failure = try #require(throws: StepFailure.self) {
            try LocalPackage.run(
                [LocalPackage.Input(path: film)], writesHLS: true, writesDASH: true, directory: film + "/out")
        }
        #expect(failure.error == "Showrunner.StorageUnavailable")
        #expect(failure.cause.contains(film + "/out"))
    }
}
