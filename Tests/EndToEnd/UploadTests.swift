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
            let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
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

            // Announces everything, sends two thirds, and goes.
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
            try Connection(port: stage.port).send(Array(head.utf8) + bytes.prefix(sent))

            // All that was sent over loopback before the end has arrived, and is kept.
            let offset = try await eventually("the upload stands still") { () -> Int? in
                let standing = try await stage.http.send(
                    HTTPRequest("HEAD", address, headers: ["Tus-Resumable": "1.0.0"]))
                if standing.status == 423 { return nil }
                try #require(standing.status == 200)
                #expect(standing.headers["Upload-Length"] == "\(bytes.count)")
                let offset = standing.headers["Upload-Offset"].flatMap { Int($0) } ?? -1
                try #require(offset <= sent)
                return offset == sent ? offset : nil
            }
            #expect(try await runs(stage) == before)

            // From a wrong place it does not go on.
            let wrong = try await patch(address, Array(bytes[1...]), at: 0, stage)
            #expect(wrong.status == 409)
            let rest = try await patch(address, Array(bytes[offset...]), at: offset, stage)
            #expect(rest.status == 204)
            let arn = try #require(rest.headers["Execution-Arn"])

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

/// A connection that says what it is told and then closes.
private struct Connection {
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

    /// Sends all of it and closes the connection.
    func send(_ bytes: [UInt8]) throws {
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw TooLate(description: "sending: \(String(cString: strerror(errno)))") }
            rest = rest.dropFirst(count)
        }
    }
}
