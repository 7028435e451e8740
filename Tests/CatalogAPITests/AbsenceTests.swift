import CatalogAPI
import CatalogStore
import CatalogTestSupport
import HTTPServer
import HTTPServerTestSupport
import JSON
import Postgres
import PostgresTestSupport
import TemporaryFolder
import Testing

@Suite("Without the database", .serialized)
struct AbsenceTests {
    @Test func whatIsKeptIsServedAndTheRestIs503() async throws {
        let viewers = try await Viewers.make()
        try await viewers.publishStored(1)
        try await viewers.publishStored(2)
        try await viewers.with { client in
            let list = try await client.get("/v1/titles")
            #expect(try await client.get("/media/p1/master.m3u8").status == 200)
            #expect(try await client.get("/readyz").status == 200)

            await viewers.catalogue.connection.close()
            viewers.clock.advance(by: .seconds(5))

            #expect(try await client.get("/v1/titles").body == list.body)
            #expect(try await client.get("/media/p1/master.m3u8").status == 200)
            for path in ["/v1/titles/t-2", "/v1/titles/t-2/playback", "/v1/titles?kind=short", "/media/p2/master.m3u8"]
            {
                let answer = try await client.get(path)
                #expect(answer.status == 503, "\(path)")
                #expect(answer["Retry-After"] == "2", "\(path)")
                #expect(try JSON(parsing: answer.body)["type"] == "urn:showrunner:problem:unavailable", "\(path)")
            }
            let ready = try await client.get("/readyz")
            #expect(ready.status == 503)
            #expect(try JSON(parsing: ready.body)["checks"]?[0]?["ok"] == false)
            #expect(try await client.get("/livez").status == 200)
            #expect(try await client.get("/").status == 200)
        }
    }

    @Test func aCatalogueThatWasNotMigratedIsNotReady() async throws {
        let catalogue = try await Catalogue.connect(try await TestDatabase.empty())
        let viewers = try Viewers(catalogue: catalogue, try TemporaryFolder())
        try await viewers.with { client in
            let ready = try await client.get("/readyz")
            #expect(ready.status == 503)
            #expect(
                try JSON(parsing: ready.body)["checks"]?[1]?["trouble"]
                    == "the catalogue's schema is at migration 0 and this program needs 5: start the engine, which migrates it"
            )
        }
    }
}
