import FilmThreads
import Foundation
import JSON
import MediaSteps
import StepContracts
import Testing

@Suite("Films as people bring them", .filmThreads)
struct InputTests {
    @Test("what comes out has the source's pictures, times, shape, sound and text", arguments: InputFilm.all)
    func film(_ film: InputFilm) throws {
        let work = try Workplace()
        let source = try film.make(work)
        let media = try work.validate(source)
        #expect(media["video"]?["frames"]?.integerValue == film.pictures)
        #expect(media["video"]?["scan"]?.stringValue == film.scan)
        let width = media["video"]?["displayWidth"]?.integerValue ?? 0
        let size = "\(width)x\(media["video"]?["displayHeight"]?.integerValue ?? 0)"
        #expect(size == film.size || film.checks.contains("oddSize"))
        let checks = (media["checks"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
        #expect(checks.sorted() == film.checks.sorted())
        let isEdited = film.name.contains("edit list")
        #expect(!isEdited || media["editedParts"] == 1)
        let isISO = media["container"]?.stringValue?.hasPrefix("mov,") == true
        #expect(isISO || media["editedParts"] == 0)

        let output = try work.transcode(source)
        let shown = film.shown ?? film.pictures
        #expect(output["scan"]?.stringValue == film.scan)
        let rungs = try Rendition.all(output, work, kind: "video")
        #expect(rungs.count == 1)
        let rung = try #require(rungs.first)
        let (facts, packets) = try work.factsAndPackets(rung.path)
        let shape = film.size.split(separator: "x").map(String.init) + ["1:1", "yuv420p"]
        #expect(Array(facts.prefix(4)) == shape)
        #expect(facts.contains("progressive") && facts.contains(film.rate))
        #expect(!film.checks.contains("highDynamicRange") || facts.contains("bt709"))
        #expect(packets.count == shown)
        let rate = try #require(value(film.rate))
        #expect(packets.enumerated().allSatisfy { abs($1 - Double($0) / rate) < 0.0001 })
        #expect(rung.json["durationSeconds"]?.doubleValue.map { abs($0 - Double(shown) / rate) < 0.0001 } == true)

        let sounds = try Rendition.all(output, work, kind: "audio")
        #expect(sounds.compactMap { $0.json["channels"]?.integerValue } == film.sounds)
        if !film.languages.isEmpty {
            #expect(sounds.compactMap { $0.json["language"]?.stringValue } == film.languages)
        }
        for sound in sounds {
            let loudness = try work.loudness(sound.path)
            #expect(abs(loudness.integrated + 23) < 0.5, "\(film.name): \(loudness)")
            #expect(loudness.peak <= -1)
        }
        try tabulate(film, media, output)
        let texts = try Rendition.all(output, work, kind: "text")
        #expect(texts.compactMap { $0.json["language"]?.stringValue } == film.texts)
        for text in texts {
            #expect(
                try String(contentsOfFile: text.path, encoding: .utf8) == """
                    WEBVTT

                    00:00:00.250 --> 00:00:00.901
                    <i>Hello</i> &amp; goodbye

                    00:00:01.003 --> 00:00:01.750
                    Again
                    and again

                    """)
        }
    }

    /// What a film said of itself and what came of it, for the table of figures.
    private func tabulate(_ film: InputFilm, _ media: JSON, _ output: JSON) throws {
        guard let video = media["video"], let rung = output["renditions"]?[0] else { return }
        func text(_ value: JSON?) -> String { value?.stringValue ?? value?.text ?? "" }
        func channels(_ tracks: JSON?) -> String {
            let all = (tracks?.arrayValue ?? []).compactMap { $0["channels"].map(text) }
            return all.isEmpty ? "none" : all.joined(separator: ", ")
        }
        let sounds = (output["renditions"]?.arrayValue ?? []).filter { $0["kind"] == "audio" }
        let size = "\(text(video["width"]))x\(text(video["height"]))"
        try Workplace.tabulate([
            film.name, "\(text(video["frames"])) -> \(text(rung["frames"]))",
            "\(text(video["durationSeconds"])) -> \(text(rung["durationSeconds"]))",
            "\(text(video["frameRate"])) -> \(text(rung["frameRate"]))", text(video["rotation"]),
            "\(text(video["sampleAspectRatio"])), \(size) -> \(text(rung["width"]))x\(text(rung["height"]))",
            "\(text(video["fieldOrder"])), \(text(output["scan"])) -> progressive",
            "\(channels(media["audio"])) -> \(channels(.array(sounds)))",
            film.checks.isEmpty ? "" : film.checks.joined(separator: ", "),
        ])
    }

    /// The value of `30000/1001`.
    private func value(_ text: String) -> Double? {
        let parts = text.split(separator: "/").compactMap { Double($0) }
        return parts.count == 2 ? parts[0] / parts[1] : nil
    }
}

extension Workplace {
    /// A picture track's shape, and the times of its packets in order.
    func factsAndPackets(_ file: String) throws -> (facts: [String], times: [Double]) {
        let lines = try run(
            "ffprobe",
            [
                "-v", "error", "-show_entries",
                "stream=width,height,sample_aspect_ratio,pix_fmt,field_order,r_frame_rate,color_transfer:packet=pts_time",
                "-of", "default=nw=1", file,
            ]
        ).split(separator: "\n").map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
        func values(_ wanted: (String) -> Bool) -> [String] { lines.filter { wanted($0[0]) }.compactMap(\.last) }
        return (values { $0 != "pts_time" }, values { $0 == "pts_time" }.compactMap { Double($0) }.sorted())
    }

    /// Integrated loudness in LUFS and true peak in dBTP, as the ffmpeg program measures them.
    func loudness(_ file: String) throws -> (integrated: Double, peak: Double) {
        let notes =
            try run(
                "ffprobe",
                [
                    "-v", "error", "-f", "lavfi", "amovie=\(file),ebur128=peak=true:metadata=1:framelog=verbose",
                    "-show_entries", "frame_tags", "-of", "compact=p=0",
                ]
            ).split(separator: "\n").last.map { $0.split(separator: "|") } ?? []
        func values(_ name: String) -> [Double] {
            notes.filter { $0.hasPrefix("tag:lavfi.r128.\(name)") }.compactMap {
                Double($0.split(separator: "=").last ?? "")
            }
        }
        return (values("I=").first ?? -70, 20 * log10(values("true_peaks_ch").max() ?? 0))
    }
}
