import Foundation
import JSON
import Subprocess
import SystemPackage
import TemporaryFolder
import Testing

/// The program itself, run as its users run it.
private enum Program {
    static let path: String = {
        let places = [Bundle.main.executablePath].compactMap { $0 } + ProcessInfo.processInfo.arguments
        for place in places {
            let path = URL(filePath: place).deletingLastPathComponent().path + "/showrunner-worker"
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        preconditionFailure("showrunner-worker does not lie beside the tests")
    }()

    struct Answer: Sendable {
        let status: TerminationStatus
        let output: String
        let errors: String
    }

    static func run(_ arguments: [String], executable: String = path) async throws -> Answer {
        let result = try await Subprocess.run(
            .path(FilePath(executable)), arguments: Arguments(arguments), output: .string(limit: 1 << 20),
            error: .string(limit: 1 << 20))
        return Answer(
            status: result.terminationStatus, output: result.standardOutput, errors: result.standardError)
    }
}

/// A directory with a small film, gone with the test.
private final class Studio: Sendable {
    private let folder: TemporaryFolder
    var path: String { folder.path }
    var film: String { "\(path)/film.mp4" }

    init() throws { folder = try TemporaryFolder() }

    func shoot(seconds: Int = 2) async throws {
        let answer = try await Program.run(
            [
                "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=24:duration=\(seconds)", "-f", "lavfi",
                "-i",
                "sine=frequency=440:duration=\(seconds)", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt",
                "yuv420p",
                "-c:a", "aac", "-shortest", film,
            ], executable: "/usr/bin/ffmpeg")
        try #require(answer.status.isSuccess, "\(answer.errors)")
    }

    func file(_ name: String, _ text: String) throws -> String {
        try text.write(toFile: "\(path)/\(name)", atomically: false, encoding: .utf8)
        return "\(path)/\(name)"
    }
}

@Suite(.timeLimit(.minutes(5))) struct CommandTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let arguments: [String]
        let status: Int32
        /// Part of what standard output or standard error says.
        let says: String

