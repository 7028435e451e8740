import HTTPServer
import HTTPServerTestSupport
import Hummingbird
import Logging
import Testing

@Suite("HTTP service")
struct HTTPServiceTests {
    @Test func aTakenPortIsOneClearSentence() async throws {
        let router = ServiceRouter()
        router.get("/") { _, _ in Response(status: .ok) }
        try await LoopbackServer.with(router) { client, _ in
            let second = HTTPService(
                router: ServiceRouter(), configuration: .init(port: client.port), logger: Logger(label: "test"))
            let error = await #expect(throws: HTTPServiceError.self) { try await second.run() }
            #expect(error == .addressInUse(host: "127.0.0.1", port: client.port))
            #expect(
                error?.description
                    == "port \(client.port) on 127.0.0.1 is taken by another process: choose another port or stop that process"
            )
        }
    }

    @Test func anAddressOfAnotherMachineIsOneClearSentence() async {
        let service = HTTPService(
            router: ServiceRouter(), configuration: .init(host: "192.0.2.1", port: 0), logger: Logger(label: "test"))
        let error = await #expect(throws: HTTPServiceError.self) { try await service.run() }
        #expect(error?.description.hasPrefix("cannot listen on 192.0.2.1, port 0: ") == true)
    }

    @Test func stoppingLetsARequestUnderWayFinish() async throws {
        let (begun, begin) = AsyncStream<Void>.makeStream()
        let (released, release) = AsyncStream<Void>.makeStream()
        let router = ServiceRouter()
        router.get("/slow") { _, _ in
            begin.yield()
            for await _ in released { break }
            return Response(status: .ok, body: .init(byteBuffer: ByteBuffer(string: "done")))
        }
        try await LoopbackServer.with(router) { client, stop in
            async let answer = client.get("/slow")
            for await _ in begun { break }
            await stop()
            release.yield()
            let finished = try await answer
            #expect(finished.status == 200)
            #expect(finished.text == "done")
        }
    }
}
