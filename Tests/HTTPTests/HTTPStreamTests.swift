import Cryptography
import Glibc
import HTTP
import ScriptedServer
import TemporaryFolder
import Testing

@Suite("HTTP streams and downloads")
struct HTTPStreamTests {
    let client = HTTPClient()

    @Test("lines come one by one, while the server is still speaking")
    func lines() async throws {
        let next = Gate()
        let server = try ScriptedServer { connection in
            _ = connection.receive()
            connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            connection.send("data: 1\r\nda")
            connection.send("ta: zwei \u{1F3AC}\n\n")
            if next.pass() { connection.send("data: 3\nlast") }
        }
        var iterator = try await client.lines(
            HTTPRequest("GET", server.url, timeouts: HTTPTimeouts(total: nil))
        ).makeAsyncIterator()
        #expect(try await iterator.next() == "data: 1")
        #expect(try await iterator.next() == "data: zwei \u{1F3AC}")
        #expect(try await iterator.next() == "")
        next.open()
        #expect(try await iterator.next() == "data: 3")
        #expect(try await iterator.next() == "last")
        #expect(try await iterator.next() == nil)
    }

    @Test("the head of a stream comes before its content")
    func head() async throws {
        let next = Gate()
        let server = try ScriptedServer { connection in
            _ = connection.receive()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\n")
            if next.pass() { connection.send("ok") }
        }
        let stream = try await client.stream(HTTPRequest("GET", server.url))
        #expect(stream.status == 200)
        #expect(stream.headers["X-A"] == "b")
        next.open()
        var bytes: [UInt8] = []
        for try await piece in stream.body { bytes += piece }
        #expect(bytes == Array("ok".utf8))
    }

    @Test("lines of a refusal are an error with the status and its words")
    func refusal() async throws {
        let server = try ScriptedServer { connection in
            while connection.receive() != nil { connection.answer(503, "", "standing by") }
        }
        let error = await failure { try await client.lines(HTTPRequest("GET", server.url)) }
        #expect(error?.code == .status(503))
        #expect(error?.detail == "standing by")
    }

    @Test("a line without end is refused")
    func endless() async throws {
        let server = try ScriptedServer { connection in
            _ = connection.receive()
            connection.send("HTTP/1.1 200 OK\r\n\r\n")
            let piece = [UInt8](repeating: 120, count: 65_536)
            while connection.send(piece) {}
        }
        var iterator = try await client.lines(HTTPRequest("GET", server.url)).makeAsyncIterator()
        var caught: HTTPError?
        do throws(HTTPError) { _ = try await iterator.next() } catch { caught = error }
        #expect(caught?.code == .tooLarge)
    }

    @Test("a slow reader holds the sender back, and loses nothing")
    func backPressure() async throws {
        let content = randomBytes(8 << 20)
        let sent = Collected<Int>()
        let server = try ScriptedServer { connection in
            _ = connection.receive()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(content.count)\r\n\r\n")
            for start in stride(from: 0, to: content.count, by: 65_536) {
                guard connection.send(Array(content[start..<start + 65_536])) else { return }
                sent.add(65_536)
            }
        }
        let stream = try await client.stream(HTTPRequest("GET", server.url))
        var received: [UInt8] = []
        var largest = 0
        for try await piece in stream.body {
            largest = max(largest, piece.count)
            received += piece
        }
        #expect(received == content)
        #expect(largest <= 1 << 20)
    }

    @Test("letting go of a stream closes its connection")
    func lettingGo() async throws {
        let closed = Gate()
        let server = try ScriptedServer { connection in
            _ = connection.receive()
            connection.send("HTTP/1.1 200 OK\r\n\r\n")
            let piece = [UInt8](repeating: 0, count: 65_536)
            while connection.send(piece) {}
            closed.open()
        }
        do {
            let stream = try await client.stream(HTTPRequest("GET", server.url))
            #expect(try await stream.body.makeAsyncIterator().next()?.isEmpty == false)
        }
        #expect(await blocking { closed.pass() })
    }

