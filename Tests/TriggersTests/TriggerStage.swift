import Cryptography
import Engine
import EventPatterns
import Foundation
import HTTPServer
import JSON
import Journal
import Logging
import Postgres
import PostgresTestSupport
import RawHTTP
import StatesLanguage
import Synchronization
import Testing
import YAML

@testable import Triggers

let silent = Logger(label: "triggers-tests") { _ in SwiftLogNoOpLogHandler() }

/// A database on which engines follow each other, and what tells them of events.
final class TriggerStage: Sendable {
    let url: String
    private let ring: KeyRing
    private let engines = Mutex(0)

    init() async throws {
        ring = try KeyRing([MasterKey()])
        url = try await TestDatabase.copy(of: "triggers") { url in
            let journal = Journal(url: url, incarnation: "template", log: silent)
            try await journal.migrate()
            await journal.close(deadline: .seconds(10))
        }
    }

    struct Running: Sendable {
        let engine: Engine
        let journal: Journal
        let desk: TriggerDesk

        func end() async {
            await engine.stop()
            await journal.close(deadline: .seconds(10))
        }

        /// Ends it as its process would: what it has not done by now it never does.
        func bury() async {
            await engine.stop()
            await journal.close(deadline: .zero)
        }

        /// Makes a machine, by itself one that has nothing to do.
        func deploy(_ name: String, _ text: String = TriggerStage.pass, isExpress: Bool = false) async throws {
            guard !isExpress else {
                _ = try await engine.createMachine(NewMachine(name: name, definition: text, type: .express))
                return
            }
            let machine = try #require(Definition.read(json: text).machine)
            try await engine.deploy(name: name, machine: machine, definition: try JSON(parsing: text))
        }

        /// Starts an execution and waits for its end.
        func run(_ machine: String, _ name: String, input: String = "{}") async throws {
            let execution = try await engine.start(machine: machine, name: name, input: input).execution
            try await ended(execution.executionARN)
        }

        func redrive(_ machine: String, _ name: String) async throws {
            let arn = ARN.execution(machine: machine, name: name)
            try await engine.redriveExecution(arn)
            try await ended(arn)
        }

        /// Waits for an execution's end.
        func ended(_ arn: String) async throws {
            // Of one that has ended there are no updates, and the stream ends with one that does.
            for await update in await engine.updates(of: arn) where update.run.status != .running { break }
            while try await engine.run(arn).run.status == .running { await Task.yield() }
        }

        /// Names of the executions of the machine `m`, oldest first.
        func executions() async throws -> [String] {
            try await engine.listRuns(RunQuery(machine: "m")).items.reversed().map(\.name)
        }
    }

    static let pass = #"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#

    static func query(_ url: String, _ sql: String) async throws -> PostgresResult {
        let connection = try await PostgresConnection.connect(
            url, applicationName: "triggers-tests", deadline: .seconds(10))
        do {
            let result = try await connection.query(sql, [], deadline: .seconds(10))
            await connection.close()
            return result
        } catch {
            await connection.close()
            throw error
        }
    }

    static func triggers(_ yaml: String) throws -> [Trigger] {
        let (triggers, problems) = Trigger.read(try YAMLDocument.parse(Array(yaml.utf8)))
        return try #require(triggers, "\(problems.map { $0.text(file: "triggers.yaml") })")
    }

    /// An engine with one machine, `m`; whoever was active before it is gone.
    ///
    /// - Parameters:
    ///   - ring: another one than that of the others here.
    ///   - mortality: how its process ends.
    func engine(
        _ triggers: [Trigger], ring other: KeyRing? = nil, mortality: Mortality? = nil
    ) async throws -> Running {
        let number = engines.withLock { number in
            number += 1
            return number
        }
        let journal = Journal(
            url: url, incarnation: "e\(number)", log: silent, connector: mortality.map(MortalConnection.connector))
        let engine = Engine(journal: journal, log: silent, contracts: [], keyRing: other ?? ring)
        try await engine.activate(holder: "e\(number)", isDead: { _ in true })
        try await engine.loadMachines()
        let running = Running(
            engine: engine, journal: journal, desk: TriggerDesk(triggers: triggers, service: engine))
        try await running.deploy("m")
        await engine.beginServing()
        return running
    }
}

/// Serves an engine's hooks while a test talks to them.
func withHooks<Answer: Sendable>(
    _ running: TriggerStage.Running, deadline: AnswerDeadline = AnswerDeadline(),
    _ body: @escaping @Sendable (Wire) throws -> Answer
) async throws -> Answer {
    let router = ServiceRouter(bodyLimit: { _ in 4 << 20 })
    router.addHookRoutes(running.desk, deadline: deadline)
    router.addTriggerRoutes(running.desk)
    return try await withServer(router) { port, _ in try await onThread { try body(try Wire(port: port)) } }
}

/// A bucket as its server would list it, two versions a page.
final class ListedBucket: BucketVersions {
    private let content = Mutex<(versions: [BucketVersion], isAway: Bool)>(([], false))

    func put(_ key: String, version: String = "null", tag: String, at seconds: Int64) {
        content.withLock {
            $0.versions.append(
                BucketVersion(key: key, versionID: version, bytes: 7, modifiedAt: seconds, entityTag: tag))
        }
    }

    var isAway: Bool {
        get { content.withLock { $0.isAway } }
        set { content.withLock { $0.isAway = newValue } }
    }

    func versions(
        of bucket: String, after mark: Int?
    ) async throws(TriggerError) -> (versions: [BucketVersion], next: Int?) {
        if isAway { throw TriggerError(.source, "The bucket '\(bucket)' does not answer.") }
        let all = content.withLock { $0.versions }
        let start = mark ?? 0
        let page = all[start..<min(start + 2, all.count)]
        return (Array(page), page.endIndex < all.count ? page.endIndex : nil)
    }
}
