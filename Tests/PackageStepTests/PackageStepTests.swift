import FilmThreads
import Foundation
import JSON
import MediaSteps
import StepContracts
import Synchronization
import TemporaryFolder
import Testing

@Suite(.filmThreads) struct PackageStepTests {
    private static let quiet: @Sendable (StepProgress) -> Void = { _ in }

    /// Renditions as `transcode` leaves them: a file a track.
    private struct Stage {
        let scratch: TemporaryFolder
        let files: [String: String]
        let renditions: [JSON]

        var out: String { scratch.path + "/out" }

        init() throws {
            scratch = try TemporaryFolder()
            let folder = scratch.path
            try Clip(name: "stage", frames: 200).write(to: folder + "/film.mp4")
            try Tool.ffmpeg(["-i", folder + "/film.mp4", "-map", "0:v", "-c", "copy", folder + "/large.mp4"])
            try Tool.ffmpeg([
                "-i", folder + "/film.mp4", "-map", "0:v", "-s", "80x44", "-c:v", "libx264", "-g", "50", "-keyint_min",
                "50", "-sc_threshold", "0", folder + "/small.mp4",
            ])
            try Tool.ffmpeg(["-i", folder + "/film.mp4", "-map", "0:a", "-c", "copy", folder + "/sound.mp4"])
            try FileManager.default.createDirectory(atPath: folder + "/out", withIntermediateDirectories: true)
            files = [
                "k/large": folder + "/large.mp4", "k/small": folder + "/small.mp4", "k/sound": folder + "/sound.mp4",
            ]
            renditions = [
                ["kind": "video", "name": "video-90p", "file": ["key": "k/large"]],
                ["kind": "video", "name": "video-44p", "file": ["key": "k/small"]],
                ["kind": "audio", "name": "audio-en", "language": "eng", "file": ["key": "k/sound"]],
            ]
        }

        func surroundings(
            files: [String: String]? = nil, report: @escaping @Sendable (StepProgress) -> Void = quiet,
            isCancelled: @escaping @Sendable () -> Bool = { false }
        ) -> StepSurroundings {
            StepSurroundings(
                files: files ?? self.files, outputDirectory: out, outputPrefix: "media/abc", threads: 1, report: report,
                isCancelled: isCancelled)
        }
    }

    @Test func givesTheContractsDocumentAndEveryFile() throws {
        let stage = try Stage()
        let reported = Mutex<[StepProgress]>([])
        let output = try PackageStep().run(
            input: ["renditions": .array(stage.renditions), "protection": "none"],
            in: stage.surroundings(report: { progress in reported.withLock { $0.append(progress) } }))

        for field in PackageStep.contract.output {
            let value = try #require(output[field.name], "\(field.name)")
            #expect(field.accepts(value), "\(field.name)")
        }
        #expect(output["prefix"] == "media/abc")
        #expect(output["hls"] == "media/abc/master.m3u8")
        #expect(output["dash"] == "media/abc/manifest.mpd")
        #expect(output["durationSeconds"] == 8.0)
        let large = try #require(output["renditions"]?[0])
        #expect(large["kind"] == "video" && large["width"] == 160 && large["height"] == 90)
        #expect(large["frameRate"] == "25/1")
        #expect(large["codecs"]?.stringValue?.hasPrefix("avc1.") ?? false)
        #expect(output["renditions"]?[2]?["codecs"] == "mp4a.40.2")

        let listed = Set((output["objects"]?.arrayValue ?? []).compactMap { $0["file"]?.stringValue })
        let written = try #require(FileManager.default.enumerator(atPath: stage.out)).compactMap { $0 as? String }
            .filter { !["video-90p", "video-44p", "audio-en"].contains($0) }
        #expect(listed == Set(written))
        #expect(listed.count == 3 * 4 + 2 + 2)

        #expect(reported.withLock { $0 }.prefix(3).map(\.stage) == ["index", "index", "index"])
        let progress = reported.withLock { $0 }.filter { $0.stage == "package" }
        #expect(progress.count == 6)
        #expect(progress.last?.mediaSeconds == 8 && progress.last?.totalSeconds == 8)
        #expect(progress.map(\.mediaSeconds) == progress.map(\.mediaSeconds).sorted())
        for name in ["master.m3u8", "manifest.mpd"] {
            try Tool.ffmpeg(["-i", "\(stage.out)/\(name)", "-map", "0", "-f", "null", "-"])
        }
    }

