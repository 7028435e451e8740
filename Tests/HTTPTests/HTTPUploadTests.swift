import Cryptography
import HTTP
import ScriptedServer
import Testing

@Suite("HTTP requests whose content is handed over", .timeLimit(.minutes(2)))
struct HTTPUploadTests {
    let client = HTTPClient()

    private func request(_ url: String, _ upload: HTTPUpload, length: Int64?) -> HTTPRequest {
        HTTPRequest("PATCH", url, body: .upload(upload, length: length), reusesConnection: false)
    }

    @Test("pieces of any size arrive in their order, with the length or chunked", arguments: [true, false])
    func pieces(isLengthKnown: Bool) async throws {
        let content = randomBytes(700_001)
        let received = Collected<ScriptedServer.Received>()
        let server = try ScriptedServer { connection in
            guard let request = connection.receive() else { return }
            received.add(request)
            if !isLengthKnown, connection.chunks() != content { return }
            connection.answer(204)
        }
        let upload = HTTPUpload()
        let (client, request) = (self.client, request(server.url, upload, length: isLengthKnown ? 700_001 : nil))
        let answer = Task { try await client.send(request) }
        for (start, end) in [(0, 1), (1, 1), (1, 70_000), (70_000, 700_001)] {
            #expect(await upload.send(Array(content[start..<end])))
        }
        upload.finish()
        #expect(try await answer.value.status == 204)
        let head = try #require(received.all.first)
        #expect(isLengthKnown ? head.content == content : head.header("Transfer-Encoding") == "chunked")
    }

    @Test("whoever hands over is told when the request is over before its content")
    func refusedEarly() async throws {
        let server = try ScriptedServer { connection in
            connection.send("HTTP/1.1 413 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        }
        let upload = HTTPUpload()
        let (client, request) = (self.client, request(server.url, upload, length: nil))
        let answer = Task { try await client.send(request) }
        let piece = [UInt8](repeating: 1, count: 1 << 20)
        while await upload.send(piece) {}
        // The answer, or that the connection broke while it was written: both are ends.
        do { #expect(try await answer.value.status == 413) } catch let error as HTTPError {
            #expect(error.code == .interrupted, "\(error)")
        }
    }

    @Test("content that breaks off fails the request")
    func broken() async throws {
        let server = try ScriptedServer { connection in connection.awaitClose() }
        let upload = HTTPUpload()
        let (client, request) = (self.client, request(server.url, upload, length: 10))
        let answer = Task { try await client.send(request) }
        #expect(await upload.send([1, 2, 3]))
        upload.fail()
        let error = await #expect(throws: HTTPError.self) { _ = try await answer.value }
        #expect(error?.code == .cancelled && error?.mayHaveReachedServer == true)
    }

    @Test("content of another length than was declared fails the request", arguments: [3, 12])
    func otherLength(given: Int) async throws {
        let server = try ScriptedServer { connection in connection.awaitClose() }
        let upload = HTTPUpload()
        let (client, request) = (self.client, request(server.url, upload, length: 10))
        let answer = Task { try await client.send(request) }
        _ = await upload.send([UInt8](repeating: 1, count: given))
        upload.finish()
        let error = await #expect(throws: HTTPError.self) { _ = try await answer.value }
        #expect(error?.code == .cancelled, "\(error?.message ?? "")")
    }

    @Test("what can't be sent is told at once")
    func unsendable() async throws {
        let server = try ScriptedServer { connection in connection.awaitClose() }
        let other = HTTPUpload()
        let refused = HTTPRequest("PATCH", server.url, body: .upload(other, length: nil))
        await #expect(throws: HTTPError.self) { _ = try await client.send(refused) }
        #expect(await !other.send([1]))
    }
}
