import EngineClient
import Foundation
import HTTP
import JSON
import Testing

extension EndToEnd {
    /// Uploads by the tus protocol over a connection that breaks.
    @Suite struct UploadTests {
        @Test("an upload cut in its middle goes on where it stood and starts one run")
        func resumes() async throws {
            let stage = try sharedStage()
            let film = Film(name: "resumed", size: "640x360", frames: 100)
            let path = try await film.make()
            // Some bytes more than go into any buffer on the way, in a box that players pass over (ISO/IEC 14496-12,
            // 8.1.2).
            let bytes =
                [UInt8](try Data(contentsOf: URL(filePath: path))) + [0, 0x80, 0, 8] + Array("free".utf8)
                + [UInt8](repeating: 0, count: 8 << 20)
            let title = "Resumed"
            let before = try await runs(stage)
            let created = try await stage.http.send(
                HTTPRequest(
                    "POST", "\(stage.engineURL)/uploads",
                    headers: [
                        "Tus-Resumable": "1.0.0", "Upload-Length": "\(bytes.count)",
                        "Upload-Metadata": "filename \(base64("film.mp4")),title \(base64(title))",
                    ]))
            #expect(created.status == 201)
            let location = try #require(created.headers["Location"])
            let address = stage.engineURL + location

            // Announces everything, sends two thirds, and goes when a part has been kept.
            let sent = bytes.count * 2 / 3
            let head = """
                PATCH \(location) HTTP/1.1\r
                Host: 127.0.0.1:\(stage.port)\r
                Tus-Resumable: 1.0.0\r
                Upload-Offset: 0\r
                Content-Type: application/offset+octet-stream\r
                Content-Length: \(bytes.count)\r
                \r

                """
            do {
                let connection = try Connection(port: stage.port)
                try connection.send(Array(head.utf8) + bytes.prefix(sent))
                // The engine tells of nothing that is not safe on the disk yet; the file shows what has come.
                try await eventually("a part has come") {
                    let folder = "\(stage.directory)/uploads"
                    return try FileManager.default.contentsOfDirectory(atPath: folder).contains { name in
                        let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")
                        return attributes[.size] as? Int ?? 0 >= 1 << 20
                    }
                }
                withExtendedLifetime(connection) {}
            }
            #expect(try await runs(stage) == before)

            // Goes on from where the upload stands; until the old connection's end is noticed it is refused.
            let arn = try await eventually("the upload goes on") { () -> String? in
                let offset = try #require(try await offsetKept(address, stage))
                if offset == 0 { return nil }
                try #require((1 << 20...sent).contains(offset))
                let wrong = try await patch(address, Array(bytes[1...]), at: offset - 1, stage)
                #expect(wrong.status == 409 || wrong.status == 423)
                let rest = try await patch(address, Array(bytes[offset...]), at: offset, stage)
                if rest.status == 409 || rest.status == 423 { return nil }
                try #require(rest.status == 204, "\(rest.text)")
                let arn: String = try #require(rest.headers["Execution-Arn"])
                return arn
            }

            // Whoever asks again is told of the same run.
            let again = try await stage.http.send(HTTPRequest("HEAD", address, headers: ["Tus-Resumable": "1.0.0"]))
            #expect(again.headers["Execution-Arn"] == arn)
            let run = try await stage.end(of: arn)
            #expect(run["status"] == "SUCCEEDED", "\(run["cause"]?.text ?? "")")
            #expect(try await runs(stage) == before + 1)
            try await stage.checkPlayback(
                of: film, hls: try #require(run["output"]?["hls"]?.stringValue),
                dash: try #require(run["output"]?["dash"]?.stringValue))
        }

        /// Where the upload stands.
        private func offsetKept(_ address: String, _ stage: TestStage) async throws -> Int? {
            let standing = try await stage.http.send(HTTPRequest("HEAD", address, headers: ["Tus-Resumable": "1.0.0"]))
            try #require(standing.status == 200)
            return standing.headers["Upload-Offset"].flatMap { Int($0) }
        }

        private func patch(
            _ address: String, _ bytes: [UInt8], at offset: Int, _ stage: TestStage
        ) async throws -> HTTPResponse {
            try await stage.http.send(
                HTTPRequest(
                    "PATCH", address,
                    headers: [
                        "Tus-Resumable": "1.0.0", "Upload-Offset": "\(offset)",
                        "Content-Type": "application/offset+octet-stream",
                    ], body: .bytes(bytes)))
        }

        private func runs(_ stage: TestStage) async throws -> Int {
            try await stage.client.get("/console/api/runs?limit=1000")["items"]?.arrayValue?.count ?? 0
        }

        private func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }
    }
}

/// A connection of bare bytes; closed with its last owner.
private final class Connection: Sendable {
    private let descriptor: Int32

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Loopback.address(port)
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard descriptor >= 0, status == 0 else {
            throw TooLate(description: "no connection to \(port): \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw TooLate(description: "sending: \(String(cString: strerror(errno)))") }
            rest = rest.dropFirst(count)
        }
    }
}
