import EngineClient
import Foundation
import HTTP
import JSON
import Testing

extension EndToEnd {
    /// From a file to a title that plays.
    @Suite struct IngestTests {
        static let metadata = """
            kind: movie
            year: 2003
            genres: [Comedy, Family]
            rating: PG
            languages: [en]
            description: A man raised by elves looks for his father.
            """

        @Test("ingest --wait --json publishes a film with its metadata")
        func publishes() async throws {
            let stage = try sharedStage()
            let film = Film(name: "sound", size: "640x360", frames: 96)
            let path = try await film.make()
            let metadata = Workplace.file("elf.yaml")
            try Self.metadata.write(toFile: metadata, atomically: true, encoding: .utf8)
            let ended = try await stage.showrunner(
                "ingest", path, "--title", "Elf", "--metadata", metadata, "--wait", "--json")
            try #require(ended.status == 0, "\(ended.errors)\n\(stage.up.lastWords())")
            #expect(ended.errors == "")
            #expect(ended.output.split(separator: "\n").count == 1)
            let published = try JSON(parsing: ended.output)
            let arn = try #require(published["executionArn"]?.stringValue)
            #expect(arn.hasPrefix("arn:aws:states:us-east-1:000000000000:execution:ingest:"))
            #expect(published["status"] == "SUCCEEDED")
            #expect(published["framesEncoded"]?.integerValue == film.frames)
            let id = try #require(published["titleId"]?.stringValue)
            let hls = try #require(published["hls"]?.stringValue)
            let dash = try #require(published["dash"]?.stringValue)
            #expect(hls.hasPrefix("\(stage.viewerURL)/media/") && dash.hasPrefix("\(stage.viewerURL)/media/"))

            let listed = try await stage.published("Elf")
            #expect(listed.map { $0["id"]?.stringValue } == [id])
            let title = try await stage.get("\(stage.viewerURL)/v1/titles/\(id)")
            #expect(title["kind"] == "movie" && title["year"] == 2003 && title["rating"] == "PG")
            #expect(title["languages"] == ["en"])
            #expect(title["genres"]?.arrayValue?.map { $0["name"]?.stringValue } == ["Comedy", "Family"])
            #expect(title["description"] == "A man raised by elves looks for his father.")
            #expect(abs((title["duration_seconds"]?.doubleValue ?? 0) - film.seconds) < 0.05)
            let playback = try await stage.get("\(stage.viewerURL)/v1/titles/\(id)/playback")
            #expect(playback["hls"]?.stringValue == hls && playback["dash"]?.stringValue == dash)
            let pictures = [title["poster"], title["thumbnails"]].map { $0?.stringValue }
            for address in pictures {
                let response = try await stage.http.send(HTTPRequest("GET", try #require(address)))
                #expect(response.status == 200 && !response.body.isEmpty)
            }
            try await stage.checkPlayback(of: film, hls: hls, dash: dash)
            try await checkRanges(stage, hls)
        }

        /// Range and conditional requests on media (RFC 9110, sections 13 and 14).
        private func checkRanges(_ stage: TestStage, _ hls: String) async throws {
            let variant = try #require(try await Playlist(hls, stage.http).addresses.first)
            let segment = try #require(try await Playlist(variant, stage.http).addresses.first)
            let whole = try await stage.http.send(HTTPRequest("GET", segment))
            let tag = try #require(whole.headers["ETag"])
            #expect(whole.status == 200 && whole.body.count > 100)
            #expect(whole.headers["Accept-Ranges"] == "bytes")
            let part = try await stage.http.send(HTTPRequest("GET", segment, headers: ["Range": "bytes=10-19"]))
            #expect(part.status == 206 && part.body == Array(whole.body[10..<20]))
            #expect(part.headers["Content-Range"] == "bytes 10-19/\(whole.body.count)")
            let last = try await stage.http.send(HTTPRequest("GET", segment, headers: ["Range": "bytes=-7"]))
            #expect(last.status == 206 && last.body == Array(whole.body.suffix(7)))
            let beyond = try await stage.http.send(
                HTTPRequest("GET", segment, headers: ["Range": "bytes=\(whole.body.count)-"]))
            #expect(beyond.status == 416)
            let known = try await stage.http.send(HTTPRequest("GET", segment, headers: ["If-None-Match": tag]))
            #expect(known.status == 304 && known.body.isEmpty)
            let other = try await stage.http.send(
                HTTPRequest("GET", segment, headers: ["Range": "bytes=10-19", "If-Range": "\"another\""]))
            #expect(other.status == 200 && other.body == whole.body)
        }

        static let films = [
            Film(name: "23.976 frames a second", rate: "24000/1001", frames: 72),
            Film(name: "30 frames a second", rate: "30", frames: 60),
            Film(name: "50 frames a second", rate: "50", frames: 100),
            Film(name: "without sound", rate: "25", frames: 50, hasSound: false),
            Film(name: "turned by 90 degrees", rate: "25", frames: 50, rotation: 90),
            Film(name: "one picture", rate: "25", frames: 1, hasSound: false),
        ]

        @Test("every kind of film is published whole", arguments: films)
        func publishesEveryKind(film: Film) async throws {
            let stage = try sharedStage()
            let run = try await stage.end(of: try await stage.ingest(try await film.make(), title: film.name))
            try #require(run["status"] == "SUCCEEDED", "\(run["error"]?.text ?? "") \(run["cause"]?.text ?? "")")
            let hls = try #require(run["output"]?["hls"]?.stringValue)
            let dash = try #require(run["output"]?["dash"]?.stringValue)
            let listed = try await stage.published(film.name)
            #expect(listed.map { $0["id"] } == [run["output"]?["titleId"]])
            try await stage.checkPlayback(of: film, hls: hls, dash: dash)
            if film.rotation == 90 {
                let playback = try await stage.get(
                    "\(stage.viewerURL)/v1/titles/\(try #require(listed[0]["id"]?.stringValue))/playback")
                let video = playback["renditions"]?.arrayValue?.filter { $0["kind"] == "video" } ?? []
                #expect(!video.isEmpty)
                for rendition in video {
                    let (width, height) = (rendition["width"]?.integerValue, rendition["height"]?.integerValue)
                    #expect((width ?? 0) < (height ?? 0), "upright: \(rendition.text)")
                }
            }
        }

        @Test("the same film again costs no encoding and gives a title of its own run")
        func repeatsNothing() async throws {
            let stage = try sharedStage()
            let film = Film(name: "twice", frames: 48)
            let path = try await film.make()
            var documents: [JSON] = []
            var seconds = 0.0
            for _ in 1...2 {
                let began = ContinuousClock.now
                defer { seconds = (ContinuousClock.now - began) / .seconds(1) }
                let ended = try await stage.showrunner("ingest", path, "--title", "Twice", "--wait", "--json")
                try #require(ended.status == 0, "\(ended.errors)")
                documents.append(try JSON(parsing: ended.output))
            }
            #expect(documents[0]["framesEncoded"]?.integerValue == film.frames)
            #expect(documents[1]["framesEncoded"]?.integerValue == 0)
            print("the same film again: published \(seconds) s after the command began")
            #expect(documents[0]["executionArn"] != documents[1]["executionArn"])
            try await stage.checkPlayback(
                of: film, hls: try #require(documents[1]["hls"]?.stringValue),
                dash: try #require(documents[1]["dash"]?.stringValue))
        }

        @Test("two ingests of one film at the same time encode it once")
        func makesItOnce() async throws {
            let stage = try sharedStage()
            let film = Film(name: "both", frames: 96)
            let path = try await film.make()
            async let one = stage.showrunner("ingest", path, "--title", "Both", "--wait", "--json")
            async let other = stage.showrunner("ingest", path, "--title", "Both", "--wait", "--json")
            var frames: [Int] = []
            for ended in try await [one, other] {
                try #require(ended.status == 0, "\(ended.errors)")
                frames.append(try #require(try JSON(parsing: ended.output)["framesEncoded"]?.integerValue))
            }
            #expect(frames.sorted() == [0, film.frames])
        }
    }
}
