import Foundation
import JSON
import RawHTTP
import Testing

@testable import Uploads

private let tus = ["Tus-Resumable": "1.0.0"]
private let content = tus.merging(["Content-Type": "application/offset+octet-stream"]) { $1 }

private func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }

private func film(_ count: Int) -> [UInt8] {
    var state: UInt32 = 0x2545_f491
    return (0..<count).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return UInt8(truncatingIfNeeded: state >> 24)
    }
}

private func create(_ wire: Wire, length: Int, metadata: String = "filename \(base64("elf.mkv"))") throws -> String {
    let answer = try wire.request(
        "POST", "/uploads", tus.merging(["Upload-Length": "\(length)", "Upload-Metadata": metadata]) { $1 }, [])
    #expect(answer.status == 201, "\(answer.text)")
    return try #require(answer["location"])
}

private func patch(_ wire: Wire, _ path: String, at offset: Int, _ bytes: [UInt8]) throws -> Wire.Answer {
    try wire.request("PATCH", path, content.merging(["Upload-Offset": "\(offset)"]) { $1 }, bytes)
}

@Suite struct UploadConversationTests {
    @Test func aFileInTwoPiecesBecomesAnExecution() async throws {
        let directory = try TestDirectory()
        let runs = StartedRuns()
        let bytes = film(3_000_000)
        let metadata =
            "filename \(base64("Der Film/../Über uns (1).MKV")),title \(base64("Über uns")),"
            + "metadata \(base64("{\"year\":2003}")),protection \(base64("cbcs"))"
        let path = try await withUploadServer(in: directory, runs: runs) { port, _, store in
            let path = try await onThread {
                let wire = try Wire(port: port)
                let path = try create(wire, length: bytes.count, metadata: metadata)
                let first = try patch(wire, path, at: 0, Array(bytes[..<1_234_567]))
                #expect(first.status == 204)
                #expect(first["upload-offset"] == "1234567")
                #expect(first["tus-resumable"] == "1.0.0")
                #expect(first["upload-expires"]?.hasSuffix(" GMT") == true)
                #expect(first["execution-arn"] == nil)
                let between = try wire.request("HEAD", path, tus)
                #expect(between.status == 200)
                #expect(between["upload-offset"] == "1234567")
                #expect(between["upload-length"] == "3000000")
                #expect(between["upload-metadata"] == metadata)
                #expect(between["cache-control"] == "no-store")
                #expect(runs.starts.isEmpty)
                let last = try patch(wire, path, at: 1_234_567, Array(bytes[1_234_567...]))
                #expect(last.status == 204, "\(last.text)")
                #expect(last["upload-offset"] == "3000000")
                #expect(
                    last["execution-arn"]
                        == "arn:aws:states:us-east-1:000000000000:execution:ingest:upload-\(path.dropFirst(9))")
                let after = try wire.request("HEAD", path, tus)
                #expect(after["execution-arn"] == last["execution-arn"])
                return path
            }
            let key = "uploads/\(path.dropFirst(9))/ber-uns-1-.MKV"
            let stored = try await store.get(key)
            #expect(stored == bytes)
            #expect(
                runs.starts == [
                    StartedRuns.Start(
                        machine: "ingest", name: "upload-\(path.dropFirst(9))",
                        input: [
                            "source": .string(store.url(for: key)), "title": "Über uns", "metadata": ["year": 2003],
                            "protection": "cbcs",
                        ])
                ])
            return path
        }
        // The bytes are in the store; the spool keeps only the memory of them.
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.spool) == ["\(path.dropFirst(9)).json"])
    }

    @Test func whatArrivedBeforeTheConnectionWasCutIsKept() async throws {
        let directory = try TestDirectory()
        let runs = StartedRuns()
        let bytes = film(2_000_000)
        try await withUploadServer(in: directory, runs: runs) { port, _, store in
            let path = try await onThread {
                let path: String
                // The server waits 75 s for a silent connection before it gives it up, and longer where it has much to do.
                let end = Date(timeIntervalSinceNow: 300)
                do {
                    let wire = try Wire(port: port)
                    path = try create(wire, length: bytes.count)
                    try wire.begin("PATCH", path, content.merging(["Upload-Offset": "0"]) { $1 }, length: bytes.count)
                    try wire.send(Array(bytes[..<1_500_001]))
                    // What the server's program has not been given yet may go with the connection: it reads by now.
                    let looking = try Wire(port: port)
                    while Int(try looking.request("HEAD", path, tus)["upload-offset"] ?? "") == 0, Date() < end {}
                    // Leaving this scope closes the connection in the middle of the content.
                }
                let wire = try Wire(port: port)
                var offset = 0
                while offset < 1_500_001, Date() < end {
                    offset = Int(try wire.request("HEAD", path, tus)["upload-offset"] ?? "") ?? -1
                }
                #expect(offset == 1_500_001)
                var answer = try patch(wire, path, at: offset, Array(bytes[offset...]))
                while answer.status == 423, Date() < end {
                    answer = try patch(wire, path, at: offset, Array(bytes[offset...]))
                }
                #expect(answer.status == 204, "\(answer.text)")
                #expect(answer["execution-arn"] != nil)
                return path
            }
            let stored = try await store.get("uploads/\(path.dropFirst(9))/elf.mkv")
            #expect(stored == bytes)
        }
        #expect(runs.starts.count == 1)
    }

    @Test func anEngineThatDiesBeforeTheStartIsFollowedByOneThatStarts() async throws {
        let directory = try TestDirectory()
        let runs = StartedRuns()
        runs.refuse(with: .init(code: .unavailable, message: "The engine is starting."))
        let bytes = film(100_000)
        let path = try await withUploadServer(in: directory, runs: runs) { port, _, _ in
            try await onThread {
                let wire = try Wire(port: port)
                let path = try create(wire, length: bytes.count)
                let answer = try patch(wire, path, at: 0, bytes)
                #expect(answer.status == 503)
                #expect(answer["retry-after"] == "1")
                #expect(answer["execution-arn"] == nil)
                return path
            }
        }
        #expect(runs.starts.isEmpty)
        runs.refuse(with: nil)
        try await withUploadServer(in: directory, runs: runs) { port, _, store in
            try await onThread {
                let wire = try Wire(port: port)
                let first = try wire.request("HEAD", path, tus)
                #expect(first["upload-offset"] == "100000")
                #expect(first["execution-arn"] != nil)
                // The client that lost the answer sends nothing more and gets it again.
                let second = try patch(wire, path, at: bytes.count, [])
                #expect(second.status == 204)
                #expect(second["execution-arn"] == first["execution-arn"])
            }
            let stored = try await store.get("uploads/\(path.dropFirst(9))/elf.mkv")
            #expect(stored == bytes)
        }
        #expect(runs.starts.count == 1)
    }

    @Test func theSweepFinishesWhatNobodyAsksFor() async throws {
        let directory = try TestDirectory()
        let runs = StartedRuns()
        runs.refuse(with: .init(code: .unavailable, message: "The engine is starting."))
        _ = try await withUploadServer(in: directory, runs: runs) { port, uploads, _ in
            try await onThread {
                let wire = try Wire(port: port)
                #expect(try patch(wire, try create(wire, length: 3), at: 0, [1, 2, 3]).status == 503)
            }
            let postponed = try await uploads.sweep().postponed
            #expect(postponed.values.map(\.code) == [.unavailable])
        }
        runs.refuse(with: nil)
        try await withUploadServer(in: directory, runs: runs) { _, uploads, _ in
            let removed = try await uploads.sweep().removed
            #expect(removed == [])
        }
        #expect(runs.starts.count == 1)
    }

    @Test func bytesThatACrashLeftInTheFileCount() async throws {
        let directory = try TestDirectory()
        let runs = StartedRuns()
        let bytes = film(50_000)
        let path = try await withUploadServer(in: directory, runs: runs) { port, _, _ in
            try await onThread {
                let wire = try Wire(port: port)
                let path = try create(wire, length: bytes.count)
                #expect(try patch(wire, path, at: 0, Array(bytes[..<10_000])).status == 204)
                return path
            }
        }
        // The process wrote these and died before it could acknowledge them.
        let file = try FileHandle(forWritingTo: URL(filePath: "\(directory.spool)/\(path.dropFirst(9)).part"))
        try file.seekToEnd()
        try file.write(contentsOf: bytes[10_000..<23_456])
        try file.close()
        try await withUploadServer(in: directory, runs: runs) { port, _, store in
            try await onThread {
                let wire = try Wire(port: port)
                #expect(try wire.request("HEAD", path, tus)["upload-offset"] == "23456")
                let stale = try patch(wire, path, at: 10_000, Array(bytes[10_000...]))
                #expect(stale.status == 409)
                #expect(stale["upload-offset"] == "23456")
                #expect(try patch(wire, path, at: 23_456, Array(bytes[23_456...])).status == 204)
            }
            let stored = try await store.get("uploads/\(path.dropFirst(9))/elf.mkv")
            #expect(stored == bytes)
        }
    }

    @Test func leftoversOfACreationAreTakenAway() async throws {
        let directory = try TestDirectory()
        try FileManager.default.createDirectory(atPath: directory.spool, withIntermediateDirectories: true)
        for name in ["a.part", "b.json.new"] {
            try Data([1]).write(to: URL(filePath: "\(directory.spool)/\(name)"))
        }
        try await withUploadServer(in: directory, runs: StartedRuns()) { _, _, _ in }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.spool).isEmpty)
    }

    @Test func onlyOneRequestWritesAtATime() async throws {
        let directory = try TestDirectory()
        let runs = StartedRuns()
        try await withUploadServer(in: directory, runs: runs) { port, _, _ in
            try await onThread {
                let path = try create(try Wire(port: port), length: 10)
                func begin() throws -> Wire {
                    let wire = try Wire(port: port)
                    try wire.begin("PATCH", path, content.merging(["Upload-Offset": "0"]) { $1 }, length: 10)
                    try wire.send([0, 1, 2, 3, 4])
                    return wire
                }
                var first = try begin()
                let second = try Wire(port: port)
                let end = Date(timeIntervalSinceNow: 20)
                // Empty content changes nothing, whichever of the two the server sees first; where it was the second at
                // that very moment, the first was refused and begins again.
                var answer = try patch(second, path, at: 0, [])
                while answer.status == 204, Date() < end {
                    if first.hasAnswer { first = try begin() }
                    answer = try patch(second, path, at: 0, [])
                }
                #expect(answer.status == 423)
                #expect(answer["tus-resumable"] == "1.0.0")
                #expect(try second.request("DELETE", path, tus).status == 423)
                #expect(try second.request("HEAD", path, tus)["upload-offset"] == "0")
                try first.send([5, 6, 7, 8, 9])
                let last = try first.answer()
                #expect(last.status == 204)
                #expect(last["execution-arn"] != nil)
            }
        }
    }

    @Test func creationMayBringContent() async throws {
        let directory = try TestDirectory()
        let runs = StartedRuns()
        try await withUploadServer(in: directory, runs: runs) { port, _, _ in
            try await onThread {
                let wire = try Wire(port: port)
                let part = try wire.request("POST", "/uploads", content.merging(["Upload-Length": "5"]) { $1 }, [1, 2])
                #expect(part.status == 201)
                #expect(part["upload-offset"] == "2")
                let whole = try wire.request(
                    "POST", "/uploads", content.merging(["Upload-Length": "2"]) { $1 }, [1, 2])
                #expect(whole["upload-offset"] == "2")
                #expect(whole["execution-arn"] != nil)
                let empty = try wire.request("POST", "/uploads", tus.merging(["Upload-Length": "0"]) { $1 }, [])
                #expect(empty.status == 201)
                #expect(empty["execution-arn"] != nil)
            }
        }
        #expect(runs.starts.count == 2)
    }

    @Test func terminatedUploadsAreGone() async throws {
        let directory = try TestDirectory()
        try await withUploadServer(in: directory, runs: StartedRuns()) { port, _, _ in
            try await onThread {
                let wire = try Wire(port: port)
                let path = try create(wire, length: 10)
                let override = tus.merging(["X-HTTP-Method-Override": "DELETE"]) { $1 }
                #expect(try wire.request("POST", path, override, []).status == 204)
                #expect(try wire.request("HEAD", path, tus).status == 404)
                #expect(try wire.request("DELETE", path, tus).status == 404)
                #expect(try patch(wire, path, at: 0, [1]).status == 404)
            }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.spool).isEmpty)
    }

    @Test func abandonedUploadsExpire() async throws {
        let directory = try TestDirectory()
        let path = try await withUploadServer(in: directory, runs: StartedRuns()) { port, uploads, _ in
            let path = try await onThread { try create(try Wire(port: port), length: 10) }
            let removed = try await uploads.sweep().removed
            #expect(removed == [])
            return path
        }
        let inEightDays: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) + 8 * 86_400 }
        try await withUploadServer(in: directory, runs: StartedRuns(), now: inEightDays) { port, uploads, _ in
            let removed = try await uploads.sweep().removed
            #expect(removed == [String(path.dropFirst(9))])
            let status = try await onThread { try Wire(port: port).request("HEAD", path, tus).status }
            #expect(status == 404)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.spool).isEmpty)
    }

    @Test func contentOtherThanItsChecksumIsRefused() async throws {
        let directory = try TestDirectory()
        let runs = StartedRuns()
        let wrong = String(repeating: "0", count: 64)
        try await withUploadServer(in: directory, runs: runs) { port, _, _ in
            try await onThread {
                let wire = try Wire(port: port)
                let path = try create(wire, length: 3, metadata: "sha256 \(base64(wrong))")
                #expect(try patch(wire, path, at: 0, [1, 2, 3]).status == 460)
                #expect(try wire.request("HEAD", path, tus).status == 404)
            }
        }
        #expect(runs.starts.isEmpty)
    }

    @Test func aMachineThatIsNotThereIsNamed() async throws {
        let directory = try TestDirectory()
        let runs = StartedRuns()
        runs.refuse(with: .init(code: .machineNotFound, message: "There is no state machine 'ingets'."))
        try await withUploadServer(in: directory, runs: runs) { port, _, _ in
            let answer = try await onThread {
                let wire = try Wire(port: port)
                let path = try create(wire, length: 1, metadata: "workflow \(base64("ingets"))")
                return try patch(wire, path, at: 0, [1])
            }
            #expect(answer.status == 422)
            #expect(try JSON(parsing: answer.text)["problems"] == ["There is no state machine 'ingets'."])
        }
    }
}
