import CatalogTestSupport
import Cryptography
import HTTPServerTestSupport
import JSON
import Testing

@Suite("Media routes", .serialized)
struct MediaRoutesTests {
    @Test(arguments: [
        ("/media/p1/master.m3u8", "application/vnd.apple.mpegurl", "#EXTM3U 1\n"),
        ("/media/p1/manifest.mpd", "application/dash+xml", "<MPD>1</MPD>"),
        ("/media/p1/video-720p/1.m4s", "video/iso.segment", "0123456789"),
        ("/media/thumbnails/1/poster.jpg", "image/jpeg", "poster 1"),
        ("/media/thumbnails/1/0.jpg", "image/jpeg", "sprite 1"),
        ("/media/thumbnails/1/track.vtt", "text/vtt", "WEBVTT\n"),
    ])
    func objectsOfPublishedTitles(_ path: String, _ contentType: String, _ content: String) async throws {
        let viewers = try await Viewers.make()
        try await viewers.publishStored(1)
        try await viewers.with { client in
            let answer = try await client.get(path)
            #expect(answer.status == 200)
            #expect(answer.text == content)
            #expect(answer["Content-Type"] == contentType)
            #expect(answer["ETag"] == "\"\(SHA256.hash(content).hex)\"")
            #expect(answer["Cache-Control"] == "public, max-age=31536000, immutable")
            #expect(answer["Access-Control-Allow-Origin"] == "*")
            #expect(answer["Cross-Origin-Resource-Policy"] == "cross-origin")
            let head = try await client.send("HEAD", path)
            #expect(head.status == 200 && head.body.isEmpty)
            #expect(head["Content-Length"] == String(content.utf8.count))
            #expect(try await client.get(path, ["If-None-Match": answer["ETag"] ?? ""]).status == 304)
        }
    }

    @Test func ranges() async throws {
        let viewers = try await Viewers.make()
        try await viewers.publishStored(1)
        try await viewers.with { client in
            let path = "/media/p1/video-720p/1.m4s"
            let part = try await client.get(path, ["Range": "bytes=3-5"])
            #expect(part.status == 206 && part.text == "345" && part["Content-Range"] == "bytes 3-5/10")
            #expect(try await client.get(path, ["Range": "bytes=8-"]).text == "89")
            let outside = try await client.get(path, ["Range": "bytes=10-"])
            #expect(outside.status == 416 && outside["Content-Range"] == "bytes */10")
            #expect(outside["Access-Control-Allow-Origin"] == "*")
        }
    }

    @Test func preflight() async throws {
        try await Viewers.make().with { client in
            let answer = try await client.send(
                "OPTIONS", "/media/p1/1.m4s",
                ["Origin": "https://other.example", "Access-Control-Request-Headers": "range"])
            #expect(answer.status == 204)
            #expect(answer["Access-Control-Allow-Origin"] == "*")
            #expect(answer["Access-Control-Allow-Headers"]?.contains("Range") == true)
            #expect(try await client.send("PUT", "/media/p1/1.m4s")["Allow"] == "GET, HEAD, OPTIONS")
        }
    }

    @Test func nothingElseIsServed() async throws {
        let viewers = try await Viewers.make()
        try await viewers.publishStored(1)
        // In the store, of no published title.
        for key in ["media/p2/master.m3u8", "sources/film.mp4", "media/p1/draft.m4s"] {
            _ = try await viewers.put("secret", key)
        }
        try await viewers.with { client in
            for path in [
                "/media/p2/master.m3u8", "/media/sources/film.mp4", "/media/p1/draft.m4s", "/media/", "/media/p1",
                "/media/p1/../../sources/film.mp4", "/media/%2e%2e/sources/film.mp4", "/media/p1%2fmaster.m3u8",
                "/media/.store/x", "/media/p1/master.m3u8/",
            ] {
                let answer = try await client.get(path)
                #expect(answer.status == 404, "\(path)")
                #expect(!answer.text.contains("secret"), "\(path)")
            }
        }
    }

    @Test func whatTheStoreLostIsOurFailure() async throws {
        let viewers = try await Viewers.make()
        try await viewers.publishStored(1)
        try await viewers.store.delete("media/p1/video-720p/1.m4s")
        try await viewers.with { client in
            let answer = try await client.get("/media/p1/video-720p/1.m4s")
            #expect(answer.status == 500)
            #expect(answer["Content-Type"] == "application/problem+json")
        }
    }
}
