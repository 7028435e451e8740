import FilmThreads
import Foundation
import JSON
import MediaSteps
import StepContracts
import Testing

@Suite("Sound tracks", .filmThreads)
struct AudioTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let file: String
        let source: String
        let arguments: [String]
        let channels: Int
        let sampleRate: Int
        var testDescription: String { name }
    }

    static let rows: [Row] = [
        Row(
            name: "mono stays mono", file: "a.mp4", source: "sine=440:sample_rate=48000:duration=2",
            arguments: ["-c:a", "aac", "-ac", "1"], channels: 1, sampleRate: 48000),
        Row(
            name: "stereo of 44.1 kHz", file: "a.mp4", source: "sine=440:sample_rate=44100:duration=2",
            arguments: ["-c:a", "aac", "-ac", "2"], channels: 2, sampleRate: 44100),
        Row(
            name: "5.1 becomes stereo and 5.1", file: "a.mkv", source: "sine=440:sample_rate=48000:duration=2",
            arguments: ["-c:a", "ac3", "-ac", "6"], channels: 2, sampleRate: 48000),
        Row(
            name: "PCM of 96 kHz becomes 48 kHz", file: "a.mov", source: "sine=440:sample_rate=96000:duration=2",
            arguments: ["-c:a", "pcm_s24le", "-ac", "2"], channels: 2, sampleRate: 48000),
        Row(
            name: "MP3 in Matroska", file: "a.mkv", source: "sine=440:sample_rate=32000:duration=2",
            arguments: ["-c:a", "libmp3lame", "-ac", "2"], channels: 2, sampleRate: 48000),
        Row(
            name: "Opus", file: "a.webm", source: "sine=440:sample_rate=48000:duration=2",
            arguments: ["-c:a", "libopus", "-ac", "2", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"],
            channels: 2, sampleRate: 48000),
    ]

    @Test("sound becomes AAC-LC of its length, within one AAC frame", arguments: rows)
    func tracks(_ row: Row) throws {
        let work = try Workplace()
        let source = try work.makeClip(
            row.file, size: "320x180", seconds: 2, audio: ["-f", "lavfi", "-i", row.source], row.arguments)
        let output = try work.transcode(source)
        let tracks = try Rendition.all(output, work, kind: "audio")
        let track = try #require(tracks.first)
        #expect(tracks.count == (row.name.hasPrefix("5.1") ? 2 : 1))
        try work.decodeStrictly(track.path)
        #expect(track.json["name"] == "audio-und")
        #expect(try work.entry("codec_name", of: track.path) == "aac")
        #expect(try work.entry("profile", of: track.path) == "LC")
        #expect(try work.entry("channels", of: track.path) == String(row.channels))
        #expect(try work.entry("sample_rate", of: track.path) == String(row.sampleRate))
        let frame = 1024 / Double(row.sampleRate)
        let media = try work.validate(source)
        let first = try #require(media["video"]?["startSeconds"]?.doubleValue)
        let sound = try #require(media["audio"]?[0])
        let start = try #require(sound["startSeconds"]?.doubleValue)
        let expected = start + (try #require(sound["durationSeconds"]?.doubleValue)) - first
        #expect(abs(expected - 2) < 0.04)
        let samples = try AudioTests.samples(work, track.path, rate: row.sampleRate)
        #expect(abs(Double(samples.count) / Double(row.sampleRate) - expected) <= frame)
        #expect(abs(try #require(track.json["durationSeconds"]?.doubleValue) - expected) <= frame)
    }

    @Test("sound that begins later begins later, after silence")
    func offset() throws {
        let work = try Workplace()
        let source = try work.makeClip(
            "a.mp4", size: "320x180", seconds: 2,
            audio: ["-itsoffset", "0.5", "-f", "lavfi", "-i", "sine=440:sample_rate=48000:duration=1"],
            ["-c:a", "aac", "-ac", "2"])
        let track = try #require(try Rendition.all(try work.transcode(source), work, kind: "audio").first)
        let samples = try AudioTests.samples(work, track.path, rate: 48000)
        let loud = try #require(samples.firstIndex { abs(Int($0)) > 1000 })
        #expect(abs(Double(loud) / 48000 - 0.5) < 0.03)
    }

    @Test("sound from before the first picture is cut, so that both keep step")
    func early() throws {
        let work = try Workplace()
        // Silence for one second, then a tone; pictures begin half a second later than the sound.
        let source = try work.make(
            "a.mkv",
            [
                "-f", "lavfi", "-i", "aevalsrc='if(gte(t,1),0.5*sin(2*PI*440*t),0)':s=48000:d=2", "-itsoffset", "0.5",
                "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=1.5", "-map", "1", "-map", "0", "-c:v",
                "libx264", "-preset", "ultrafast", "-c:a", "pcm_s16le",
            ])
        let track = try #require(try Rendition.all(try work.transcode(source), work, kind: "audio").first)
        let samples = try AudioTests.samples(work, track.path, rate: 48000)
        let loud = try #require(samples.firstIndex { abs(Int($0)) > 1000 })
        #expect(abs(Double(loud) / 48000 - 0.5) < 0.03)
    }

    @Test("a gap in the sound stays a gap")
    func gap() throws {
        let work = try Workplace()
        let source = try work.makeClip(
            "a.mkv", size: "320x180", seconds: 3,
            audio: ["-f", "lavfi", "-i", "sine=440:sample_rate=48000:duration=3"],
            ["-af", "aselect='not(between(t,1,2))'", "-c:a", "pcm_s16le"])
        let track = try #require(try Rendition.all(try work.transcode(source), work, kind: "audio").first)
        let samples = try AudioTests.samples(work, track.path, rate: 48000)
        #expect(abs(Double(samples.count) / 48000 - 3) < 0.05)
        let middle = samples[(48000 * 5 / 4)..<(48000 * 7 / 4)]
        #expect(middle.allSatisfy { abs(Int($0)) < 200 })
        #expect(samples[(48000 * 9 / 4)...].contains { abs(Int($0)) > 1000 })
    }

    @Test("sound whose clock runs away from the pictures' is brought back, without a jump", arguments: [1.003, 0.997])
    func drift(_ pace: Double) throws {
        let work = try Workplace()
        // A click a second by the sound's own clock, over a tone.
        let source = try work.makeClip(
            "a.mkv", size: "64x64", seconds: 24,
            audio: [
                "-f", "lavfi", "-i",
                "aevalsrc='0.1*sin(2*PI*440*t)+if(lt(mod(t,1),0.002),0.8,0)':s=48000:d=23.5,asetpts=PTS*\(pace)",
            ], ["-c:a", "pcm_s16le"])
        let output = try work.run(TranscodeStep(), on: source, [("preset", "ultrafast"), ("loudness", "source")])
        let track = try #require(try Rendition.all(output, work, kind: "audio").first)
        let samples = try AudioTests.samples(work, track.path, rate: 48000)
        func click(near second: Double) -> Double? {
            let place = Int(second * 48000)
            let range = max(0, place - 9600)..<min(samples.count, place + 9600)
            return samples[range].firstIndex { abs(Int($0)) > 12000 }.map { Double($0) / 48000 }
        }
        for number in [1, 6, 12, 17, 22] {
            let shown = Double(number) * pace
            let heard = try #require(click(near: shown), "\(number)")
            #expect(abs(heard - shown) < 0.015, "the click of \(shown) s is heard at \(heard) s")
        }
        // Silence put in would be a hole in the tone.
        var (still, longest) = (0, 0)
        for sample in samples.prefix(Int(22 * pace * 48000)) {
            still = abs(Int(sample)) < 100 ? still + 1 : 0
            longest = max(longest, still)
        }
        #expect(longest < 100, "\(longest) samples of silence")
    }

    @Test("samples that are no numbers are the film's fault")
    func noNumbers() throws {
        let work = try Workplace()
        let source = try work.makeClip(
            "a.mov", size: "64x64", audio: ["-f", "lavfi", "-i", "aevalsrc=0/0:s=48000:d=1"],
            ["-c:a", "pcm_f32le"])
        let failure = try work.failure(TranscodeStep(), on: source)
        #expect(failure == .sourceInvalid("the sound has samples that are too large or no numbers (stream 1)"))
    }

    @Test("several tracks keep their languages, the default one first")
    func languages() throws {
        let work = try Workplace()
        let tone = ["-f", "lavfi", "-i", "sine=440:duration=1"]
        let source = try work.makeClip(
            "a.mkv", size: "320x180", audio: tone + tone + tone,
            [
                "-map", "0", "-map", "1", "-map", "2", "-map", "3", "-c:a", "aac", "-metadata:s:a:0", "language=ger",
                "-metadata:s:a:1", "language=eng", "-metadata:s:a:2", "language=ger", "-disposition:a:0", "0",
                "-disposition:a:1", "default", "-disposition:a:2", "0",
            ])
        let tracks = try Rendition.all(try work.transcode(source), work, kind: "audio")
        #expect(tracks.map { $0.json["name"]?.stringValue } == ["audio-eng", "audio-ger", "audio-ger-2"])
        #expect(tracks.map { $0.json["language"]?.stringValue } == ["eng", "ger", "ger"])
    }

    @Test("a silent film has no sound track")
    func silent() throws {
        let work = try Workplace()
        let output = try work.transcode(try work.makeClip("a.mp4", size: "320x180"))
        #expect(try Rendition.all(output, work, kind: "audio").isEmpty)
        #expect(try Rendition.all(output, work, kind: "video").count == 1)
    }

    /// The track's first channel, as its edit list presents it.
    private static func samples(_ work: Workplace, _ file: String, rate: Int) throws -> [Int16] {
        let raw = work.path("samples.raw")
        try work.run(
            "ffmpeg",
            ["-v", "error", "-i", file, "-f", "s16le", "-ac", "1", "-ar", String(rate), raw])
        let data = try Data(contentsOf: URL(fileURLWithPath: raw))
        return data.withUnsafeBytes { Array($0.bindMemory(to: Int16.self)) }
    }
}
