import EngineClient
import Encodings
import Foundation
import HTTP
import JSON
import KeyServer
import Packaging
import Testing

extension EndToEnd {
    /// Films under Common Encryption: who can see them, who can't, and where their keys are not.
    @Suite struct ProtectionTests {
        @Test("ingest --protection gives a film that plays with its licence and with nothing else")
        func ingests() async throws {
            let stage = try sharedStage()
            let film = Film(name: "protected", size: "640x360", frames: 48)
            let path = try await film.make()
            for scheme in ["cbcs", "cenc"] {
                let ended = try await stage.showrunner(
                    "ingest", path, "--title", "Protected \(scheme)", "--protection", scheme, "--wait", "--json")
                try #require(ended.status == 0, "\(ended.errors)\n\(stage.up.lastWords())")
                let hls = try #require(try JSON(parsing: ended.output)["hls"]?.stringValue)
                let dash = try #require(try JSON(parsing: ended.output)["dash"]?.stringValue)
                let master = try await Playlist(hls, stage.http)
                let method = scheme == "cbcs" ? "METHOD=SAMPLE-AES," : "METHOD=SAMPLE-AES-CTR,"
                let keys = master.lines.filter { $0.hasPrefix("#EXT-X-SESSION-KEY:") }
                #expect(!keys.isEmpty && keys.allSatisfy { $0.contains(method) }, "\(keys)")
                let manifest = try await stage.http.send(HTTPRequest("GET", dash)).text
                #expect(manifest.contains("urn:mpeg:dash:mp4protection:2011") && manifest.contains("\"\(scheme)\""))
            }
        }

        @Test("every rendition decrypts to the clear one's frames with the licence's keys, and with no others")
        func decrypts() async throws {
            let stage = try sharedStage()
            let house = try await ProtectedHouse(stage, Film(name: "house", size: "854x480", frames: 120))
            let clear = try await house.publish("House clear", protection: "none")
            let bearer = try await house.bearer("ada", "main")
            let clearMaster = try await Playlist(clear.hls, stage.http)
            #expect(try JSON(parsing: try await house.playback(clear, bearer: nil).body)["protected"] == false)
            for scheme in ["cbcs", "cenc"] {
                let title = try await house.publish("House \(scheme)", protection: scheme)
                try await expectNoLicence(house, title, bearer)
                let keys = try await house.keys(title, bearer: bearer)
                // One for sound, one for the two rungs, which are both of SD.
                #expect(keys.count == 2 && Set(keys.values).count == 2)
                let master = try await Playlist(title.hls, stage.http)
                #expect(master.addresses.count == 2 && master.audio.count == 1)
                for (mine, theirs) in zip(master.addresses + master.audio, clearMaster.addresses + clearMaster.audio) {
                    let id = try #require(try await house.keyID(mine))
                    let key = try #require(keys[id])
                    let expected = try await house.frames(theirs)
                    #expect(expected.count > 100)
                    #expect(try await house.frames(mine, key: key) == expected, "\(scheme) \(mine)")
                    let others = try await house.frames(mine, key: String(repeating: "5a", count: 16))
                    #expect(others != expected, "\(scheme) \(mine)")
                    #expect(try await house.frames(mine) != expected, "\(scheme) \(mine)")
                }
                try await expectNowhere(keys, stage, title)
            }
        }

        /// Neither without a token, nor with a bearer token in its place, nor with another title's, nor as a child.
        private func expectNoLicence(
            _ house: ProtectedHouse, _ title: ProtectedHouse.Title, _ bearer: String
        ) async throws {
            let ids = try await house.keyIDs(title)
            #expect(try await house.licence(title, ids, token: nil).status == 401)
            #expect(try await house.licence(title, ids, token: bearer).status == 401)
            let open = try JSON(parsing: try await house.playback(title, bearer: nil).body)
            #expect(open["protected"] == true && open["playback_token"] == .null)
            let child = try await house.bearer("ada", "kids", "--ceiling", "6")
            let refusal = try await house.playback(title, bearer: child)
            #expect(refusal.status == 403 && refusal.text.contains("parental-restricted"))
            let other = try await house.publish("Another", protection: "cbcs")
            let token = try #require(
                try JSON(parsing: try await house.playback(other, bearer: bearer).body)["playback_token"]?.stringValue)
            #expect(try await house.licence(title, ids, token: token).status == 403)
            #expect(try await house.licence(other, ids, token: token).status == 403)
        }

