import Foundation
import JSON
import Testing

extension EndToEnd {
    /// The data worker's part: what was published is compared with the store.
    @Suite struct VerifyTests {
        @Test("what was published is verified; an object that is gone or changed fails the run and is named")
        func verifies() async throws {
            // A stage of its own: what is broken here would be found by everybody else.
            let stage = try await TestStage.start(workers: 1)
            let arn = try await stage.ingest(try await Film(name: "verified", frames: 60).make(), title: "Verified")
            let ingest = try await stage.end(of: arn)
            try #require(ingest["status"] == "SUCCEEDED", "\(ingest["cause"]?.text ?? "")")
            let titleID = try #require(ingest["output"]?["titleId"]?.stringValue)

            let sound = try await stage.showrunner(
                "runs", "start", "verify-catalogue", "--input", #"{"limit": 5}"#, "--wait", "--json")
            #expect(sound.status == 0, "\(sound)")
            let report = try JSON(parsing: sound.output)["output"]
            let objects = try #require(report?["objects"]?.integerValue)
            // Both manifests, segments, the poster and the seek bar's pictures.
            #expect(objects > 8)
            #expect(report?["titles"] == 1)
            #expect(report?["missing"] == 0)
            #expect(report?["damaged"] == 0)
            #expect(report?["next"] == nil)

            let segments = try FileManager.default.subpathsOfDirectory(atPath: stage.directory + "/objects/media")
                .filter { $0.hasSuffix(".m4s") }.sorted()
            try #require(segments.count > 1)
            let missing = "media/\(segments[0])"
            let damaged = "media/\(segments[1])"
            try FileManager.default.removeItem(atPath: "\(stage.directory)/objects/\(missing)")
            let file = try #require(FileHandle(forUpdatingAtPath: "\(stage.directory)/objects/\(damaged)"))
            try file.seek(toOffset: 40)
            try file.write(contentsOf: Data("x".utf8))
            try file.close()

            let broken = try await stage.showrunner(
                "runs", "start", "verify-catalogue", "--input", #"{"limit": 5}"#, "--wait")
            #expect(broken.status == 1)
            let sentence =
                "Showrunner.CatalogueDamaged: Of \(objects) objects of 1 title 1 is missing and 1 is damaged: "
                + "missing \(missing) of title \(titleID); damaged \(damaged) of title \(titleID)."
            #expect(broken.errors.contains(sentence), "\(broken.errors)")
            try await stage.stop()
        }

        @Test("a data worker that is killed is started again, and the run goes on")
        func survivesTheWorkersEnd() async throws {
            let stage = try sharedStage()
            let old = try stage.kill9("data-worker")
            let ended = try await stage.showrunner("runs", "start", "verify-catalogue", "--wait", "--json")
            #expect(ended.status == 0, "\(ended)")
            _ = try await stage.successor(of: old, "data-worker")
        }
    }

    /// Every server process answers for itself.
    @Suite struct HealthTests {
        @Test("workers serve health checks and metrics where the engine and their files say")
        func workersAnswer() async throws {
            let stage = try sharedStage()
            let listed = try await stage.showrunner("workers", "--json")
            let workers = try JSON(parsing: listed.output)["workers"]?.arrayValue ?? []
            for name in ["data-worker", "worker-1", "worker-2"] {
                let worker = try #require(workers.first { $0["name"]?.stringValue == name }, "\(listed.output)")
                let address = try #require(worker["address"]?.stringValue)
                let port = try text("\(stage.directory)/run/\(name).port")
                #expect("\(address)\n" == "http://127.0.0.1:\(port)")
                #expect(try await stage.get(address + "/livez")["status"] == "alive")
                try await eventually("\(name) is ready") {
                    try await stage.http.send(.init("GET", address + "/readyz")).status == 200
                }
                let metrics = try await stage.http.send(.init("GET", address + "/metrics"))
                #expect(metrics.text.contains("process_resident_memory_bytes"), "\(metrics.text.prefix(500))")
            }
        }
    }
}