    @Test("cancelling the reader ends the stream")
    func cancellation() async throws {
        let server = try ScriptedServer { connection in
            _ = connection.receive()
            connection.send("HTTP/1.1 200 OK\r\n\r\nfirst\n")
            connection.awaitClose()
        }
        let lines = try await client.lines(HTTPRequest("GET", server.url, timeouts: HTTPTimeouts(total: nil)))
        let first = Gate()
        let task = Task { () -> HTTPError? in
            do throws(HTTPError) {
                for try await _ in lines { first.open() }
                return nil
            } catch {
                return error
            }
        }
        #expect(await blocking { first.pass() })
        task.cancel()
        #expect(await task.value?.code == .cancelled)
    }

    @Test("a stream that breaks is an error, not an end")
    func broken() async throws {
        let server = try ScriptedServer { connection in
            _ = connection.receive()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive\n")
        }
        var iterator = try await client.lines(HTTPRequest("GET", server.url)).makeAsyncIterator()
        #expect(try await iterator.next() == "five")
        var caught: HTTPError?
        do throws(HTTPError) { _ = try await iterator.next() } catch { caught = error }
        #expect(caught?.code == .interrupted)
    }

    @Test("a download goes to its file, and only a whole one")
    func download() async throws {
        let folder = try TemporaryFolder()
        let content = randomBytes(1 << 20)
        let seen = Collected<String?>()
        let server = try ScriptedServer { connection in
            while let request = connection.receive() {
                seen.add(request.header("Range"))
                if request.line.contains("missing") {
                    connection.answer(404, "", "no such film")
                } else {
                    connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(content.count)\r\n\r\n")
                    connection.send(request.line.contains("half") ? Array(content[..<5000]) : content)
                    if request.line.contains("half") { return }
                }
            }
        }
        let path = folder.place("film")
        let observed = Collected<Int>()
        let response = try await client.download(
            HTTPRequest("GET", server.url), to: path, range: 5..<10, maxBytes: 1 << 20,
            observer: { observed.add($0.count) })
        #expect(response.status == 200)
        #expect(response.body.isEmpty)
        #expect(observed.all.reduce(0, +) == content.count)
        #expect(try SHA256.file(path).digest == SHA256.hash(content))
        #expect(seen.all == ["bytes=5-9"])

        let refused = try await client.download(
            HTTPRequest("GET", server.url + "/missing"), to: folder.place("none"), maxBytes: 100)
        #expect(refused.status == 404)
        #expect(refused.text == "no such film")
        #expect(access(folder.place("none"), F_OK) != 0)

        let half = await failure {
            try await client.download(HTTPRequest("GET", server.url + "/half"), to: path, maxBytes: 1 << 20)
        }
        #expect(half?.code == .interrupted)
        #expect(access(path, F_OK) != 0)

        let large = await failure {
            try await client.download(HTTPRequest("GET", server.url), to: path, maxBytes: 1000)
        }
        #expect(large?.code == .tooLarge)
        let nowhere = await failure {
            try await client.download(HTTPRequest("GET", server.url), to: path + "/x/y", maxBytes: 1 << 20)
        }
        #expect(nowhere?.code == .localFile)
        #expect(nowhere?.systemError == ENOENT)
    }

    @Test("a full disk is named", .enabled(if: access("/dev/full", W_OK) == 0, "there is no /dev/full"))
    func fullDisk() async throws {
        let server = try ScriptedServer { connection in
            while connection.receive() != nil { connection.answer(200, "", "content") }
        }
        // A link, because the file of a failed download is removed.
        let folder = try TemporaryFolder()
        let path = folder.place("full")
        #expect(symlink("/dev/full", path) == 0)
        let error = await failure { try await client.download(HTTPRequest("GET", server.url), to: path, maxBytes: 100) }
        #expect(error?.code == .localFile)
        #expect(error?.isNoSpace == true)
    }
}
