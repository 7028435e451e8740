import Glibc
import JSON
import Logging
import StepContracts
import TemporaryFolder
import Testing

@testable import Worker

@Suite(.timeLimit(.minutes(2))) struct LocalStepRunTests {
    private let directory = TemporaryFolder.made()
    private var out: String { "\(directory.path)/new/out" }

    private func run(
        _ step: String, _ file: String, input: JSON = [:], directory: String?, usesResults: Bool = true,
        report: @escaping @Sendable (StepProgress) -> Void = { _ in }
    ) async throws -> LocalStepRun.Result {
        let contract = StepContract(
            name: step, version: 1, summary: "A test's.", runner: .mediaWorker,
            input: [StepField("source", .string, "the file")], output: [])
        return try await LocalStepRun(
            contract, threads: 1, childCommand: [TestChild.path],
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        ).run(file: file, input: input, directory: directory, usesResults: usesResults, report: report)
    }

    @Test func filesGoIntoTheDirectoryAndNothingElse() async throws {
        let film = try directory.file("film", "abc")
        let result = try await run("write", film, directory: out)
        #expect(!result.isCached)
        #expect(result.output["file"] == .string("\(out)/sub/text.txt"))
        #expect(text(of: "\(out)/sub/text.txt") == "ABC")
        #expect(TemporaryFolder.names(in: out) == [".showrunner-results", "sub"])
    }

    @Test func sameBytesAndOptionsAreNotWorkedOnTwice() async throws {
        let film = try directory.file("film", "abc")
        let first = try await run("write", film, directory: out)
        let renamed = try directory.file("renamed", "abc")
        let second = try await run("write", renamed, directory: out)
        #expect(second.isCached)
        #expect(second.output == first.output)
        #expect(try await !run("write", film, directory: out, usesResults: false).isCached)
        #expect(try await !run("write", film, input: ["option": 1], directory: out).isCached)
        _ = try directory.file("film", "abcd")
        #expect(try await !run("write", film, directory: out).isCached)
        #expect(text(of: "\(out)/sub/text.txt") == "ABCD")
        // The file of the first run has been replaced: its result no longer counts.
        #expect(try await !run("write", renamed, directory: out).isCached)
        #expect(text(of: "\(out)/sub/text.txt") == "ABC")
    }

    @Test(arguments: ["refuse", "quit", "link"]) func failuresLeaveNothingBehind(_ step: String) async throws {
        let film = try directory.file("film", "abc")
        await #expect(throws: StepFailure.self) {
            try await run(step, film, input: ["name": "loot", "target": "/etc/passwd"], directory: out)
        }
        #expect(TemporaryFolder.names(in: out) == [])
    }

    @Test func cancellationLeavesNothingBehind() async throws {
        let film = try directory.file("film", "abc")
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        let task = Task {
            try await run("wait", film, directory: out, report: { continuation.yield($0.stage) })
        }
        for await stage in stream where stage == "wait" { break }
        task.cancel()
        await #expect(throws: StepFailure.cancelled("wait was stopped")) { try await task.value }
        #expect(TemporaryFolder.names(in: out) == [])
    }

    @Test func stepsWithoutFilesNeedNoDirectory() async throws {
        let film = try directory.file("film", "abc")
        let result = try await run("long", film, input: ["bytes": 3], directory: nil)
        #expect(result.output == ["text": "xxx"])
    }

    @Test func anUnreadableFileIsAFailure() async throws {
        await #expect(throws: StepFailure.sourceInvalid("the source /none cannot be read: No such file or directory")) {
            try await run("write", "/none", directory: out)
        }
    }
}
