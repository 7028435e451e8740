import Foundation
import TemporaryFolder
import Testing

/// Runs the reference programs that judge what was packaged.
enum Tool {
    struct Output {
        let status: Int32
        let text: String
        let messages: String
    }

    static func run(_ name: String, _ arguments: [String], in folder: String? = nil) throws -> Output {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [name] + arguments
        if let folder { process.currentDirectoryURL = URL(filePath: folder) }
        // Files, not pipes: nothing blocks, however much is said.
        let scratch = try TemporaryFolder()
        let (out, err) = (scratch.path + "/out", scratch.path + "/err")
        for file in [out, err] { _ = FileManager.default.createFile(atPath: file, contents: nil) }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: out))
        process.standardError = try FileHandle(forWritingTo: URL(filePath: err))
        try process.run()
        process.waitUntilExit()
        return Output(
            status: process.terminationStatus,
            text: String(decoding: try Data(contentsOf: URL(filePath: out)), as: UTF8.self),
            messages: String(decoding: try Data(contentsOf: URL(filePath: err)), as: UTF8.self))
    }

    /// Runs ffmpeg, which must say nothing.
    @discardableResult
    static func ffmpeg(_ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        let output = try run("ffmpeg", ["-nostdin", "-v", "error", "-xerror", "-y", "-threads", "1"] + arguments)
        #expect(output.messages == "", sourceLocation: sourceLocation)
        try #require(output.status == 0, "ffmpeg \(arguments): \(output.messages)", sourceLocation: sourceLocation)
        return output.text
    }

    /// Values of one entry of each packet or stream, a line each.
    static func ffprobe(
        _ file: String, stream: String, entries: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> [String] {
        let output = try run(
            "ffprobe", ["-v", "error", "-select_streams", stream, "-show_entries", entries, "-of", "csv=p=0", file])
        #expect(output.messages == "", sourceLocation: sourceLocation)
        try #require(output.status == 0, "ffprobe \(file): \(output.messages)", sourceLocation: sourceLocation)
        return output.text.split(separator: "\n").map { line in
            String(line.hasSuffix(",") ? line.dropLast() : line)
        }
    }

    /// A digest of each decoded frame of one stream, in order, without its time.
    static func frameDigests(
        _ file: String, stream: String, key: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> [String] {
        // A pipe: libavformat 5.1 finds the vectors of a file without an index only when it reads it in order.
        let words =
            ["ffmpeg", "-nostdin", "-v", "error", "-xerror", "-threads", "1"]
            + (key.map { ["-decryption_key", $0] } ?? [])
        let rest = ["-map", "0:\(stream)", "-vsync", "passthrough", "-f", "framemd5", "-"]
        let isJoined = file.hasSuffix(".joined")
        let command =
            "cat '\(file)' | "
            + (words + ["-i", "pipe:0"] + rest).joined(separator: " ").replacing("-nostdin ", with: "")
        let output =
            isJoined
            ? try run("sh", ["-c", command]) : try run("env", words + ["-i", file] + rest)
        #expect(output.messages == "", sourceLocation: sourceLocation)
        try #require(output.status == 0, "\(file): \(output.messages)", sourceLocation: sourceLocation)
        return digests(output.text)
    }

    /// The digests in the text of ffmpeg's framemd5.
    static func digests(_ text: String) -> [String] {
        text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
            line.split(separator: ",").last.map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    /// A track's header and segments in one file.
    static func joined(track folder: String, in scratch: TemporaryFolder, segments: Int = .max) throws -> String {
        let playlist = try Playlist(path: folder + "/index.m3u8")
        var bytes = try Data(contentsOf: URL(filePath: folder + "/init.mp4"))
        for segment in playlist.segments.prefix(segments) {
            bytes += try Data(contentsOf: URL(filePath: "\(folder)/\(segment)"))
        }
        let file = "\(scratch.path)/\(UUID().uuidString).joined"
        try bytes.write(to: URL(filePath: file))
        return file
    }

    /// Decoded audio samples (of all channels together) in bytes of 16 bits.
    static func soundBytes(_ file: String, stream: String) throws -> Int {
        let scratch = try TemporaryFolder()
        let raw = scratch.path + "/sound"
        try ffmpeg(["-i", file, "-map", "0:\(stream)", "-f", "s16le", raw])
        let size = try FileManager.default.attributesOfItem(atPath: raw)[.size] as? Int
        return try #require(size)
    }
}
