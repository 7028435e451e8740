import FilmThreads
import Foundation
import JSON
import MediaSteps
import StepContracts
import TemporaryFolder
import Testing

@Suite(.filmThreads) struct OddInputTests {
    /// Pictures of varying length keep their times.
    @Test func keepsAVaryingRate() throws {
        let scratch = try TemporaryFolder()
        let film = scratch.path + "/film.mp4"
        let out = scratch.path + "/out"
        try Tool.ffmpeg([
            "-f", "lavfi", "-i", "testsrc2=s=160x90:r=60", "-t", "8", "-vf",
            "select='lt(mod(n\\,7)\\,5)*lt(mod(n\\,11)\\,9)'",
            "-vsync", "vfr", "-c:v", "libx264", "-g", "60", "-bf", "2", "-pix_fmt", "yuv420p", film,
        ])
        _ = try LocalPackage.run(
            [LocalPackage.Input(path: film)], writesHLS: true, writesDASH: true, directory: out, segmentSeconds: 2)
        let times = try Tool.ffprobe(film, stream: "v:0", entries: "packet=pts_time").sorted()
        for name in ["master.m3u8", "manifest.mpd"] {
            #expect(try Tool.ffprobe("\(out)/\(name)", stream: "v:0", entries: "packet=pts_time").sorted() == times)
        }
    }