        init(_ name: String, _ arguments: [String], _ status: Int32, _ says: String) {
            testDescription = name
            self.arguments = arguments
            self.status = status
            self.says = says
        }
    }

    @Test(arguments: [
        Row("help", ["--help"], 0, "USAGE: showrunner-worker"),
        Row("help of a subcommand", ["transcode", "--help"], 0, "showrunner transcode film.mp4"),
        Row("help of serving", ["serve", "--help"], 0, "--allow-local-sources"),
        Row("version", ["--version"], 0, "0.1.0"),
        Row("nothing said", [], 2, "--engine"),
        Row("an unknown flag", ["probe", "/etc/passwd", "--loud"], 2, "--loud"),
        Row("a missing file", ["probe", "/none.mp4"], 2, "/none.mp4 cannot be read: No such file or directory"),
        Row("a directory", ["thumbs", "/usr", "--out", "/tmp/x"], 2, "/usr is not a regular file"),
        Row("a malformed number", ["transcode", "/etc/passwd", "--out", "/tmp/x", "--threads", "two"], 2, "two"),
        Row("a preset that is none", ["transcode", "/etc/passwd", "--out", "/tmp/x", "--preset", "best"], 2, "best"),
        Row("a ladder that is none", ["transcode", "/etc/passwd", "--out", "/tmp/x", "--ladder", "tall"], 2, "tall"),
        Row("neither hls nor dash", ["package", "/etc/passwd", "--out", "/tmp/x"], 2, "--hls, --dash or both"),
        Row("a scheme that is none", ["package", "f", "--hls", "--scheme", "rot13", "--out", "/tmp/x"], 2, "rot13"),
        Row(
            "a key that is none", ["package", "f", "--hls", "--scheme", "cbcs", "--key", "00:11", "--out", "/tmp/x"], 2,
            "key 1 must be [LABEL=]KID:KEY"),
        Row("a scheme without a key", ["package", "f", "--hls", "--scheme", "cenc", "--out", "/tmp/x"], 2, "--key"),
        Row(
            "segments of no length", ["package", "f", "--hls", "--segment-duration", "0", "--out", "/tmp/x"], 2,
            "1 to 30"),
        Row("an option of a file that is none", ["package", "f,colour=red", "--hls", "--out", "/tmp/x"], 2, "colour"),
        Row("no engine's address", ["--engine", "here", "--store", "/tmp/x"], 2, "--engine is 'here'"),
        Row("no store's address", ["--engine", "http://127.0.0.1:9", "--store", "ftp://x"], 2, "ftp://x"),
        Row("a port that is none", ["--engine", "http://h", "--store", "/tmp/x", "--port", "70000"], 2, "65535"),
        Row("a sandbox that is none", ["--engine", "http://h", "--store", "/tmp/x", "--sandbox", "thin"], 2, "thin"),
        Row("a file that is no film", ["probe", "/etc/passwd"], 1, "Showrunner.Source"),
    ])
    func exitCodes(_ row: Row) async throws {
        let answer = try await Program.run(row.arguments)
        #expect(answer.status == .exited(row.status), "\(answer.errors)")
        #expect((answer.output + answer.errors).contains(row.says), "\(answer.output)\(answer.errors)")
        if row.status != 0 { #expect(answer.output.isEmpty) }
    }

    @Test func aFilmBecomesAPackage() async throws {
        let studio = try Studio()
        try await studio.shoot()

        let probe = try await Program.run(["probe", studio.film, "--json"])
        try #require(probe.status.isSuccess, "\(probe.errors)")
        let media = try JSON(parsing: probe.output)
        #expect(media["video"]?["frames"] == 48)
        #expect(media["source"]?["url"] == .string(studio.film))

        let out = "\(studio.path)/renditions"
        let words = ["transcode", studio.film, "--out", out, "--preset", "ultrafast", "--json"]
        let first = try await Program.run(words)
        try #require(first.status.isSuccess, "\(first.errors)")
        // Nothing but, where the machine permits no sandbox, that it does not.
        #expect(first.errors.split(separator: "\n").allSatisfy { $0.contains("no sandbox") }, "\(first.errors)")
        let renditions = try JSON(parsing: first.output)
        #expect(renditions["cached"] == false)
        let files = try #require(renditions["renditions"]?.arrayValue).compactMap { $0["file"]?.stringValue }
        #expect(files.count == renditions["renditions"]?.arrayValue?.count)
        for file in files { #expect(FileManager.default.fileExists(atPath: file), "\(file)") }
        let again = try await Program.run(words)
        #expect(try JSON(parsing: again.output)["cached"] == true)

        let thumbs = try await Program.run(["thumbs", studio.film, "--out", "\(studio.path)/pictures", "--json"])
        try #require(thumbs.status.isSuccess, "\(thumbs.errors)")
        let poster = try #require(try JSON(parsing: thumbs.output)["poster"]?.stringValue)
        #expect(FileManager.default.fileExists(atPath: poster))

        let package = try await Program.run(
            ["package"] + files + ["--hls", "--dash", "--out", "\(studio.path)/package", "--json"])
        try #require(package.status.isSuccess, "\(package.errors)")
        let packaged = try JSON(parsing: package.output)
        #expect(packaged["hls"] == .string("\(studio.path)/package/master.m3u8"))
        #expect(packaged["dash"] == .string("\(studio.path)/package/manifest.mpd"))
        for object in packaged["objects"]?.arrayValue ?? [] {
            #expect(FileManager.default.fileExists(atPath: object.stringValue ?? ""), "\(object)")
        }
    }

    @Test func peopleGetLines() async throws {
        let studio = try Studio()
        try await studio.shoot()
        let probe = try await Program.run(["probe", studio.film])
        #expect(probe.output.contains("video      h264 320x180, 24/1 frames/s, 48 frames, yuv420p"), "\(probe.output)")
        let transcode = try await Program.run(
            ["transcode", studio.film, "--out", "\(studio.path)/r", "--preset", "ultrafast"])
        #expect(transcode.output.contains("\(studio.path)/r/video-"), "\(transcode.output)")
        #expect(transcode.errors.contains("encode"), "\(transcode.errors)")
    }

    @Test func aBrokenFilmIsRefusedUnderItsOwnName() async throws {
        let studio = try Studio()
        let file = try studio.file("broken film.mp4", String(repeating: "not a film ", count: 1000))
        let answer = try await Program.run(["transcode", file, "--out", "\(studio.path)/r"])
        #expect(answer.status == .exited(1))
        #expect(answer.errors.contains("Showrunner.Source"), "\(answer.errors)")
        #expect(!answer.errors.contains("/in/0"), "\(answer.errors)")
    }

    @Test func aKilledProgramLeavesNoChildBehind() async throws {
        let studio = try Studio()
        try await studio.shoot(seconds: 600)
        let result = try await Subprocess.run(
            .path(FilePath(Program.path)), arguments: ["transcode", studio.film, "--out", "\(studio.path)/r"],
            input: .none, output: .discarded, error: .sequence
        ) { execution -> [pid_t] in
            var said = ""
            for try await buffer in execution.standardError {
                said += buffer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                if said.contains("encode") { break }
            }
            let children = Processes.descendants(of: execution.processIdentifier.value)
            try execution.send(signal: .kill)
            return children
        }
        #expect(result.terminationStatus == .signaled(SIGKILL))
        #expect(!result.closureResult.isEmpty)
        // The kernel needs a moment; the suite's time limit bounds this.
        while result.closureResult.contains(where: Processes.isRunning) { await Task.yield() }
    }
}

/// What /proc tells of processes.
private enum Processes {
    /// State and parent of a process, nil when there is none.
    private static func status(_ process: pid_t) -> (state: Substring, parent: pid_t)? {
        guard let text = FileManager.default.contents(atPath: "/proc/\(process)/stat") else { return nil }
        // The program's name stands in parentheses and may hold anything.
        let fields = String(decoding: text, as: UTF8.self).split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 1, let parent = pid_t(fields[1]) else { return nil }
        return (fields[0], parent)
    }

    /// A zombie that nobody reaps no longer runs.
    static func isRunning(_ process: pid_t) -> Bool { status(process).map { $0.state != "Z" } ?? false }

    static func descendants(of ancestor: pid_t) -> [pid_t] {
        var parents: [pid_t: pid_t] = [:]
        do {
            for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
                if let process = pid_t(name), let status = status(process) { parents[process] = status.parent }
            }
        } catch {
            Issue.record(error)
        }
        return parents.keys.filter { process in
            var next = parents[process]
            while let parent = next {
                if parent == ancestor { return true }
                next = parents[parent]
            }
            return false
        }
    }
}