        /// No key is in the database and its log, the store, the scratch folders, the logs, the metrics, or what is told
        /// of the run, in whatever form. The search is made over what this stage has on disk, and finds what it looks for.
        private func expectNowhere(
            _ keys: [String: String], _ stage: TestStage, _ title: ProtectedHouse.Title
        ) async throws {
            let told = Workplace.file("told")
            try FileManager.default.createDirectory(atPath: told, withIntermediateDirectories: true)
            for (index, address) in [
                "\(stage.engineURL)/metrics", "\(stage.viewerURL)/metrics",
                "\(stage.engineURL)/console/api/runs/\(EngineClient.segment(title.arn))",
            ].enumerated() {
                let response = try await stage.http.send(HTTPRequest("GET", address))
                try #require(response.status == 200 && response.body.count > 100, "\(address)")
                try Data(response.body).write(to: URL(filePath: "\(told)/\(index)"))
            }
            let history = try await stage.client.call("GetExecutionHistory", ["executionArn": .string(title.arn)])
            #expect(history["events"]?.arrayValue?.isEmpty == false)
            try history.text.write(toFile: "\(told)/history", atomically: true, encoding: .utf8)
            for path in [stage.up.outputPath, stage.up.errorPath] {
                try FileManager.default.copyItem(
                    atPath: path, toPath: "\(told)/\(URL(filePath: path).lastPathComponent)")
            }
            let search = try keys.values.map { try #require(Hex.decode($0)) }
            let found = try await files(in: [told, stage.directory], holding: search)
            #expect(found.output == "", "keys stand in files")
            // What can't be read for it is gone: a file of the database that it has removed meanwhile.
            #expect(found.status == 1 || found.errors.contains("No such file"), "\(found.errors)")
            for key in search + [Array(0..<16), [10, 10] + Array(200..<208) + [0, 13, 92, 10, 0, 10]] {
                let planted = "\(told)/planted"
                try Data(key).write(to: URL(filePath: planted))
                #expect(try await files(in: [told], holding: [key]).output == "\(planted)\n", "the search is blind")
                try FileManager.default.removeItem(atPath: planted)
            }
        }

        /// What grep says of the files in which one of the keys stands: as hexadecimal digits, in base64 and base64url, as
        /// a list of numbers, or as it is. grep reads line by line: of a key with line feeds among its bytes, the longest
        /// piece between them is looked for.
        private func files(in folders: [String], holding keys: [[UInt8]]) async throws -> Ended {
            let patterns = keys.flatMap { bytes -> [String] in
                let base64 = Data(bytes).base64EncodedString().replacing("=", with: "")
                let piece = bytes.split(separator: 10).max { $0.count < $1.count } ?? []
                return [
                    Hex.encode(bytes), base64.replacing("+", with: "[+]"),
                    base64.replacing("+", with: "-").replacing("/", with: "_"),
                    bytes.map { "\($0)" }.joined(separator: ","), bytes.map { "\($0)" }.joined(separator: ", "),
                    piece.map { "\\x" + String(UInt16($0) + 256, radix: 16).suffix(2) }.joined(),
                ]
            }
            return try await Program.run(
                "grep", ["-rlaiP", "-D", "skip", "-e", patterns.joined(separator: "|")] + folders,
                environment: ["LC_ALL": "C"])
        }

        @Test("keys of a key server encrypt the film, its signalling is written, and it alone licenses")
        func keyServer() async throws {
            let server = try KeyServer()
            let stage = try await TestStage.start(
                workers: 1,
                environment: [
                    "SHOWRUNNER_KEY_SERVER": server.url, "SHOWRUNNER_KEY_SERVER_AUTHORIZATION": "Bearer of-the-engine",
                ])
            do { try await keyServer(server, stage) } catch {
                try await stage.stop()
                throw error
            }
            try await stage.stop()
        }

        private func keyServer(_ server: KeyServer, _ stage: TestStage) async throws {
            let house = try await ProtectedHouse(stage, Film(name: "foreign", frames: 48))
            let clear = try await house.publish("Clear", protection: "none")
            let title = try await house.publish("Foreign", protection: "cbcs")
            #expect(server.problems == [] && server.requests.count == 1)
            #expect(server.requests[0].header("Authorization") == "Bearer of-the-engine")
            #expect(String(decoding: server.requests[0].content, as: UTF8.self).contains("contentId=\"\(title.id)\""))
            let master = try await Playlist(title.hls, stage.http)
            let clearMaster = try await Playlist(clear.hls, stage.http)
            #expect(!master.lines.contains { $0.contains("org.w3.clearkey") })
            for (mine, theirs) in zip(master.addresses + master.audio, clearMaster.addresses + clearMaster.audio) {
                let lines = try await Playlist(mine, stage.http).lines
                let address = try #require(
                    lines.compactMap { $0.firstMatch(of: /URI="skd:\/\/keys.example\/([0-9a-f]{32})"/) }.first)
                let keyID = try #require(KeyID(String(address.1)))
                let header = Base64.encode(
                    KeyServer.header(try #require(KeyID("edef8ba9-79d6-4ace-a3c8-27dcd51d21ed")), KeyServer.data(keyID))
                )
                #expect(lines.contains { $0.contains(header) })
                let key = Hex.encode(KeyServer.key(of: keyID))
                let expected = try await house.frames(theirs)
                #expect(expected.count > 40)
                #expect(try await house.frames(mine, key: key) == expected, "\(mine)")
            }
            let bearer = try await house.bearer("ada", "main")
            let playback = try JSON(parsing: try await house.playback(title, bearer: bearer).body)
            #expect(playback["protected"] == true && playback["licence"] == .null)
        }

        @Test("tokens are told once, and end when they are revoked")
        func revokes() async throws {
            let stage = try sharedStage()
            let house = try await ProtectedHouse(stage, Film(name: "revoked", frames: 24, hasSound: false))
            let title = try await house.publish("Revoked", protection: "cbcs")
            let bearer = try await house.bearer("eve", "main")
            #expect(try await house.playback(title, bearer: bearer).status == 200)
            let ended = try await stage.showrunner("accounts", "revoke", "--account", "eve", "--json")
            #expect(try JSON(parsing: ended.output)["revoked"] == 1)
            #expect(try await house.playback(title, bearer: bearer).status == 401)
            let unknown = try await stage.showrunner("accounts", "revoke", "--account", "nobody")
            #expect(unknown.status == 1 && unknown.errors.contains("nobody"))
            let wrong = try await stage.showrunner("accounts", "token", "--account", "a b", "--profile", "p")
            #expect(wrong.status == 1 && wrong.errors.contains("'a b' is no account's id"))
        }
    }
}
