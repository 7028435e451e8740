import Foundation
import JSON
import Testing

extension EndToEnd {
    /// Files that are no films: each run fails with its reason, nothing is published, and no worker dies of it.
    @Suite struct RefusalTests {
        enum BadFile: String, CaseIterable, CustomTestStringConvertible {
            case empty = "no bytes"
            case text = "text with a film's name"
            case truncated = "cut off before its index"
            case soundOnly = "sound only"
            case huge = "16384x8192"
            case longClaim = "claims 24 hours"

            var testDescription: String { rawValue }

            /// What the cause has to speak of.
            var reason: Regex<Substring> {
                switch self {
                case .empty: /empty|no bytes|0 bytes/
                case .text: /no film|not a film|format|recognised|container/
                case .truncated: /moov|index|cut off|truncated|incomplete/
                case .soundOnly: /video|picture/
                case .huge: /16384x8192|large|pixels/
                case .longClaim: /24 h|86400|hours|duration|long/
                }
            }

            func make() async throws -> String {
                let path = Workplace.file("film.mp4")
                switch self {
                case .empty:
                    try Data().write(to: URL(filePath: path))
                case .text:
                    try Data(String(repeating: "This is no film.\n", count: 500).utf8).write(to: URL(filePath: path))
                case .truncated:
                    let whole = try Data(contentsOf: URL(filePath: try await Film(name: "whole").make()))
                    try whole.prefix(whole.count / 2).write(to: URL(filePath: path))
                case .soundOnly:
                    try await Tool.ffmpeg(["-f", "lavfi", "-i", "sine=duration=2", "-c:a", "aac", path])
                case .huge:
                    try await Tool.ffmpeg([
                        "-f", "lavfi", "-i", "color=size=16384x8192:rate=1", "-frames:v", "1", "-c:v", "mjpeg",
                        "-pix_fmt", "yuvj420p", "-f", "mov", path,
                    ])
                case .longClaim:
                    var bytes = [UInt8](
                        try Data(contentsOf: URL(filePath: try await Film(name: "short", hasSound: false).make())))
                    try HeaderDurations.claim(hours: 24, in: &bytes)
                    try Data(bytes).write(to: URL(filePath: path))
                }
                return path
            }
        }

        @Test("a file that is no film fails its run with the reason", arguments: BadFile.allCases)
        func refuses(file: BadFile) async throws {
            let stage = try sharedStage()
            let workers = try ["worker-1", "worker-2"].map(stage.process)
            let title = "Bad: \(file.rawValue)"
            let ended = try await stage.showrunner(
                "ingest", try await file.make(), "--title", title, "--wait", "--json")
            #expect(ended.status == 1, "\(ended.output) \(ended.errors)")
            let document = try JSON(parsing: ended.output)
            #expect(document["status"] == "FAILED")
            let error = try #require(document["error"]?.stringValue)
            #expect(error == "Showrunner.SourceInvalid" || error == "Showrunner.SourceUnsupported")
            let cause = try #require(document["cause"]?.stringValue)
            #expect(cause.contains(file.reason), "\(cause)")
            // A sentence, and nothing that only programmers read.
            #expect(cause.contains(" ") && !cause.contains("Error(") && !cause.contains("Optional("), "\(cause)")
            #expect(try await stage.titles(named: title).isEmpty)
            #expect(try ["worker-1", "worker-2"].map(stage.process) == workers)
            // It failed once and was not tried again: it would fail again.
            let validate = try await stage.entries(of: try #require(document["executionArn"]?.stringValue), "Validate")
            #expect(validate.map { $0["attempts"]?.integerValue } == [1])
        }
    }
}

/// Durations in the headers of an MP4 file (ISO/IEC 14496-12: mvhd 8.2.2, tkhd 8.3.2, mdhd 8.4.2), all of version 0.
enum HeaderDurations {
    static func claim(hours: UInt32, in bytes: inout [UInt8]) throws {
        var patched = 0
        for index in 4..<bytes.count - 40 {
            let type = String(decoding: bytes[index..<index + 4], as: UTF8.self)
            // Behind version and flags: two times, then timescale and duration; in tkhd the track's number and a gap.
            switch type {
            case "mvhd", "mdhd":
                let timescale = read(bytes, index + 16)
                write(timescale * hours * 3600, to: &bytes, index + 20)
                patched += 1
            case "tkhd":
                // In the movie's timescale, which ffmpeg sets to 1000.
                write(1000 * hours * 3600, to: &bytes, index + 24)
                patched += 1
            default: break
            }
        }
        guard patched == 3 else { throw TooLate(description: "\(patched) headers found, not 3") }
    }

    private static func read(_ bytes: [UInt8], _ index: Int) -> UInt32 {
        bytes[index..<index + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func write(_ value: UInt32, to bytes: inout [UInt8], _ index: Int) {
        for (offset, shift) in [24, 16, 8, 0].enumerated() {
            bytes[index + offset] = UInt8(truncatingIfNeeded: value >> UInt32(shift))
        }
    }
}
