import Engine
import EventPatterns
import Foundation
import Glibc
import HTTPServer
import JSON
import ObjectStorage
import RawHTTP
import Synchronization
import TemporaryFolder

@testable import Uploads

/// What an engine would have been told to start. Like the engine, it answers a name it knows with the same execution.
final class StartedRuns: RunService, TriggeredStarts {
    struct Start: Equatable {
        let machine: String
        let name: String?
        let input: JSON
    }

    private struct State {
        var starts: [Start] = []
        var refusal: EngineError?
        /// Refused are starts of this machine alone; of all without one.
        var refused: String?
        var paused: Set<String> = []
    }

    private let state = Mutex(State())

    var starts: [Start] { state.withLock { $0.starts } }
    func refuse(with error: EngineError?, of machine: String? = nil) {
        state.withLock { ($0.refusal, $0.refused) = (error, machine) }
    }
    func pause(_ triggers: Set<String>) { state.withLock { $0.paused = triggers } }

    func startExecution(machine: String, name: String?, input: String) async throws(EngineError) -> StartedExecution {
        let refusal: EngineError?
        let document: JSON
        do {
            refusal = state.withLock { $0.refused == nil || $0.refused == machine ? $0.refusal : nil }
            document = try JSON(parsing: input)
        } catch {
            throw EngineError(code: .invalid, message: "\(error)")
        }
        if let refusal { throw refusal }
        let start = Start(machine: machine, name: name, input: document)
        let isTaken = state.withLock { state in
            if state.starts.contains(start) { return false }
            if state.starts.contains(where: { $0.name == name }) { return true }
            state.starts.append(start)
            return false
        }
        if isTaken { throw EngineError(code: .nameTaken, message: "\(name ?? "") is taken.") }
        return StartedExecution(
            executionARN: "arn:aws:states:us-east-1:000000000000:execution:\(machine):\(name ?? "")",
            startDateMicroseconds: 0)
    }

    func startTriggered(
        machine: String, name: String, input: String, trigger: String
    ) async throws(EngineError) -> TriggeredStart {
        if state.withLock({ $0.paused.contains(trigger) }) { return .paused }
        let isKnown = starts.contains { $0.name == name }
        let execution = try await startExecution(machine: machine, name: name, input: input)
        return isKnown ? .known(execution) : .started(execution)
    }

    func pausedTriggers() async throws(EngineError) -> Set<String> { state.withLock { $0.paused } }

    func listRuns(_ query: RunQuery) async throws(EngineError) -> RunPage { RunPage(items: []) }
    func run(_ id: String) async throws(EngineError) -> RunDetail {
        throw EngineError(code: .notFound, message: "There is no execution \(id).")
    }
    func updates(of id: String?) async -> AsyncStream<RunUpdate> { AsyncStream { $0.finish() } }
    func stopExecution(_ id: String, error: String?, cause: String?) async throws(EngineError) {}

    func redriveExecution(_ id: String) async throws(EngineError) {}
    func workers() async -> [WorkerView] { [] }
}

/// The spool and the store of one test.
final class TestDirectory: Sendable {
    private let folder: TemporaryFolder
    var path: String { folder.path }

    init() throws { folder = try TemporaryFolder() }

    var spool: String { path + "/uploads" }
    var store: String { path + "/objects" }
    func contents(of path: String) throws -> [UInt8] { try Array(Data(contentsOf: URL(filePath: path))) }
}

/// One engine's upload endpoint on a real port, over a directory that outlives it.
func withUploadServer<Answer: Sendable>(
    in directory: TestDirectory, runs: StartedRuns, triggers: [Trigger] = [],
    limits: Uploads.Limits = .init(reservedBytes: 0), told: ToldNews = ToldNews(),
    now: @escaping @Sendable () -> Int64 = { Int64(time(nil)) },
    _ body: @Sendable (Int, Uploads, any ObjectStore) async throws -> Answer
) async throws -> Answer {
    let store = try openStore(directory.store, environment: [:])
    try await store.prepare()
    let uploads = try await Uploads(
        directory: directory.spool, store: store, runs: runs, triggers: triggers, limits: limits,
        told: { told.add($0) }, now: now)
    let router = ServiceRouter(bodyLimit: { Uploads.takesContent($0) ? .max : 1 << 20 })
    router.addUploadRoutes(uploads)
    return try await withServer(router) { port, _ in try await body(port, uploads, store) }
}

/// What came of uploads, as the page of triggers would hear it.
final class ToldNews: Sendable {
    private let news = Mutex<[TriggerNews]>([])

    func add(_ one: TriggerNews) { news.withLock { $0.append(one) } }
    /// All of a trigger, in order.
    func outcomes(of trigger: String) -> [TriggerNews.Outcome] {
        news.withLock { $0.filter { $0.trigger == trigger }.map(\.outcome) }
    }
    var reasons: [String] { news.withLock { $0.compactMap(\.reason) } }
}
