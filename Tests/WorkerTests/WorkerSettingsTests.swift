import Glibc
import HTTP
import Logging
import ObjectStorage
import TemporaryFolder
import Testing

@testable import Worker

/// What a worker takes for its settings, and for left behind.
@Suite struct WorkerSettingsTests {
    private func worker(
        scratch: String, slots: Int = 1, child: String = TestChild.path, sandbox: SandboxMode = .off
    ) async throws -> Worker {
        let store = try openStore("\(scratch)-store", environment: [:])
        return try await Worker(
            WorkerConfiguration(
                session: WorkerSession(engine: "http://127.0.0.1:9", name: "w", version: "test", slots: slots),
                store: store, sources: HTTPClient(), threads: 1, scratch: scratch, childCommand: [child],
                sandbox: sandbox),
            steps: [], logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    @Test func whatDeadWorkersLeftIsSweptAway() async throws {
        let directory = TemporaryFolder.made()
        let scratch = try directory.make("scratch")
        // No process has an id above the kernel's largest.
        let left = try directory.make("scratch/showrunner-task-4194399-a")
        _ = try directory.file("scratch/showrunner-task-4194399-a/film", "x")
        try #require(symlink("/etc", "\(left)/link") == 0)
        // A process that runs, one that has got the id of one that is gone, and this one's own.
        _ = try directory.make("scratch/showrunner-task-1-b")
        _ = try directory.make("scratch/showrunner-task-\(getpid()).1-c")
        let own = try ScratchDirectory(in: scratch)
        _ = try directory.make("scratch/somebody-elses")
        _ = try await worker(scratch: scratch)
        let kept = [
            own.path.split(separator: "/").last.map(String.init) ?? "", "showrunner-task-1-b", "somebody-elses",
        ]
        #expect(Set(TemporaryFolder.names(in: scratch)) == Set(kept))
        #expect(access("/etc/passwd", F_OK) == 0)
    }

    @Test func settingsThatCannotWorkAreRefused() async throws {
        let directory = TemporaryFolder.made()
        let slots = await #expect(throws: WorkerError.self) {
            try await worker(scratch: "\(directory.path)/s", slots: 0)
        }
        #expect(slots?.message == "slots must be from 1 to 256, not 0")
        let child = await #expect(throws: WorkerError.self) {
            try await worker(scratch: "\(directory.path)/s", child: "/usr/bin/false")
        }
        #expect(child?.code == .child)
        let file = try directory.file("file", "")
        let scratch = await #expect(throws: WorkerError.self) { try await worker(scratch: "\(file)/s") }
        #expect(scratch?.code == .scratch)
    }

    @Test func aRequiredSandboxThatIsNotThereStopsTheWorker() async throws {
        let directory = TemporaryFolder.made()
        // The child is no worker's child, so no sandbox can make it say hello.
        let refused = await #expect(throws: WorkerError.self) {
            try await worker(scratch: "\(directory.path)/s", child: "/usr/bin/true", sandbox: .required)
        }
        #expect(refused?.code == .sandbox)
        #expect(TemporaryFolder.names(in: "\(directory.path)/s") == [])
    }
}
