import EngineClient
import Foundation
import HTTP
import JSON
import Synchronization
import TemporaryFolder
import Testing

/// `showrunner up` on free ports and in a folder of its own, as people start it.
final class TestStage: Sendable {
    /// Data directory.
    let directory: String
    /// The same where it is the stage's own; it goes with the stage.
    private let folder: TemporaryFolder?
    let port: Int
    let engineURL: String
    let viewerURL: String
    let client: EngineClient
    let http = HTTPClient()
    private let arguments: [String]
    private let environment: [String: String]
    private let state: Mutex<(up: Program, guardian: Program, starts: Int)>

    /// The stage of the running suite.
    @TaskLocal static var current: TestStage?

    /// Starts everything and returns when all of it serves.
    ///
    /// - Parameter directory: the data directory, which stays; one of the stage's own unless given.
    static func start(
        workers: Int, in directory: String? = nil, options: [String] = [], environment: [String: String] = [:]
    ) async throws -> TestStage {
        let stage = try TestStage(in: directory, workers: workers, options: options, environment: environment)
        do { try await stage.waitUntilReady() } catch {
            do { try await stage.stop() } catch let second {
                Issue.record(second, "the stage that did not start did not stop either")
            }
            throw error
        }
        return stage
    }

    private init(in given: String?, workers: Int, options: [String], environment: [String: String]) throws {
        if let given {
            (directory, folder) = (given, nil)
        } else {
            let own = try TemporaryFolder()
            (directory, folder) = (own.path, own)
        }
        self.environment = environment
        port = FreePorts.neighbours(2)
        engineURL = "http://127.0.0.1:\(port)"
        viewerURL = "http://127.0.0.1:\(port + 1)"
        client = try EngineClient(engine: engineURL, environment: [:])
        arguments = ["up", "--data", directory, "--port", "\(port)", "--workers", "\(workers)"] + options
        let (up, guardian) = try Self.launch(arguments, environment, directory, number: 1)
        state = Mutex((up, guardian, 1))
    }

    private static func launch(
        _ arguments: [String], _ environment: [String: String], _ directory: String, number: Int
    ) throws -> (Program, Program) {
        let name = directory.split(separator: "/").last.map(String.init) ?? "stage"
        let up = try Program(
            Binaries.showrunner, arguments, environment: environment, logs: Workplace.path, name: "\(name)-\(number)")
        // Ends the stage when the tests are killed: then this pipe closes.
        let pipe = Pipe()
        let guardian = try Program(
            "/bin/sh", ["-c", "read word; kill -TERM \(up.pid)"], logs: Workplace.path,
            name: "\(name)-guardian-\(number)", input: pipe.fileHandleForReading)
        pipes.withLock { $0[guardian.pid] = pipe }
        return (up, guardian)
    }

    /// Kept open as long as their guardians live.
    private static let pipes = Mutex<[Int32: Pipe]>([:])

    var up: Program { state.withLock { $0.up } }

    func waitUntilReady() async throws {
        let up = self.up
        let line = "ready engine=\(engineURL) viewer=\(viewerURL)\n"
        do {
            try await eventually("the ready line", within: .seconds(150)) {
                if try up.output == line { return true }
                if !up.isRunning { throw TooLate(description: "up has ended") }
                return false
            }
        } catch {
            Issue.record("the stage does not start: \(error)\n\(up.lastWords())")
            throw error
        }
    }

    /// Starts `up` again on the same folder and ports, after its end.
    func startAgain() async throws {
        let number = state.withLock { $0.starts + 1 }
        await dismissGuardian()
        let (up, guardian) = try Self.launch(arguments, environment, directory, number: number)
        state.withLock { $0 = (up, guardian, number) }
        try await waitUntilReady()
    }

    /// Ends what would end the stage when the tests are killed; it is all that is left of a stage that has ended by itself.
    func dismissGuardian() async {
        let guardian = state.withLock { $0.guardian }
        await guardian.stop()
        Self.pipes.withLock { $0[guardian.pid] = nil }
    }

    /// The pid that `up` has written down.
    func pid(_ name: String) throws -> Int32 {
        let text = try text("\(directory)/run/\(name).pid").trimmingCharacters(in: .whitespacesAndNewlines)
        guard let pid = Int32(text) else { throw TooLate(description: "\(name).pid holds '\(text)'") }
        return pid
    }

    func process(_ name: String) throws -> ProcessStamp {
        guard let stamp = ProcessStamp(pid: try pid(name)) else {
            throw TooLate(description: "the process of \(name).pid does not run")
        }
        return stamp
    }

    /// Waits until another process stands under a name.
    func successor(of old: ProcessStamp, _ name: String) async throws -> ProcessStamp {
        try await eventually("a new process for \(name)") { [self] in
            guard FileManager.default.fileExists(atPath: "\(directory)/run/\(name).pid"),
                let stamp = ProcessStamp(pid: try pid(name)), stamp != old
            else { return nil }
            return stamp
        }
    }

    /// Kills a process as nothing can foresee, and gives what stood there before.
    func kill9(_ name: String) throws -> ProcessStamp {
        let stamp = try process(name)
        guard kill(stamp.pid, SIGKILL) == 0 else { throw TooLate(description: "\(stamp) can't be killed") }
        return stamp
    }

    /// All that runs for this stage.
    func processes() throws -> Set<ProcessStamp> {
        try ProcessTable.tree(of: up.pid).union(ProcessTable.mentioning(directory))
    }

    /// Waits until none of them runs.
    func waitForEnd(of processes: Set<ProcessStamp>, within limit: Duration = .seconds(40)) async throws {
        do {
            try await eventually("the end of all processes", within: limit) { [directory] in
                try !processes.contains { $0.isRunning } && ProcessTable.mentioning(directory).isEmpty
            }
        } catch {
            let left = processes.filter(\.isRunning).union(try ProcessTable.mentioning(directory))
            Issue.record("left behind: \(left.map(\.description).sorted())\n\(up.lastWords())")
            for stamp in left { kill(stamp.pid, SIGKILL) }
            throw error
        }
    }

    /// Stops the stage as an operator does, and checks that nothing runs on.
    func stop() async throws {
        await dismissGuardian()
        let processes = try self.processes()
        if up.isRunning { up.signal(SIGTERM) }
        let status = try await up.status(within: .seconds(60))
        #expect(status == 0, "up ended with \(status)\n\(up.lastWords())")
        try await waitForEnd(of: processes)
    }
}

/// Runs a suite on one stage, started before its first test and stopped after its last.
struct StageTrait: SuiteTrait, TestScoping {
    let workers: Int

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let stage = try await TestStage.start(workers: workers)
        let result: Result<Void, any Error>
        do {
            try await TestStage.$current.withValue(stage) { try await function() }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        try await stage.stop()
        try result.get()
    }
}

extension Trait where Self == StageTrait {
    static func stage(workers: Int) -> Self { StageTrait(workers: workers) }
}

/// The stage of the suite.
func sharedStage() throws -> TestStage { try #require(TestStage.current, "the suite has the trait .stage") }
