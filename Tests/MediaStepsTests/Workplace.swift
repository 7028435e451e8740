import Foundation
import JSON
import MediaSteps
import StepContracts
import Synchronization
import TemporaryFolder
import Testing

/// A folder of its own for one test, removed with it, and the programs that make and judge media.
final class Workplace: Sendable {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    func path(_ name: String) -> String { folder.place(name) }

    /// Runs a program and answers its standard output; standard error must stay empty and the exit code zero.
    @discardableResult
    func run(_ program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        let output = path("stdout-\(UUID().uuidString)")
        let errors = path("stderr-\(UUID().uuidString)")
        for file in [output, errors] { try Data().write(to: URL(fileURLWithPath: file)) }
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: errors))
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        let said = try String(contentsOfFile: errors, encoding: .utf8)
        guard process.terminationStatus == 0, said.isEmpty else {
            throw ProgramFailure(program: program, arguments: arguments, status: process.terminationStatus, said: said)
        }
        return String(decoding: try Data(contentsOf: URL(fileURLWithPath: output)), as: UTF8.self)
    }

    struct ProgramFailure: Error, CustomStringConvertible {
        let program: String
        let arguments: [String]
        let status: Int32
        let said: String
        var description: String { "\(program) \(arguments.joined(separator: " ")) ended with \(status): \(said)" }
    }

    /// Makes a file with the ffmpeg program.
    @discardableResult
    func make(_ name: String, _ arguments: [String]) throws -> String {
        try run("ffmpeg", ["-v", "error", "-y"] + arguments + [path(name)])
        return path(name)
    }

    /// A test picture that changes with every frame, encoded quickly.
    func makeClip(
        _ name: String, size: String = "640x480", rate: String = "25", seconds: Double = 1,
        audio: [String] = [], _ arguments: [String] = []
    ) throws -> String {
        try make(
            name,
            ["-f", "lavfi", "-i", "testsrc2=size=\(size):rate=\(rate):duration=\(seconds)"] + audio
                + ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "12"] + arguments)
    }

    /// Presentation times of a stream's packets in order, and whether each is a keyframe.
    func packets(_ file: String, stream: String = "v:0") throws -> [(time: Double, isKeyframe: Bool)] {
        try run(
            "ffprobe",
            [
                "-v", "error", "-select_streams", stream, "-show_entries", "packet=pts_time,flags", "-of", "csv=p=0",
                file,
            ]
        ).split(separator: "\n").compactMap { line in
            let parts = line.split(separator: ",")
            guard parts.count >= 2, let time = Double(parts[0]) else { return nil }
            return (time, parts[1].hasPrefix("K"))
        }.sorted { $0.time < $1.time }
    }

    /// Times of the pictures a decoder gives.
    func frameTimes(_ file: String) throws -> [Double] {
        try run(
            "ffprobe",
            [
                "-v", "error", "-select_streams", "v:0", "-show_entries", "frame=best_effort_timestamp_time", "-of",
                "csv=p=0", file,
            ]
        ).split(separator: "\n").compactMap { Double($0.split(separator: ",").first ?? "") }
    }

    /// One entry of a stream as ffprobe tells it.
    func entry(_ name: String, of file: String, stream: String = "0") throws -> String {
        try run(
            "ffprobe",
            [
                "-v", "error", "-select_streams", stream, "-show_entries", "stream=\(name)", "-of",
                "default=nw=1:nk=1", file,
            ]
        ).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Decodes a whole file; any complaint of the decoder's is an error.
    func decodeStrictly(_ file: String) throws {
        try run("ffmpeg", ["-v", "warning", "-xerror", "-i", file, "-f", "null", "-"])
    }

    /// Makes a film of moving shapes under grain, hardly compressed: where there is much grain the peak rates bind.
    /// - Parameter more: options that stand before the file's name.
    func makeNoise(
        _ name: String, size: String, seconds: Int, noise: Int, _ more: [String] = []
    ) throws -> String {
        try make(
            name,
            [
                "-f", "lavfi", "-i",
                "testsrc2=size=\(size):rate=25:duration=\(seconds),noise=alls=\(noise):allf=t", "-pix_fmt", "yuv420p",
                "-c:v", "libx264", "-preset", "ultrafast", "-crf", "12",
            ] + more)
    }

    /// Makes a film of ten bits in high dynamic range.
    /// - Parameters:
    ///   - transfer: `smpte2084` or `arib-std-b67`.
    ///   - more: further parameters of x265's, each with a colon before it.
    func makeBright(
        _ name: String, size: String, seconds: Double, transfer: String = "smpte2084", _ more: String = ""
    ) throws -> String {
        try make(
            name,
            [
                "-f", "lavfi", "-i", "testsrc2=size=\(size):rate=25:duration=\(seconds),format=yuv420p10le", "-c:v",
                "libx265", "-preset", "ultrafast", "-x265-params",
                "log-level=error:colorprim=bt2020:colormatrix=bt2020nc:transfer=\(transfer)\(more)",
            ])
    }

    /// Grey values of a file's first picture, row by row.
    func grey(_ file: String, width: Int, height: Int) throws -> [UInt8] {
        let raw = path("grey-\(UUID().uuidString).raw")
        try run(
            "ffmpeg",
            ["-v", "error", "-i", file, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray", raw])
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: raw)))
        #expect(bytes.count == width * height)
        return bytes
    }

    /// The grey in the middle of each picture of a file of 64x64.
    func greys(_ file: String) throws -> [UInt8] {
        let raw = path("greys-\(UUID().uuidString).raw")
        try run("ffmpeg", ["-v", "error", "-i", file, "-f", "rawvideo", "-vf", "extractplanes=y", raw])
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: raw)))
        return stride(from: 64 * 32 + 32, to: bytes.count, by: 64 * 64).map { bytes[$0] }
    }

    /// Runs a step on a local file and answers its output.
    func run(
        _ step: any LocalStep, on file: String, _ more: [(String, JSON)] = [], out: String = "out", threads: Int = 2,
        report: @escaping @Sendable (StepProgress) -> Void = { _ in }, reportInterval: Duration = .milliseconds(250),
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws -> JSON {
        try FileManager.default.createDirectory(atPath: path(out), withIntermediateDirectories: true)
        let url = "https://uploads.example/film"
        var input: JSON = step is ValidateStep ? ["source": .string(url)] : ["source": ["url": .string(url)]]
        for (name, value) in more { input[name] = value }
        return try step.run(
            input: input,
            in: StepSurroundings(
                files: [url: file], outputDirectory: path(out), outputPrefix: "media/test", threads: threads,
                report: report, reportInterval: reportInterval, isCancelled: isCancelled))
    }

    /// Adds a line to the table that the environment variable `SHOWRUNNER_INPUT_TABLE` names a file for, in Markdown.
    static func tabulate(_ cells: [String]) throws {
        guard let path = ProcessInfo.processInfo.environment["SHOWRUNNER_INPUT_TABLE"], !path.isEmpty else { return }
        let line = Array("| \(cells.joined(separator: " | ")) |\n".utf8)
        // Whole lines, whoever else writes.
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        try #require(descriptor >= 0, "\(path) cannot be written")
        defer { close(descriptor) }
        #expect(write(descriptor, line, line.count) == line.count)
    }

    func validate(_ file: String) throws -> JSON { try run(ValidateStep(), on: file) }

    /// Transcodes with the fastest preset.
    func transcode(_ file: String, threads: Int = 2) throws -> JSON {
        try run(TranscodeStep(), on: file, [("preset", "ultrafast")], threads: threads)
    }

    /// The step's failure, or an issue when it succeeds.
    func failure(_ step: any LocalStep, on file: String) throws -> StepFailure {
        do {
            let output = try run(step, on: file)
            Issue.record("the step took the file: \(output.text)")
        } catch let failure as StepFailure {
            return failure
        }
        throw CancellationError()
    }
}

/// The renditions of transcode's output, with the paths of their files.
struct Rendition {
    let json: JSON
    let path: String

    static func all(_ output: JSON, _ workplace: Workplace, kind: String) throws -> [Rendition] {
        try #require(output["renditions"]?.arrayValue).filter { $0["kind"]?.stringValue == kind }.map {
            Rendition(json: $0, path: workplace.path("out/\(try #require($0["file"]?["file"]?.stringValue))"))
        }
    }
}
