import Cryptography
import Encodings
import Foundation
import RawHTTP
import Testing

@testable import Uploads

private let tus = ["Tus-Resumable": "1.0.0"]
private let content = tus.merging(["Content-Type": "application/offset+octet-stream"]) { $1 }

private func film(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) } }

private func digest(_ algorithm: MessageDigest, _ bytes: some Collection<UInt8>) throws -> String {
    Data(try #require(Hex.decode(algorithm.hex(of: Array(bytes))))).base64EncodedString()
}

/// The checksum extension: a part whose bytes are not what its checksum says leaves no trace.
@Suite struct UploadChecksumTests {
    private func create(_ wire: Wire, length: Int) throws -> String {
        let answer = try wire.request("POST", "/uploads", tus.merging(["Upload-Length": "\(length)"]) { $1 }, [])
        #expect(answer.status == 201, "\(answer.text)")
        return try #require(answer["location"])
    }

    private func patch(
        _ wire: Wire, _ path: String, at offset: Int, _ bytes: [UInt8], _ checksum: String
    ) throws -> Wire.Answer {
        try wire.request(
            "PATCH", path, content.merging(["Upload-Offset": "\(offset)", "Upload-Checksum": checksum]) { $1 }, bytes)
    }

    @Test func partsAreKeptWithTheRightChecksumAndDroppedWithAWrongOne() async throws {
        let directory = try TestDirectory()
        let runs = StartedRuns()
        let bytes = film(3_000_000)
        try await withUploadServer(in: directory, runs: runs) { port, _, store in
            try await onThread {
                let wire = try Wire(port: port)
                let options = try wire.request("OPTIONS", "/uploads")
                #expect(options["tus-extension"]?.split(separator: ",").contains("checksum") == true)
                #expect(options["tus-checksum-algorithm"] == "sha1,sha256,md5")
                let path = try create(wire, length: bytes.count)
                let half = Array(bytes[..<1_500_000])
                let wrong = try patch(wire, path, at: 0, half, "sha1 \(try digest(.sha1, [1]))")
                #expect(wrong.status == 460, "\(wrong.text)")
                #expect(wrong["upload-offset"] == "0")
                #expect(try wire.request("HEAD", path, tus)["upload-offset"] == "0")
                #expect(try patch(wire, path, at: 0, half, "crc32 AAAA").status == 400)
                #expect(try patch(wire, path, at: 0, half, "sha1").status == 400)
                #expect(try patch(wire, path, at: 0, half, "sha1 ???").status == 400)
                let right = try patch(wire, path, at: 0, half, "sha1 \(try digest(.sha1, half))")
                #expect(right.status == 204 && right["upload-offset"] == "1500000", "\(right.text)")
                let rest = Array(bytes[1_500_000...])
                #expect(try patch(wire, path, at: 1_500_000, rest, "md5 \(try digest(.md5, half))").status == 460)
                let last = try patch(wire, path, at: 1_500_000, rest, "sha256 \(try digest(.sha256, rest))")
                #expect(last.status == 204 && last["execution-arn"] != nil, "\(last.text)")
            }
            let key = try #require(runs.starts.first?.input["source"]?.stringValue.flatMap { store.key(for: $0) })
            #expect(try await store.get(key) == bytes)
        }
        #expect(runs.starts.count == 1)
    }

    @Test func aPartThatIsCutOrMeetsACrashIsWhollyDropped() async throws {
        let directory = try TestDirectory()
        let runs = StartedRuns()
        let bytes = film(2_500_000)
        let path = try await withUploadServer(in: directory, runs: runs) { port, _, _ in
            try await onThread {
                let wire = try Wire(port: port)
                let path = try create(wire, length: bytes.count)
                let first = Array(bytes[..<1_000_000])
                #expect(try patch(wire, path, at: 0, first, "md5 \(try digest(.md5, first))").status == 204)
                // More than a piece in memory is on the disk when the connection ends.
                do {
                    let cut = try Wire(port: port)
                    try cut.begin(
                        "PATCH", path,
                        content.merging([
                            "Upload-Offset": "1000000", "Upload-Checksum": "md5 \(try digest(.md5, first))",
                        ]
                        ) { $1 }, length: 1_500_000)
                    try cut.send(Array(bytes[1_000_000..<2_400_000]))
                }
                while try wire.request("HEAD", path, tus)["upload-offset"] != "1000000" {}
                return path
            }
        }
        // A process that dies leaves bytes and the mark that they are not to be believed.
        let id = String(path.dropFirst("/uploads/".count))
        let part = try FileHandle(forWritingTo: URL(filePath: "\(directory.spool)/\(id).part"))
        try part.seekToEnd()
        try part.write(contentsOf: Data(repeating: 0xee, count: 1234))
        try part.close()
        try Data("1000000".utf8).write(to: URL(filePath: "\(directory.spool)/\(id).unverified"))
        try await withUploadServer(in: directory, runs: runs) { port, _, _ in
            try await onThread {
                let wire = try Wire(port: port)
                #expect(try wire.request("HEAD", path, tus)["upload-offset"] == "1000000")
                let rest = Array(bytes[1_000_000...])
                #expect(try patch(wire, path, at: 1_000_000, rest, "sha1 \(try digest(.sha1, rest))").status == 204)
            }
        }
        #expect(runs.starts.count == 1)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: directory.spool).allSatisfy { $0.hasSuffix(".json") })
    }
}
