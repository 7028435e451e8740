import Foundation
import Testing

/// A clip made by ffmpeg, and what is known of it.
struct Film: Sendable, CustomTestStringConvertible {
    var name: String
    var size = "320x180"
    var rate = "24"
    var frames = 72
    var hasSound = true
    /// Degrees clockwise at which it is to be shown.
    var rotation = 0

    var testDescription: String { name }

    /// Frames a second.
    var framesPerSecond: Double {
        let parts = rate.split(separator: "/").compactMap { Double($0) }
        return parts.count == 2 ? parts[0] / parts[1] : parts[0]
    }

    var seconds: Double { Double(frames) / framesPerSecond }

    /// Makes the clip; two of the same name have the same pictures in different bytes.
    func make() async throws -> String {
        let path = Workplace.file("film.mp4")
        var arguments = ["-f", "lavfi", "-i", "testsrc2=size=\(size):rate=\(rate)"]
        if hasSound {
            arguments += ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=\(seconds)"]
            arguments += ["-c:a", "aac", "-b:a", "96k"]
        }
        // A limit on the output's pictures would end its sound with them, a little early.
        arguments += ["-vf", "trim=end_frame=\(frames)"]
        arguments += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
        arguments += ["-metadata", "comment=\(path)"]
        guard rotation != 0 else {
            try await Tool.ffmpeg(arguments + [path])
            return path
        }
        let upright = Workplace.file("upright.mp4")
        try await Tool.ffmpeg(arguments + [upright])
        try await Tool.ffmpeg(["-i", upright, "-c", "copy", "-metadata:s:v:0", "rotate=\(rotation)", path])
        return path
    }
}

/// ffmpeg and ffprobe, which judge.
enum Tool {
    /// Runs ffmpeg, which must say nothing.
    static func ffmpeg(_ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let ended = try await Program.run("ffmpeg", ["-nostdin", "-v", "error", "-xerror", "-y"] + arguments)
        #expect(ended.errors == "", "ffmpeg \(arguments)", sourceLocation: sourceLocation)
        try #require(ended.status == 0, "ffmpeg \(arguments): \(ended.errors)", sourceLocation: sourceLocation)
    }

    /// Runs ffprobe, which must say nothing, and gives the lines it prints.
    static func ffprobe(
        _ file: String, _ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> [String] {
        let ended = try await Program.run("ffprobe", ["-v", "error"] + arguments + ["-of", "csv=p=0", file])
        #expect(ended.errors == "", "ffprobe \(file)", sourceLocation: sourceLocation)
        try #require(ended.status == 0, "ffprobe \(file): \(ended.errors)", sourceLocation: sourceLocation)
        return ended.output.split(separator: "\n").map { line in
            String(line.hasSuffix(",") ? line.dropLast() : line)
        }
    }

    /// Pictures of one video stream, decoded and counted.
    static func decodedFrames(_ file: String, stream: String = "v:0") async throws -> Int {
        let lines = try await ffprobe(
            file, ["-select_streams", stream, "-count_frames", "-show_entries", "stream=nb_read_frames"])
        return try #require(lines.first.flatMap { Int($0) }, "\(lines)")
    }
}
