import FilmThreads
import Foundation
import JSON
import MediaSteps
import StepContracts
import Synchronization
import Testing

/// What steps tell while they work.
@Suite("Stages of steps", .filmThreads)
struct StageTests {
    /// Everything a step tells.
    private final class Told: Sendable {
        private let reports = Mutex<[StepProgress]>([])
        func add(_ report: StepProgress) { reports.withLock { $0.append(report) } }
        var all: [StepProgress] { reports.withLock { $0 } }

        /// Stages in the order in which they were gone through.
        var stages: [String] {
            all.reduce(into: []) { stages, report in if stages.last != report.stage { stages.append(report.stage) } }
        }

        func places(_ stage: String) -> [Double] { all.filter { $0.stage == stage }.map(\.mediaSeconds) }
    }

    @Test("each stage is gone through once, and never back")
    func stages() throws {
        let work = try Workplace()
        // Clicks over a murmur: they are limited, so that loudness is measured a second time.
        let source = try work.makeClip(
            "a.mp4", seconds: 6,
            audio: [
                "-f", "lavfi", "-i",
                "aevalsrc='0.02*sin(2*PI*300*t)+0.9*exp(-pow((mod(t,1)-0.5)/0.0005,2))':s=48000:d=6",
            ], ["-c:a", "aac"])
        let validate = Told()
        _ = try work.run(ValidateStep(), on: source, out: "validate", report: validate.add, reportInterval: .zero)
        #expect(validate.stages == ["inspect", "look", "listen", "checksum"])
        let transcode = Told()
        let output = try work.run(
            TranscodeStep(), on: source,
            [("preset", "ultrafast"), ("ladder", "per-title"), ("searchShare", 10), ("download", true)],
            report: transcode.add, reportInterval: .zero)
        #expect(transcode.stages == ["inspect", "search", "listen", "listen again", "encode", "download"])
        let package = Told()
        let stored = try work.stored(output, in: "out")
        let files = (stored["renditions"]?.arrayValue ?? []).compactMap { $0["file"]?["key"]?.stringValue }
        try FileManager.default.createDirectory(atPath: work.path("package"), withIntermediateDirectories: true)
        _ = try PackageStep().run(
            input: ["renditions": stored["renditions"] ?? []],
            in: StepSurroundings(
                files: Dictionary(uniqueKeysWithValues: files.map { ($0, $0) }), outputDirectory: work.path("package"),
                outputPrefix: "media/test", threads: 1, report: package.add, reportInterval: .zero,
                isCancelled: { false }))
        #expect(package.stages == ["index", "package"])
        for told in [validate, transcode, package] {
            for stage in told.stages {
                let reports = told.all.filter { $0.stage == stage }
                for (before, after) in zip(reports, reports.dropFirst()) {
                    #expect(before.mediaSeconds <= after.mediaSeconds && before.frames <= after.frames, "\(stage)")
                    #expect(zip(before.parts, after.parts).allSatisfy { $0.share <= $1.share }, "\(stage)")
                }
            }
        }
        // Each time through the film is told from beginning to end.
        for (told, stages) in [(validate, ["look", "listen"]), (transcode, ["listen", "listen again", "encode"])] {
            for stage in stages {
                let places = told.places(stage)
                #expect(places.first ?? 9 < 2 && places.last ?? 0 > 4, "\(stage): \(places)")
                #expect(Set(places).count > 3, "\(stage): \(places)")
            }
        }
        #expect(package.places("index").last ?? 0 > 5, "the last track's place is behind the first one's")
    }
}
