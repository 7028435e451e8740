import EngineClient
import ScriptedServer
import TemporaryFolder
import Testing

@Suite("Uploads by the command line", .timeLimit(.minutes(2)))
struct UploadTests {
    @Test("an upload that is complete and starts nothing is told of, and not sent again and again")
    func withoutRun() async throws {
        let folder = try TemporaryFolder()
        let film = try folder.write("elf.mov", [1, 2, 3, 4])
        let calls = Collected<String>()
        let server = try ScriptedServer { connection in
            guard let request = connection.receive() else { return }
            calls.add(request.line)
            let isPatch = request.line.hasPrefix("PATCH")
            connection.answer(
                isPatch ? 204 : 201,
                (isPatch ? "Upload-Offset: 4\r\nExecution-Held-By: partner\r\n" : "Location: /uploads/1\r\n")
                    + "Connection: close\r\n")
        }
        let client = try EngineClient(engine: server.url, environment: [:])
        let upload = try Upload(path: film, metadata: [])
        let error = await #expect(throws: EngineClientError.self) {
            _ = try await client.send(upload) { _ in }
        }
        #expect(error?.message.hasPrefix("the upload is complete") == true, "\(error?.message ?? "")")
        #expect(calls.all == ["POST /uploads HTTP/1.1", "PATCH /uploads/1 HTTP/1.1"])
        withExtendedLifetime(folder) {}
    }

    @Test("where an upload stands is asked until the engine says it, also while that restarts")
    func acrossARestart() async throws {
        let folder = try TemporaryFolder()
        let film = try folder.write("elf.mov", [1, 2, 3, 4])
        let calls = Collected<String>()
        let server = try ScriptedServer { connection in
            guard let request = connection.receive() else { return }
            let method = String(request.line.prefix { $0 != " " })
            calls.add(method)
            let nth = calls.all.count(where: { $0 == method })
            switch method {
            case "POST": connection.answer(201, "Location: /uploads/1\r\nConnection: close\r\n")
            // The bytes have arrived, and the engine ends before it says so.
            case "PATCH" where nth == 1: return
            case "HEAD" where nth <= 2: return
            case "HEAD": connection.answer(200, "Upload-Offset: 4\r\nConnection: close\r\n")
            default:
                guard request.header("Upload-Offset") == "4" else {
                    connection.answer(409, "Connection: close\r\n", "The upload stands at byte 4.")
                    return
                }
                connection.answer(204, "Upload-Offset: 4\r\nExecution-Arn: arn:elf\r\nConnection: close\r\n")
            }
        }
        let client = try EngineClient(engine: server.url, environment: [:])
        let arn = try await client.send(try Upload(path: film, metadata: [])) { _ in }
        #expect(arn == "arn:elf")
        #expect(calls.all == ["POST", "PATCH", "HEAD", "HEAD", "HEAD", "PATCH"])
        withExtendedLifetime(folder) {}
    }
}
