import CatalogStore
import CatalogTestSupport
import Cryptography
import DataSteps
import Foundation
import JSON
import ObjectStorage
import Postgres
import StepContracts
import TemporaryFolder
import Testing

/// Published titles with their objects in a directory store.
private final class Shelf: Sendable {
    let catalogue: Catalogue
    let store: any ObjectStore
    private let directory: TemporaryFolder

    /// - Parameter objects: how many each title has, its two manifests among them.
    init(titles: Int, objects: Int) async throws {
        directory = try TemporaryFolder()
        store = try openStore(directory.path, environment: [:])
        try await store.prepare()
        catalogue = try await Catalogue.make()
        for number in 1...max(1, titles) where titles > 0 {
            try await publish(number, objects: objects)
        }
    }

    /// - Parameter source: the title whose package it is; its own unless given.
    func publish(_ number: Int, objects: Int, packageOf source: Int? = nil) async throws {
        let source = source ?? number
        var package = StepOutputs.package("p\(source)")
        var list: [JSON] = []
        for index in 0..<objects {
            let name = ["manifest.mpd", "master.m3u8"][safe: index] ?? "segment-\(index).m4s"
            let text = "title \(source), object \(index)"
            let reference = try await store.put(
                .bytes(Array(text.utf8)), key: "media/p\(source)/\(name)", contentType: "video/mp4")
            list.append([
                "key": .string(reference.key), "bytes": .integer(reference.bytes), "sha256": .string(reference.sha256),
            ])
        }
        package["objects"] = .array(list)
        try await catalogue.publish(
            try PublishStatement(
                titleID: "t-\(number)", executionID: Catalogue.executionID(number), title: "Title \(number)",
                metadata: [:], package: package, thumbnails: nil, media: nil), execution: number)
    }

    var step: VerifyStep { VerifyStep(catalogue: catalogue.reader, store: store) }

    /// Checks page after page as a workflow does; gives the last report and how many pages there were.
    func verify(_ input: JSON = [:]) async throws -> (report: JSON, pages: Int) {
        var input = input
        for pages in 1...1000 {
            let report = try await step.run(.of(input), report: { _ in })
            #expect(StepContract.verify.output.allSatisfy { !$0.isRequired || report[$0.name] != nil })
            if report["next"] == nil { return (report, pages) }
            input["report"] = report
        }
        Issue.record("the pages do not end")
        return ([:], 0)
    }

    func path(_ key: String) throws -> String { try #require(try store.localPath(key)) }
}

extension Array {
    fileprivate subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}

@Suite("verify") struct VerifyStepTests {
    @Test func soundTitlesAreSaidToBeSound() async throws {
        let (report, pages) = try await Shelf(titles: 2, objects: 3).verify()
        #expect(pages == 1)
        #expect(
            report == [
                "titles": 2, "objects": 6, "bytes": 102, "missing": 0, "damaged": 0, "problems": [],
                "summary": "6 objects of 2 titles: all as recorded.",
            ])
    }

    @Test func anEmptyCatalogueIsSound() async throws {
        let (report, _) = try await Shelf(titles: 0, objects: 0).verify()
        #expect(report["summary"] == "No title is published.")
        #expect(report["objects"] == 0)
    }

    enum Harm: String, CaseIterable, CustomTestStringConvertible {
        case deleted, cut, longer, changed, emptied

        var testDescription: String { rawValue }

        func apply(to path: String) throws {
            var data = try Data(contentsOf: URL(filePath: path))
            switch self {
            case .deleted:
                try FileManager.default.removeItem(atPath: path)
                return
            case .cut: data.removeLast()
            case .longer: data.append(0)
            case .changed: data[3] ^= 0x01
            case .emptied: data = Data()
            }
            try data.write(to: URL(filePath: path))
        }

