import Cryptography
import HTTP
import JSON
import Logging
import ObjectStorage
import ServiceLifecycle
import StepContracts
import TemporaryFolder
import WorkerProtocol

@testable import Worker

/// A running worker with the test steps, a directory store and a scripted engine.
final class Plant: Sendable {
    let directory = TemporaryFolder.made()
    let engine: ScriptedEngine
    let store: any ObjectStore
    let worker: Worker
    private let group: ServiceGroup
    private let running: Task<Void, any Error>

    var scratch: String { "\(directory.path)/scratch" }

    init(
        slots: Int = 1, allowsLocalSources: Bool = true, usesResults: Bool = true,
        sources: HTTPClient.Addresses = .any, grace: Duration = .seconds(60), sandbox: SandboxMode = .off,
        engine: ScriptedEngine? = nil
    ) async throws {
        self.engine = try engine ?? ScriptedEngine()
        store = try openStore("\(directory.path)/store", environment: [:])
        try await store.prepare()
        let names = [
            "write", "package", "die", "hog", "wait", "stubborn", "inspect", "long", "fat", "link", "refuse", "quit",
        ]
        let configuration = WorkerConfiguration(
            session: WorkerSession(
                engine: self.engine.url, name: "worker-1", version: "test", slots: slots, gracePeriod: grace,
                heartbeatInterval: .milliseconds(20), pollSeconds: 20),
            store: store, sources: HTTPClient(HTTPClient.Configuration(addresses: sources)), threads: 2,
            scratch: "\(directory.path)/scratch", childCommand: [TestChild.path], sandbox: sandbox,
            usesResults: usesResults, allowsLocalSources: allowsLocalSources)
        var logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        logger.logLevel = .critical
        worker = try await Worker(
            configuration,
            steps: names.map {
                StepContract(
                    name: $0, version: 1, summary: "A test's.", runner: .mediaWorker,
                    input: [StepField("signal", .number, required: false, "a signal")], output: [])
            }, logger: logger)
        let group = ServiceGroup(services: [worker], logger: logger)
        self.group = group
        running = Task { try await group.run() }
    }

    deinit { running.cancel() }

    func offer(
        _ step: String, _ input: JSON = [:], token: String = "t-1", timeoutSeconds: Int? = nil,
        idempotencyKey: String = "k-1"
    ) {
        engine.offer(
            TaskOffer(
                token: token, step: step, input: input, attempt: 1, executionArn: "arn", execution: "x", state: "S",
                machine: "m", heartbeatSeconds: 15, timeoutSeconds: timeoutSeconds, idempotencyKey: idempotencyKey))
    }

    func drain() async { await group.triggerGracefulShutdown() }

    func ended() async throws { try await running.value }

    /// Input for the step `wait`, which then waits for ``release()``.
    var untilReleased: JSON { ["until": .string("\(directory.path)/released")] }

    func release() throws { _ = try directory.file("released", "") }

    func source(_ name: String, _ text: String) throws -> JSON {
        ["source": .string("file://\(try directory.file(name, text))")]
    }
}

func digest(_ text: String) -> JSON { .string(SHA256.hash(text).hex) }
