import JSON
import ObjectStorage
import StepContracts
import TemporaryFolder
import Testing
import WorkerProtocol

@testable import Worker

@Suite struct OutputFilesTests {
    private let directory = TemporaryFolder.made()

    private func references(_ count: Int) -> JSON {
        .array(
            (0..<count).map { number in
                [
                    "key": .string("media/p/video/seg-\(number).m4s"), "bytes": .integer(number),
                    "sha256": .string(String(repeating: "0", count: 64)),
                ]
            })
    }

    private func files() async throws -> OutputFiles {
        let store = try openStore("\(directory.path)/store", environment: [:])
        try await store.prepare()
        return OutputFiles(store: store, directory: directory.path, prefix: "media/p")
    }

    @Test func shortListsStayInTheOutput() async throws {
        let output: JSON = ["objects": references(100)]
        #expect(try await files().shorten(output) == output)
    }

    @Test func longListsBecomeStoredObjects() async throws {
        let files = try await files()
        let list = references(5000)
        let output = try #require(try await files.shorten(["prefix": "media/p", "objects": list]))
        #expect(output.utf8.count < 1024)
        #expect(output["prefix"] == "media/p")
        #expect(output["objects"]?["count"] == 5000)
        let reference = try #require(output["objects"]?["list"])
        #expect(reference["key"] == "media/p/objects.json")
        let stored = try await files.store.get("media/p/objects.json")
        #expect(try JSON(parsing: stored) == list)
        #expect(reference["bytes"]?.integerValue == stored.count)
        // The same again is fine, another list under its name is not.
        #expect(try await files.shorten(["prefix": "media/p", "objects": list]) == output)
        #expect(try await files.shorten(["prefix": "media/p", "objects": references(4999)]) == nil)
    }

    @Test func anOutputIsMovedWithItsFiles() {
        let output: JSON = ["prefix": "media/p", "hls": "media/p/master.m3u8", "other": "media/pq", "count": 3]
        #expect(
            OutputFiles.moved(output, from: "media/p", to: "media/p-1") == [
                "prefix": "media/p-1", "hls": "media/p-1/master.m3u8", "other": "media/pq", "count": 3,
            ])
    }

    @Test func otherLongOutputsAreRefused() async throws {
        let text = JSON.string(String(repeating: "x", count: WorkerProtocolLimits.outputBytes))
        let failure = await #expect(throws: StepFailure.self) {
            try await files().shorten(["text": text, "objects": references(1)])
        }
        #expect(failure?.error == "Showrunner.StepCrashed")
    }
}
