import AccessControl
import AccountsAPI
import CatalogStore
import Console
import Cryptography
import Engine
import HTTPServer
import HTTPServerTestSupport
import JSON
import Journal
import Logging
import ObjectStorage
import Postgres
import PostgresTestSupport
import SignatureV4
import StepFunctionsAPI
import Synchronization
import TemporaryFolder
import Triggers
import Uploads
import WorkerAPI

@testable import Access

let silent = Logger(label: "access-tests") { _ in SwiftLogNoOpLogHandler() }

/// The server of an engine with its access checks, on a database of its own.
final class Gate: Sendable {
    let url: String
    let ring: KeyRing
    let journal: Journal
    let engine: Engine
    let access: Access
    let store: AccessKeyStore
    let dials = Dials()
    private let deadline: AnswerDeadline
    private let folder: TemporaryFolder

    static let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:short"
    static let missing = "Missing Authentication Token"

    /// - Parameters:
    ///   - trustsThisMachine: as an engine on loopback that was told nothing else.
    ///   - patience: how long calls, and their audit rows, wait for the database; nil for as long as they do elsewhere.
    init(
        trustsThisMachine: Bool = false, localKeys: [String: String] = [:], patience: Duration? = nil
    ) async throws {
        deadline = patience.map { AnswerDeadline($0) } ?? AnswerDeadline()
        url = try await TestDatabase.copy(of: "access") { url in
            let journal = Journal(url: url, incarnation: "template", log: silent)
            try await journal.migrate()
            await journal.close(deadline: .seconds(10))
        }
        ring = try KeyRing([MasterKey()])
        journal = Journal(url: url, incarnation: "e1", log: silent)
        engine = Engine(journal: journal, log: silent, contracts: [])
        var settings = Access.Settings(
            region: "us-east-1", service: "states", trustsThisMachine: trustsThisMachine,
            wireBytes: WireLimits.requestBytes, localKeys: localKeys)
        if let patience { settings.auditDeadline = patience }
        access = Access(
            journal: journal, ring: ring, settings: settings, log: silent,
            now: { [dials] in systemMicroseconds() + dials.shift.withLock { $0 } * 1_000_000 })
        store = AccessKeyStore(journal: journal, ring: ring)
        folder = try TemporaryFolder()
        try await engine.activate(holder: "e1", isDead: { _ in true })
        try await engine.loadMachines()
        await engine.beginServing()
    }

    /// What a test turns.
    final class Dials: Sendable {
        /// Added to the clock, in seconds.
        let shift = Mutex<Int64>(0)
        /// Why nothing can be changed, for as long as the test says so.
        let trouble = Mutex<String?>(nil)
    }

    func close() async {
        await engine.stop()
        await journal.close(deadline: .seconds(10))
    }

    /// All routes that `showrunner engine` serves, in its order.
    func router() async throws -> ServiceRouter {
        let router = ServiceRouter(bodyLimit: { Uploads.takesContent($0) ? Int.max : 4 << 20 })
        router.addHealthRoutes(readiness: { Readiness([]) }, metricsText: { "" })
        router.addAccess(access) { [dials] in dials.trouble.withLock { $0 } }
        router.addStepFunctionsRoutes(engine: engine, deadline: deadline)
        router.addWorkerRoutes(engine: engine, deadline: deadline)
        router.addConsoleRoutes(runs: engine, deadline: deadline)
        router.addConnectionRoutes(engine: engine, deadline: deadline)
        router.addAccountRoutes(
            AccountTable { (_, _) throws(PostgresError) in
                throw PostgresError(outcome: .notSent, message: "there is no catalogue here")
            })
        router.addMachineRoutes(machines: engine, runs: engine, deadline: deadline)
        router.addScheduleRoutes(schedules: engine, deadline: deadline)
        router.addDispatchRoutes(engine: engine, deadline: deadline)
        router.addAnswerRoutes(engine: engine, deadline: deadline)
        router.addHistoryRoutes(histories: engine, deadline: deadline)
        let objects = try DirectoryStore(path: folder.place("objects"))
        try await objects.prepare()
        router.addUploadRoutes(
            try await Uploads(
                directory: folder.place("uploads"), store: objects, runs: engine, deadline: deadline))
        let desk = TriggerDesk(triggers: [], service: engine)
        router.addHookRoutes(desk, deadline: deadline)
        router.addTriggerRoutes(desk, deadline: deadline)
        return router
    }

    /// Serves for as long as a test talks to it.
    static func with(
        trustsThisMachine: Bool = false, localKeys: [String: String] = [:], patience: Duration? = nil,
        _ body: (Gate, LoopbackClient) async throws -> Void
    ) async throws {
        let gate = try await Gate(
            trustsThisMachine: trustsThisMachine, localKeys: localKeys, patience: patience)
        do {
            try await LoopbackServer.with(try await gate.router()) { client, _ in try await body(gate, client) }
        } catch {
            await gate.close()
            throw error
        }
        await gate.close()
    }

    /// A key of each role, made behind the engine's back.
    func keys() async throws -> [Role: NewAccessKey] {
        var keys: [Role: NewAccessKey] = [:]
        for role in Role.allCases { keys[role] = try await store.create(role: role, description: nil) }
        try await access.load()
        return keys
    }
}

extension LoopbackClient {
    /// A signed request.
    func send(
        _ key: NewAccessKey, _ method: String, _ path: String, _ headers: [String: String] = [:],
        body: [UInt8] = [], unsignedPayload: Bool = false, now: Int64 = systemMicroseconds() / 1_000_000
    ) async throws -> Answer {
        try await send(
            (key.key.id, key.secret), method, path, headers, body: body, unsignedPayload: unsignedPayload, now: now)
    }

    func send(
        _ key: (id: String, secret: String), _ method: String, _ path: String, _ headers: [String: String] = [:],
        body: [UInt8] = [], unsignedPayload: Bool = false, now: Int64 = systemMicroseconds() / 1_000_000
    ) async throws -> Answer {
        var headers = headers
        let signer = RequestSigner(
            accessKeyID: key.id, secretAccessKey: key.secret, region: "us-east-1", service: "states")
        for field in signer.fields(
            method: method, url: base + path, headers: headers.map { ($0.key, $0.value) },
            content: unsignedPayload ? nil : body, time: SigningTime(seconds: now))
        { headers[field.name] = field.value }
        return try await send(method, path, headers, body: method == "GET" || method == "HEAD" ? nil : body)
    }

    static func wire(_ operation: String) -> [String: String] {
        ["Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AWSStepFunctions.\(operation)"]
    }

    /// One signed operation of the wire API.
    func call(_ key: NewAccessKey, _ operation: String, _ members: JSON = [:]) async throws -> Answer {
        try await send(key, "POST", "/", Self.wire(operation), body: members.utf8)
    }

    static let json = ["Content-Type": "application/json"]
}

extension LoopbackClient.Answer {
    var document: JSON {
        get throws { try JSON(parsing: body) }
    }

    /// The error's name on the wire.
    var errorType: String? {
        get throws { try document["__type"]?.stringValue }
    }
}