    @Test func equalInputGivesEqualBytes() throws {
        let stage = try Stage()
        func digest() throws -> [String: Data] {
            let output = try PackageStep().run(
                input: ["renditions": .array(stage.renditions)], in: stage.surroundings())
            let names = (output["objects"]?.arrayValue ?? []).compactMap { $0["file"]?.stringValue }
            return try Dictionary(
                uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: URL(filePath: "\(stage.out)/\($0)"))) })
        }
        let first = try digest()
        #expect(first.count == 16)
        #expect(try digest() == first)
    }

    @Test func namesAllThatIsWrongWithTheInput() throws {
        let failure = try #require(throws: StepFailure.self) {
            try PackageStep().run(
                input: [
                    "renditions": [
                        ["kind": "smell", "name": "t"], ["kind": "video", "name": "a/b", "file": ["key": "k"]],
                        ["kind": "video", "name": "v"], ["kind": "audio", "name": "s", "file": ["key": "missing"]],
                    ], "protection": "rot13",
                ],
                in: StepSurroundings(
                    files: [:], outputDirectory: "/nonexistent", outputPrefix: "p", threads: 1, report: Self.quiet,
                    isCancelled: { false }))
        }
        #expect(failure.error == "Showrunner.ParametersInvalid")
        #expect(failure.retry == .never)
        for part in [
            "protection 'rot13' must be", "renditions[0].kind", "renditions[1].name",
            "renditions[2].file.key", "'missing'",
        ] {
            #expect(failure.cause.contains(part), "\(failure.cause)")
        }
    }

    @Test func wantsRenditions() throws {
        let stage = StepSurroundings(
            files: [:], outputDirectory: "/nonexistent", outputPrefix: "p", threads: 1, report: Self.quiet,
            isCancelled: { false })
        for input in [["renditions": []], [:]] as [JSON] {
            let failure = try #require(throws: StepFailure.self) { try PackageStep().run(input: input, in: stage) }
            #expect(failure.error == "Showrunner.ParametersInvalid")
        }
    }

    @Test func tellsTheRenditionThatIsDamaged() throws {
        let stage = try Stage()
        let whole = try Data(contentsOf: URL(filePath: stage.files["k/sound"] ?? ""))
        for (name, bytes) in [
            ("no media", Data("no media at all".utf8)), ("empty", Data()), ("cut off", whole.prefix(whole.count / 2)),
        ] {
            let path = stage.scratch.path + "/broken.mp4"
            try bytes.write(to: URL(filePath: path))
            var files = stage.files
            files["k/sound"] = path
            let failure = try #require(throws: StepFailure.self, "\(name)") {
                try PackageStep().run(
                    input: ["renditions": .array(stage.renditions)], in: stage.surroundings(files: files))
            }
            #expect(failure.error == "Showrunner.SourceInvalid", "\(name)")
            #expect(failure.cause.contains("rendition 'audio-en'"), "\(name): \(failure.cause)")
        }
    }

    @Test func wantsOneTrackOfTheKind() throws {
        let stage = try Stage()
        var files = stage.files
        files["k/sound"] = files["k/large"]
        let failure = try #require(throws: StepFailure.self) {
            try PackageStep().run(
                input: ["renditions": .array(stage.renditions)], in: stage.surroundings(files: files))
        }
        #expect(failure.error == "Showrunner.SourceInvalid")
        #expect(failure.cause.contains("'audio-en' has 0 audio tracks"), "\(failure.cause)")
    }

    @Test(arguments: [1, 2, 4, 6])
    func stopsWhenTold(after questions: Int) throws {
        let stage = try Stage()
        let asked = Mutex(0)
        let failure = try #require(throws: StepFailure.self) {
            try PackageStep().run(
                input: ["renditions": .array(stage.renditions)],
                in: stage.surroundings(isCancelled: {
                    asked.withLock { count in
                        count += 1
                        return count >= questions
                    }
                }))
        }
        #expect(failure.error == "Showrunner.Cancelled")
        #expect(asked.withLock { $0 } == questions)
        #expect(!FileManager.default.fileExists(atPath: stage.out + "/master.m3u8"))
    }
}
