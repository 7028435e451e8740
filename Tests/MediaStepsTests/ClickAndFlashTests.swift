import FilmThreads
import Foundation
import JSON
import MediaSteps
import Testing

/// A flash and a click at the same moment stay at the same moment, to a millisecond.
@Suite("Sound and pictures together", .filmThreads)
struct ClickAndFlashTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let file: String
        var rate = "25"
        var sampleRate = 48000
        var sound = ["-c:a", "pcm_s16le"]
        var offset: [String] = []
        /// What becomes of loudness; nil for what is usual, which is measured and limited.
        var loudness: JSON?
        var testDescription: String { name }
    }

    static let rows: [Row] = [
        Row(name: "PCM", file: "a.mov"),
        Row(name: "PCM, as loud as it was", file: "a.mov", loudness: "source"),
        Row(name: "44.1 kHz at 30000/1001 pictures", file: "a.mov", rate: "30000/1001", sampleRate: 44100),
        Row(name: "AAC", file: "a.mp4", sound: ["-c:a", "aac", "-b:a", "192k"]),
        Row(name: "Opus", file: "a.mp4", sound: ["-c:a", "libopus", "-b:a", "160k"]),
        Row(name: "both begin late", file: "a.mkv", offset: ["-output_ts_offset", "1.5"]),
        Row(name: "96 kHz", file: "a.mkv", sampleRate: 96000),
    ]

    @Test("a click stays with its flash", arguments: rows)
    func staysTogether(_ row: Row) throws {
        let work = try Workplace()
        // A flash is one picture; a pulse of half a millisecond has its peak where that picture begins. Beneath both there
        // is something to see and to measure.
        let parts = row.rate.split(separator: "/").compactMap { Double($0) }
        let seconds = (parts.count == 2 ? parts[1] / parts[0] : 1 / parts[0]) * 30
        let source = try work.make(
            row.file,
            [
                "-f", "lavfi", "-i", "color=black:size=160x90:rate=\(row.rate):duration=3", "-f", "lavfi", "-i",
                "aevalsrc='0.05*sin(2*PI*300*t)+0.7*exp(-pow((t-\(seconds))/0.0005,2))':s=\(row.sampleRate):d=3",
                "-vf", "drawbox=color=white:t=fill:enable='eq(n,30)'",
                "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-crf", "10", "-pix_fmt", "yuv420p",
            ] + row.sound + row.offset)
        let output = try work.run(
            TranscodeStep(), on: source,
            [("preset", "ultrafast")] + (row.loudness.map { [("loudness", $0)] } ?? []))
        let video = try #require(try Rendition.all(output, work, kind: "video").first)
        let audio = try #require(try Rendition.all(output, work, kind: "audio").first)
        let flash = try flash(work, video.path)
        let click = try click(work, audio.path)
        #expect(abs(flash - seconds) < 0.001, "the flash is at \(flash) s, not \(seconds)")
        #expect(abs(click - flash) < 0.001, "the click is \((click - flash) * 1000) ms behind its flash")
    }

    /// When the bright picture is shown.
    private func flash(_ work: Workplace, _ file: String) throws -> Double {
        let raw = work.path("pictures.raw")
        try work.run("ffmpeg", ["-v", "error", "-i", file, "-vf", "scale=1:1,format=gray", "-f", "rawvideo", raw])
        let greys = [UInt8](try Data(contentsOf: URL(fileURLWithPath: raw)))
        let brightest = try #require(greys.indices.max { greys[$0] < greys[$1] })
        #expect(greys.count { $0 > 128 } == 1)
        return try #require(try work.packets(file).map(\.time).dropFirst(brightest).first)
    }

    /// When the pulse has its peak, as the edit list presents the sound.
    private func click(_ work: Workplace, _ file: String) throws -> Double {
        let raw = work.path("samples.raw")
        try work.run("ffmpeg", ["-v", "error", "-i", file, "-f", "s16le", "-ac", "1", "-ar", "48000", raw])
        let samples = try Data(contentsOf: URL(fileURLWithPath: raw)).withUnsafeBytes {
            Array($0.bindMemory(to: Int16.self))
        }
        let peak = try #require(samples.indices.max { abs(Int(samples[$0])) < abs(Int(samples[$1])) })
        return Double(peak) / 48000
    }
}