    /// Ticks finer than the library counts: it takes seconds for them, and the film would last for days.
    @Test func refusesTicksTooFine() throws {
        let scratch = try TemporaryFolder()
        let film = scratch.place("film.mp4")
        try Clip(name: "film", frames: 50, languages: []).write(to: film)
        var bytes = try Data(contentsOf: URL(filePath: film))
        let header = try #require(bytes.range(of: Data("mdhd".utf8)))
        bytes.replaceSubrange(header.upperBound + 12..<header.upperBound + 16, with: [0x80, 0, 0, 0])
        try bytes.write(to: URL(filePath: film))
        let failure = try #require(throws: StepFailure.self) {
            _ = try LocalPackage.run(
                [LocalPackage.Input(path: film)], writesHLS: true, writesDASH: false, directory: scratch.place("out"))
        }
        #expect(failure.cause.contains("its time scale is 2147483648"), "\(failure)")
    }

    /// The names of chapters lie in a track of text that belongs to no language.
    @Test func chaptersAreNoSubtitles() throws {
        let scratch = try TemporaryFolder()
        let (film, names) = (scratch.place("film.mp4"), scratch.place("names.txt"))
        try scratch.write(
            "names.txt", ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=2000\ntitle=One\n".utf8)
        try Clip(name: "plain", frames: 50, languages: ["eng"]).write(to: scratch.place("plain.mp4"))
        try Tool.ffmpeg([
            "-i", scratch.place("plain.mp4"), "-i", names, "-map", "0", "-map_metadata", "1", "-c", "copy", film,
        ])
        #expect(try Tool.ffprobe(film, stream: "2", entries: "stream=codec_type") == ["data"])
        let document = try LocalPackage.run(
            [LocalPackage.Input(path: film)], writesHLS: true, writesDASH: false, directory: scratch.place("out"))
        #expect((document["renditions"]?.arrayValue ?? []).map { $0["kind"] } == ["video", "audio"])
    }

    /// QuickTime's descriptions of sound have more fields than ISO's, and the codec's elsewhere.
    @Test(arguments: ["copy", "ac3", "eac3"]) func quickTime(sound: String) throws {
        let scratch = try TemporaryFolder()
        let (film, out) = (scratch.place("film.mov"), scratch.place("out"))
        try Clip(name: "plain", frames: 50, languages: ["eng"]).write(to: scratch.place("plain.mp4"))
        try Tool.ffmpeg(["-i", scratch.place("plain.mp4"), "-map", "0", "-c", "copy", "-c:a", sound, film])
        let document = try LocalPackage.run(
            [LocalPackage.Input(path: film)], writesHLS: true, writesDASH: false, directory: out)
        #expect((document["renditions"]?.arrayValue ?? []).map { $0["kind"] } == ["video", "audio"])
        try Tool.ffmpeg(["-i", "\(out)/master.m3u8", "-map", "0", "-f", "null", "-"])
        #expect(
            try Tool.frameDigests("\(out)/master.m3u8", stream: "v") == Tool.frameDigests(film, stream: "v"))
    }

    /// Eight languages and a description for those who do not see; names, groups and roles.
    @Test func eightLanguagesAndADescription() throws {
        let scratch = try TemporaryFolder()
        let folder = scratch.path
        var clip = Clip(name: "many", frames: 50)
        clip.languages = ["eng", "deu", "fra", "spa", "ita", "jpn", "por", "hin"]
        try clip.write(to: folder + "/film.mp4")
        try Tool.ffmpeg(["-i", folder + "/film.mp4", "-map", "0:a:0", "-c", "copy", folder + "/described.mp4"])
        let arguments = [folder + "/film.mp4", folder + "/described.mp4,stream=audio,lang=en,role=description"]
        _ = try LocalPackage.run(
            try arguments.map { try LocalPackage.Input(argument: $0) }, writesHLS: true, writesDASH: true,
            directory: folder + "/out")
        let master = try text(folder + "/out/master.m3u8")
        #expect(master.split(separator: "TYPE=AUDIO").count == 10)
        #expect(master.split(separator: "DEFAULT=YES").count == 2)
        #expect(master.contains(#"NAME="English, audio description",LANGUAGE="en",DEFAULT=NO"#))
        #expect(master.contains(#"CHARACTERISTICS="public.accessibility.describes-video""#))
        let manifest = try text(folder + "/out/manifest.mpd")
        #expect(manifest.contains(#"<Accessibility schemeIdUri="urn:tva:metadata:cs:AudioPurposeCS:2007" value="1"/>"#))
        #expect(manifest.contains(#"value="description""#))
        for name in ["master.m3u8", "manifest.mpd"] {
            try Tool.ffmpeg(["-i", "\(folder)/out/\(name)", "-map", "0", "-f", "null", "-"])
        }
    }

    /// A flash and a beep at the same moment are at the same moment in the package.
    @Test(arguments: [false, true])
    func soundStaysWithThePicture(singleFile: Bool) throws {
        let scratch = try TemporaryFolder()
        let folder = scratch.path
        try Tool.ffmpeg([
            "-f", "lavfi", "-i", "color=black:s=160x90:r=50", "-f", "lavfi", "-i",
            "aevalsrc='if(gte(t,2),0.8*sin(2*PI*1000*t),0)':s=48000", "-t", "4", "-vf",
            "drawbox=color=white:t=fill:enable='gte(t,2)'", "-c:v", "libx264", "-bf", "3", "-g", "50", "-pix_fmt",
            "yuv420p", "-c:a", "aac", "-b:a", "192k", folder + "/film.mp4",
        ])
        _ = try LocalPackage.run(
            [LocalPackage.Input(path: folder + "/film.mp4")], writesHLS: true, writesDASH: true,
            directory: folder + "/out", singleFile: singleFile)
        let names = ["video-90p", "audio-und"]
        let files = try names.map { name in
            singleFile
                ? "\(folder)/out/\(name)/media.mp4" : try Tool.joined(track: "\(folder)/out/\(name)", in: scratch)
        }
        func onset(_ file: String) throws -> Double {
            let raw = folder + "/sound.raw"
            // What the edit list skips is not heard.
            try Tool.ffmpeg([
                "-copyts", "-i", file, "-map", "0:a", "-af", "atrim=start=0", "-f", "s16le", "-ac", "1", raw,
            ])
            let samples = try Data(contentsOf: URL(filePath: raw)).withUnsafeBytes {
                Array($0.bindMemory(to: Int16.self))
            }
            let place = try #require(samples.firstIndex { abs(Int($0)) > 6000 })
            return Double(place) / 48000
        }
        let expected = try onset(folder + "/film.mp4")
        #expect(abs(try onset(files[1]) - expected) < 0.001)
        let times = try Tool.ffprobe(files[0], stream: "v:0", entries: "packet=pts_time").compactMap(Double.init)
        #expect(times.min() == 0)
    }

    /// Subtitles of a file and of a track, in both manifests.
    @Test func subtitles() throws {
        let scratch = try TemporaryFolder()
        let folder = scratch.path
        let subtitles =
            "1\n00:00:01,000 --> 00:00:02,500\nHello & <goodbye>\n\n2\n00:00:04,500 --> 00:00:06,000\nAgain\n"
        try Data(subtitles.utf8).write(to: URL(filePath: folder + "/s.srt"))
        try Clip(name: "film", frames: 200).write(to: folder + "/plain.mp4")
        try Tool.ffmpeg([
            "-i", folder + "/plain.mp4", "-i", folder + "/s.srt", "-map", "0", "-map", "1", "-c", "copy", "-c:s",
            "mov_text", "-metadata:s:s:0", "language=deu", folder + "/film.mp4",
        ])
        let document = try LocalPackage.run(
            try [folder + "/film.mp4", folder + "/s.srt,lang=en,role=caption"].map {
                try LocalPackage.Input(argument: $0)
            }, writesHLS: true, writesDASH: true, directory: folder + "/out")
        let names = (document["renditions"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
        #expect(names == ["video-90p", "audio-en", "text-de", "text-en"])
        for name in ["text-de", "text-en"] {
            let playlist = try Playlist(path: "\(folder)/out/\(name)/index.m3u8")
            #expect(playlist.segments.count == 2)
            let second = try text("\(folder)/out/\(name)/seg-2.vtt")
            #expect(second.contains("00:00:04.500 --> 00:00:06.000\nAgain") && !second.contains("Hello"))
            let whole = try Tool.ffmpeg(["-i", "\(folder)/out/\(name)/subtitles.vtt", "-f", "webvtt", "-"])
            #expect(whole.contains("Hello") && whole.contains("Again"))
        }
        let master = try text(folder + "/out/master.m3u8")
        #expect(
            master.contains(#"SUBTITLES="text""#) && master.contains("public.accessibility.transcribes-spoken-dialog"))
        try Tool.ffmpeg(["-i", folder + "/out/master.m3u8", "-map", "0:v:0", "-map", "0:a:0", "-f", "null", "-"])
    }

    /// What an earlier package left, whole or half, is gone; what is not ours stays.
    @Test func takesThePlaceOfAnEarlierPackage() throws {
        let scratch = try TemporaryFolder()
        let out = scratch.path + "/out"
        let files = FileManager.default
        try Clip(name: "long", frames: 400, languages: ["eng", "deu"]).write(to: scratch.path + "/long.mp4")
        try Clip(name: "short", frames: 100).write(to: scratch.path + "/short.mp4")
        func package(_ name: String, to folder: String) throws -> [String] {
            _ = try LocalPackage.run(
                [LocalPackage.Input(path: "\(scratch.path)/\(name).mp4")], writesHLS: true, writesDASH: true,
                directory: folder)
            return try files.subpathsOfDirectory(atPath: folder).sorted()
        }
        let alone = try package("short", to: scratch.path + "/alone")
        _ = try package("long", to: out)
        try files.createDirectory(atPath: out + "/.unfinished/video-90p", withIntermediateDirectories: true)
        try Data("half".utf8).write(to: URL(filePath: out + "/.unfinished/video-90p/seg-1.m4s"))
        try Data("mine".utf8).write(to: URL(filePath: out + "/notes.txt"))
        let after = try package("short", to: out)
        #expect(after == (alone + ["notes.txt"]).sorted())
        for file in alone where file.contains(".") {
            #expect(files.contentsEqual(atPath: "\(out)/\(file)", andPath: "\(scratch.path)/alone/\(file)"), "\(file)")
        }
    }
}
