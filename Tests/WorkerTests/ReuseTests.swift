import JSON
import Logging
import ObjectStorage
import StepContracts
import Synchronization
import TemporaryFolder
import Testing

@testable import Worker

@Suite(.timeLimit(.minutes(2))) struct ReuseTests {
    private let directory = TemporaryFolder.made()

    private func store() async throws -> any ObjectStore {
        let store = try openStore("\(directory.path)/store", environment: [:])
        try await store.prepare()
        return store
    }

    private final class Counter: Sendable {
        private let count = Mutex(0)
        func add() { count.withLock { $0 += 1 } }
        var value: Int { count.withLock { $0 } }
    }

    private static let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    @Test func whatDiffersIsToldFieldByField() {
        let before: JSON = [
            "step": "transcode", "version": 2,
            "parameters": ["preset": "fast", "source": ["sha256": "a"], "list": [1, 2]],
        ]
        var now = before
        #expect(StepReuse.changes(from: before, to: now) == [])
        now["version"] = 3
        now["parameters"] = ["preset": "slow", "source": ["sha256": "a"], "list": [1, 3], "loudness": "source"]
        let changes = StepReuse.changes(from: before, to: now)
        #expect(changes.map(\.field) == ["parameters.list[1]", "parameters.loudness", "parameters.preset", "version"])
        #expect(changes[1].before == nil && changes[1].now == "source")
        let document = StepReuse.changed(changes).document(result: "k")
        #expect(document["reused"] == false)
        #expect(
            document["because"] == """
                The last result for this content differs in parameters.list[1], parameters.loudness, parameters.preset, version.
                """)
        #expect(document["changed"]?[2] == ["field": "parameters.preset", "before": "fast", "now": "slow"])
    }

    @Test func whyIsNoPartOfWhatComesOfIt() {
        func identity(_ media: JSON) -> String {
            StepFiles.resultIdentity(step: "s", version: 1, input: ["media": media], digests: [:])
        }
        let plain = identity(["frames": 1])
        #expect(identity(["frames": 1, "cached": true, "reuse": StepReuse.first.document(result: "k")]) == plain)
        #expect(identity(["frames": 1, "reuse": "what a film may have"]) != plain)
        #expect(
            StepFiles.resultIdentity(
                step: "s", version: 1, input: ["media": ["frames": 1], "reuse": false], digests: [:])
                == plain)
    }

    @Test func twoAtOnceMakeItOnce() async throws {
        let store = try await store()
        let results = ResultStore(store: store)
        let counter = Counter()
        let timing = ResultClaim.Timing(beat: .milliseconds(20), look: .milliseconds(5), patience: .seconds(60))
        let outputs = try await withThrowingTaskGroup(of: JSON.self) { group in
            for number in 0..<4 {
                group.addTask {
                    let claim = ResultClaim(
                        store: store, key: "k", holder: "entry-\(number)", nonce: "n\(number)", timing: timing)
                    let isHeld = try await claim.acquire(
                        waiting: {},
                        isMade: { () async throws(StepFailure) in
                            if case .output = try await results.find("k", asker: "entry") { return true }
                            return false
                        })
                    if isHeld {
                        return try await claim.hold(logger: ReuseTests.logger) { () async throws(StepFailure) in
                            if case .output(let output, _) = try await results.find("k", asker: "entry") {
                                return output
                            }
                            counter.add()
                            let output: JSON = ["by": .integer(number)]
                            try await results.keep(
                                output, usage: nil, maker: "entry", step: "s", version: 1, key: "k", identity: "{}",
                                subject: "content")
                            return output
                        }
                    }
                    guard case .output(let output, _) = try await results.find("k", asker: "entry") else {
                        return "nothing"
                    }
                    return output
                }
            }
            var outputs: Set<String> = []
            for try await output in group { outputs.insert(output.text) }
            return outputs
        }
        #expect(counter.value == 1)
        #expect(outputs.count == 1)
        #expect(try await store.list(prefix: "results/k.claim", after: nil, limit: 10).objects.isEmpty)
    }

    @Test(arguments: ["the same entry", "another entry"])
    func aClaimWhoseHolderIsGoneIsTakenOver(_ who: String) async throws {
        let store = try await store()
        let timing = ResultClaim.Timing(beat: .seconds(60), look: .milliseconds(5), patience: .milliseconds(100))
        func claim(_ holder: String, _ nonce: String) -> ResultClaim {
            ResultClaim(store: store, key: "k", holder: holder, nonce: nonce, timing: timing)
        }
        // Taken, and never heard of again.
        #expect(try await claim("entry", "one").acquire(waiting: {}, isMade: { false }))
        let looks = Counter()
        let second = claim(who == "the same entry" ? "entry" : "other", "two")
        #expect(try await second.acquire(waiting: { looks.add() }, isMade: { false }))
        // The engine knows that an attempt of the same entry is lost: nobody waits for it.
        #expect((looks.value == 0) == (who == "the same entry"))
    }

    @Test func whatOthersTookOverIsLeftToThem() async throws {
        let store = try await store()
        let timing = ResultClaim.Timing(beat: .seconds(60), look: .milliseconds(5), patience: .milliseconds(50))
        func claim(_ name: String) -> ResultClaim {
            ResultClaim(store: store, key: "k", holder: name, nonce: name, timing: timing)
        }
        let (first, second) = (claim("one"), claim("two"))
        #expect(try await first.acquire(waiting: {}, isMade: { false }))
        try await first.hold(logger: Self.logger) { () async throws(StepFailure) in
            // So long without a sign of life that the other one takes it for dead.
            _ = try await second.acquire(waiting: {}, isMade: { false })
        }
        let claimed = try JSON(parsing: try await store.get("results/k.claim", range: nil, maxBytes: 4096))
        #expect(claimed["nonce"] == "two")
        try await second.hold(logger: Self.logger) { () async throws(StepFailure) in }
        #expect(try await store.list(prefix: "results/", after: nil, limit: 10).objects.isEmpty)
    }

    @Test func whoeverIsToldToStopLaysItDown() async throws {
        let store = try await store()
        let claim = ResultClaim(store: store, key: "k", holder: "one", nonce: "one")
        #expect(try await claim.acquire(waiting: {}, isMade: { false }))
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let working = Task {
            try await claim.hold(logger: Self.logger) { () async throws(StepFailure) in
                continuation.yield()
                do { try await ContinuousClock().sleep(for: .seconds(3600)) } catch {
                    throw .cancelled("the step was told to stop")
                }
            }
        }
        for await _ in stream { break }
        working.cancel()
        await #expect(throws: StepFailure.cancelled("the step was told to stop")) { try await working.value }
        #expect(try await store.list(prefix: "results/", after: nil, limit: 10).objects.isEmpty)
    }

    @Test func ofManyWhoKeepAtOnceNoneFails() async throws {
        let results = ResultStore(store: try await store())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<16 {
                group.addTask {
                    for round in 0..<4 {
                        try await results.keep(
                            ["by": .integer(number)], usage: nil, maker: "entry", step: "s", version: 1, key: "k",
                            identity: "{\"by\":\(number),\"round\":\(round)}", subject: "content")
                    }
                }
            }
            try await group.waitForAll()
        }
        guard case .output(let output, _) = try await results.find("k", asker: "entry") else {
            Issue.record("nothing is kept")
            return
        }
        #expect((0..<16).contains(output["by"]?.integerValue ?? -1))
        #expect(try await results.changes(from: "{}", step: "s", subject: "content")?.isEmpty == false)
    }

    @Test func partsOfAFilmAreComparedWithThemselves() {
        func subject(_ part: JSON?) -> String? {
            var input: JSON = ["source": ["sha256": "a"]]
            input["part"] = part
            return StepFiles.subject(of: input, content: "a")
        }
        #expect(subject(nil) == "a" && subject(.null) == "a")
        let first = subject(["first": 0, "count": 50])
        #expect(Set([first, subject(["first": 50, "count": 50]), subject("sound"), "a"]).count == 4)
        #expect(subject(["count": 50, "first": 0]) == first)
        #expect(StepFiles.subject(of: ["part": "sound"], content: nil) == nil)
    }

    @Test func whoeverIsToldToStopStopsWaiting() async throws {
        let store = try await store()
        let first = ResultClaim(store: store, key: "k", holder: "one", nonce: "one")
        #expect(try await first.acquire(waiting: {}, isMade: { false }))
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let waiting = Task {
            try await ResultClaim(store: store, key: "k", holder: "two", nonce: "two").acquire(
                waiting: { continuation.yield() }, isMade: { false })
        }
        for await _ in stream { break }
        waiting.cancel()
        // Between two looks at the store, or in one: the words differ.
        let failure = await #expect(throws: StepFailure.self) { try await waiting.value }
        #expect(failure?.error == StepFailure.cancelled("").error)
    }
}
