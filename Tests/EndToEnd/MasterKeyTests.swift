import Foundation
import Testing

extension EndToEnd {
    /// The key that seals content keys is changed, as docs/operating.md says it is.
    @Suite struct MasterKeyTests {
        @Test("a new master key: content keys are sealed anew, media stays as it is, and the old key is not needed")
        func changes() async throws {
            let stage = try await TestStage.start(workers: 1)
            do { try await change(stage) } catch {
                try await stage.stop()
                throw error
            }
            try await stage.stop()
        }

        private func change(_ stage: TestStage) async throws {
            let house = try await ProtectedHouse(stage, Film(name: "resealed", frames: 48))
            let title = try await house.publish("Resealed", protection: "cbcs")
            let bearer = try await house.bearer("ada", "main")
            let keys = try await house.keys(title, bearer: bearer)
            try #require(keys.count == 2)
            let media = try await digests(stage)
            try #require(media.split(separator: "\n").count > 6)

            let old = try text(stage.directory + "/master.key")
            let new = try await Program.run("openssl", ["rand", "-hex", "32"]).output
            try await restart(stage, under: new + old)
            try await eventually("the content keys are sealed anew", within: .seconds(60)) {
                try text(stage.up.errorPath).contains("content keys sealed anew")
            }
            #expect(try await house.keys(title, bearer: bearer) == keys)
            // Without the old key nothing is missing.
            try await restart(stage, under: new)
            #expect(try await house.keys(title, bearer: bearer) == keys)
            #expect(try await digests(stage) == media)
        }

        private func restart(_ stage: TestStage, under masterKeys: String) async throws {
            let processes = try stage.processes()
            stage.up.signal(SIGTERM)
            #expect(try await stage.up.status(within: .seconds(60)) == 0, "\(stage.up.lastWords())")
            try await stage.waitForEnd(of: processes)
            try Data(masterKeys.utf8).write(to: URL(filePath: stage.directory + "/master.key"))
            try await stage.startAgain()
        }

        /// Of all media, by name.
        private func digests(_ stage: TestStage) async throws -> String {
            let ended = try await Program.run(
                "sh",
                [
                    "-c", "cd \"$0\" && find . -type f -exec sha256sum {} + | sort -k 2",
                    "\(stage.directory)/objects/media",
                ])
            try #require(ended.status == 0, "\(ended.errors)")
            return ended.output
        }
    }
}