        /// What is found, beside the key.
        func found(of text: String) -> JSON? {
            let count = text.utf8.count
            switch self {
            case .deleted: return nil
            case .cut: return ["bytes": .integer(count - 1)]
            case .longer: return ["bytes": .integer(count + 1)]
            case .emptied: return ["bytes": 0]
            case .changed:
                var bytes = Array(text.utf8)
                bytes[3] ^= 0x01
                return ["bytes": .integer(count), "sha256": .string(SHA256.hash(bytes).hex)]
            }
        }
    }

    @Test("harm is found and named", arguments: Harm.allCases)
    func findsHarm(_ harm: Harm) async throws {
        let shelf = try await Shelf(titles: 2, objects: 4)
        let key = "media/p2/segment-3.m4s"
        try harm.apply(to: try shelf.path(key))
        let (report, _) = try await shelf.verify(["limit": 3])
        let isMissing = harm == .deleted
        let word = isMissing ? "missing" : "damaged"
        let text = "title 2, object 3"
        #expect(report["objects"] == 8)
        #expect(report["missing"] == (isMissing ? 1 : 0))
        #expect(report["damaged"] == (isMissing ? 0 : 1))
        #expect(
            report["problems"] == [
                .members(
                    ("problem", .string(word)), ("titleId", "t-2"), ("key", .string(key)),
                    (
                        "expected",
                        ["bytes": .integer(text.utf8.count), "sha256": .string(SHA256.hash(text).hex)]
                    ), ("found", harm.found(of: text)))
            ])
        #expect(
            report["summary"]?.stringValue
                == "Of 8 objects of 2 titles \(isMissing ? "1 is" : "0 are") missing and \(isMissing ? "0 are" : "1 is") "
                + "damaged: \(word) \(key) of title t-2.")
    }

    @Test("pages of any size find the same", arguments: [(1, 13), (2, 7), (5, 3), (6, 3), (12, 2), (13, 1), (100, 1)])
    func pages(limit: Int, pages expected: Int) async throws {
        let shelf = try await Shelf(titles: 3, objects: 4)
        try FileManager.default.removeItem(atPath: try shelf.path("media/p1/segment-2.m4s"))
        try FileManager.default.removeItem(atPath: try shelf.path("media/p3/manifest.mpd"))
        let (report, pages) = try await shelf.verify(["limit": .integer(limit)])
        #expect(pages == expected)
        #expect(report["titles"] == 3)
        #expect(report["objects"] == 12)
        #expect(
            report["problems"]?.arrayValue?.map { $0["key"] } == ["media/p1/segment-2.m4s", "media/p3/manifest.mpd"])
    }

    @Test("a report whose numbers would overflow is refused", arguments: ["objects", "bytes", "missing", "damaged"])
    func overflow(name: String) async throws {
        let shelf = try await Shelf(titles: 1, objects: 3)
        var report: JSON = [
            "titles": 0, "objects": 0, "bytes": 0, "missing": 1, "damaged": 1, "problems": [], "next": "t-0/media",
        ]
        report[name] = .integer(Int64.max)
        await #expect(throws: StepFailure.self) { try await shelf.verify(["report": report]) }
    }

    @Test func aPageEndsOnceItHasReadEnough() async throws {
        let shelf = try await Shelf(titles: 1, objects: 6)
        let (report, pages) = try await shelf.verify(["limitBytes": 20])
        #expect(pages == 3, "two objects of 17 bytes each")
        #expect(report["objects"] == 6)
        #expect(report["bytes"] == 102)
    }

    @Test func manyProblemsAreCountedAndTheFirstTold() async throws {
        let shelf = try await Shelf(titles: 1, objects: 60)
        for index in 2..<60 {
            try FileManager.default.removeItem(atPath: try shelf.path("media/p1/segment-\(index).m4s"))
        }
        let (report, _) = try await shelf.verify(["limit": 20])
        #expect(report["missing"] == 58)
        #expect(report["problems"]?.arrayValue?.count == VerifyLimits.problems)
        #expect(report["summary"]?.stringValue?.hasSuffix("; and 55 more.") == true)
    }

    @Test func anObjectThatTwoTitlesShareIsCheckedForBoth() async throws {
        let shelf = try await Shelf(titles: 1, objects: 2)
        try await shelf.publish(2, objects: 2, packageOf: 1)
        try FileManager.default.removeItem(atPath: try shelf.path("media/p1/master.m3u8"))
        let (report, _) = try await shelf.verify(["limit": 1])
        #expect(report["titles"] == 2)
        #expect(report["problems"]?.arrayValue?.map { $0["titleId"] } == ["t-1", "t-2"])
    }

    static let refusals: [(JSON, String)] = [
        (["limit": 0], "'limit' is 0; it has to be a whole number from 1 to 10000"),
        (["limit": 1.5], "'limit' is 1.5; it has to be a whole number from 1 to 10000"),
        (["limit": 10_001], "'limit' is 10001; it has to be a whole number from 1 to 10000"),
        (["limitBytes": 0], "'limitBytes' is 0; it has to be a whole number from 1 to 1125899906842624"),
        (
            ["report": ["titles": -1]],
            "'report.titles' is not what verify gives for a page that another one follows"
        ),
        (
            [
                "report": [
                    "titles": 0, "objects": 0, "bytes": 0, "missing": 0, "damaged": 0, "problems": [],
                    "summary": "No title is published.",
                ]
            ], "'report.next' is not what verify gives for a page that another one follows"
        ),
    ]

    @Test("an input that can't be meant is refused", arguments: refusals)
    func refuses(_ input: JSON, _ cause: String) async throws {
        let shelf = try await Shelf(titles: 0, objects: 0)
        let failure = await #expect(throws: StepFailure.self) { _ = try await shelf.step.run(.of(input)) { _ in } }
        #expect(failure == .parametersInvalid(cause))
    }

    @Test func aDatabaseThatIsAwayIsAPassingFault() async throws {
        let shelf = try await Shelf(titles: 1, objects: 2)
        await shelf.catalogue.connection.close()
        let failure = await #expect(throws: StepFailure.self) { _ = try await shelf.step.run(.of([:])) { _ in } }
        #expect(failure?.error == "Showrunner.DatabaseUnavailable")
        #expect(failure?.retry == .transient)
    }

    @Test func aStoreThatIsAwayIsAPassingFaultAndNothingIsSaidToBeMissing() async throws {
        let shelf = try await Shelf(titles: 1, objects: 2)
        // Nobody listens on the port of discard.
        let away = try openStore(
            "s3://films/x",
            environment: [
                "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
                "AWS_REGION": "us-east-1",
            ])
        let step = VerifyStep(catalogue: shelf.catalogue.reader, store: away)
        let failure = await #expect(throws: StepFailure.self) { _ = try await step.run(.of([:])) { _ in } }
        #expect(failure?.error == "Showrunner.StorageUnavailable")
        #expect(failure?.cause.hasPrefix("media/p1/manifest.mpd can't be read: ") == true)
    }

    @Test func aCancelledStepEndsWithThatWord() async throws {
        let shelf = try await Shelf(titles: 1, objects: 20)
        let step = shelf.step
        let task = Task { () -> StepFailure? in
            withUnsafeCurrentTask { $0?.cancel() }
            do throws(StepFailure) {
                _ = try await step.run(.of([:])) { _ in }
                return nil
            } catch {
                return error
            }
        }
        #expect(await task.value == .cancelled("the step was told to stop"))
    }
}

extension StepTask {
    /// A task with an input, and nothing that this step asks for.
    fileprivate static func of(_ input: JSON) -> StepTask {
        StepTask(input: input, idempotencyKey: "key") { () async throws(StepFailure) in
            throw .parametersInvalid("there is no connection")
        }
    }
}
