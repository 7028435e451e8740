import Access
import AccountsAPI
import ArgumentParser
import CatalogStore
import Console
import Cryptography
import Encodings
import Engine
import Forwarding
import HTTP
import HTTPServer
import Journal
import KeyProviders
import Logging
import ObjectStorage
import Observability
import Postgres
import StepContracts
import StepFunctionsAPI
import Supervision
import TerminalOutput
import Triggers
import Uploads
import WorkerAPI

struct EngineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "engine", abstract: "Run the engine: wire API, console, uploads and the workers' endpoints.",
        discussion: """
            Example:
              showrunner engine --database postgresql://showrunner@db/showrunner \\
                --port 4600 --store s3://media/films

            One engine is active per database; a second one stands by and takes over when the first is gone.
            """)

    @Option(help: "The database, as a libpq connection URI.")
    var database: String
    @Option(help: "Port of the wire API, the console, uploads and workers.")
    var port: Int
    @Option(help: "Address to listen on. Outside loopback every call needs an access key.")
    var host = "127.0.0.1"
    @Option(
        help: ArgumentHelp(
            "Where other engines on the database reach this one. Default: http://HOST:PORT, by this machine's name where HOST is every address.",
            valueName: "url"))
    var advertise: String?
    @Flag(help: "Ask for access keys on loopback too: behind a proxy, or where others use this machine.")
    var requireKeys = false
    @Option(help: "How long the audit log is kept, in days.")
    var auditDays = 400
    @Option(help: "The object store: a directory or s3://BUCKET/PREFIX.")
    var store: String
    @Option(help: "Directory of the state machines (*.asl.yaml) to deploy at the start. Default: those shipped.")
    var workflows: String?
    @Option(help: "Where uploads are gathered before they go to the store.")
    var spool: String?
    @Option(help: "Scheme and authority of the viewers' service, for the addresses that publishing answers with.")
    var viewer: String?
    @Option(
        help: """
            How often each operation of the wire may be called: 'aws' for the quotas of us-east-1, or a YAML file of \
            OPERATION: {bucketSize: N, refillPerSecond: N}. Default: as often as anybody likes.
            """)
    var requestQuotas: String?

    @Option(
        help: """
            What steps book, which workers they want, how urgent machines are, and what is limited: a YAML file. \
            Default: dispatch.yaml among the workflows, where there is one.
            """)
    var dispatch: String?
    @Option(
        help: ArgumentHelp(
            "Where the engine notes what it decides on, so that what ends it twice is set aside. Default: beside the spool.",
            valueName: "file"))
    var decisionNote: String?

    func validate() throws {
        guard (1...65_535).contains(port) else { throw ValidationError("--port has to be from 1 to 65535") }
        if let advertise, Self.origin(advertise) == nil {
            throw ValidationError("--advertise has to be like http://engine-1.internal:4600")
        }
        guard (1...36_500).contains(auditDays) else { throw ValidationError("--audit-days has to be from 1 to 36500") }
    }

    func run() async throws {
        Lifeline.follow()
        let environment = ProcessEnvironment.variables
        let registry = try Usage.check { () throws(ObservabilityError) in
            try bootstrapObservability(service: "engine", environment: environment)
        }
        let log = Logger(label: "engine")
        let directory = try workflows ?? Places.shippedWorkflows()
        let reading = try Usage.check { () throws(CommandFailure) in try WorkflowReading.directory(directory) }
        guard !reading.hasErrors else {
            throw CommandFailure("the workflows have errors:\n" + reading.problems.joined(separator: "\n"))
        }
        for problem in reading.problems { log.warning("\(problem)") }
        let rules =
            try dispatch.map { file in
                try Usage.check { () throws(CommandFailure) in try DispatchFile.rules(file) }
            } ?? reading.dispatch
        let quotas = try Usage.check { () throws(CommandFailure) in try RequestQuotaOption.read(requestQuotas) }
        let store = try Usage.check { () throws(ObjectStorageError) in
            try openStore(self.store, environment: environment)
        }
        let ring = try Usage.check { () throws(CryptoError) in try KeyRing.environment(environment) }
        let isOpenToOthers = requireKeys || !Self.isLoopback(host)
        guard ring != nil || !isOpenToOthers else {
            throw ValidationError(
                "access keys are asked for on \(host)\(requireKeys ? " (--require-keys)" : ""), and there is no master key "
                    + "to open them with: set SHOWRUNNER_MASTER_KEY_FILE or SHOWRUNNER_MASTER_KEY")
        }
        try await store.prepare()
        let incarnation = Hex.encode(randomBytes(8))
        let journal = Journal(url: database, incarnation: incarnation, log: log)
        let access = Access(
            journal: journal, ring: ring,
            settings: Access.Settings(
                region: ARN.region, service: "states", trustsThisMachine: !isOpenToOthers,
                wireBytes: WireLimits.requestBytes, localKeys: isOpenToOthers ? [:] : Self.localKeys(environment),
                auditDays: auditDays), log: log)
        if isOpenToOthers { try await Self.requireKey(access, journal) }
        let publish = PublishStep(viewerURL: viewer ?? "http://\(host):\(port + 1)", store: store)
        let catalogue = PostgresPool(url: database, applicationName: "showrunner-engine-catalogue", size: 2)
        let query: CatalogReader.Query = { (sql, parameters) throws(PostgresError) in
            try await catalogue.query(sql, parameters, deadline: .seconds(5))
        }
        let vault = ContentKeyVault(table: ContentKeyTable(query: query), ring: ring, log: log)
        let protect = try KeyServerOption.protectStep(environment: environment, ring: ring)
        let buckets = Buckets(environment: environment)
        let budget = ConnectionBudget(openFiles: ConnectionBudget.raiseOpenFiles())
        var limits = Engine.Limits()
        budget.apply(to: &limits)
        let note = try DecisionFile(
            decisionNote ?? Self.note(beside: spool ?? "uploads"), incarnation: incarnation,
            trap: environment["SHOWRUNNER_TRAP"])
        let engine = Engine(
            journal: journal, log: log, contracts: StepContract.all + StepContract.integrations,
            engineSteps: [protect, publish],
            serviceTasks: [S3Tasks(environment: environment, client: HTTPClient()), StepFunctionsTasks()],
            itemSource: buckets, resultSink: buckets, keyRing: ring, contentKeys: vault,
            archives: JournalArchives(store: store), limits: limits, dispatchRules: rules, decisionNote: note)

        // One for all, so that one look a second finds whose time is over.
        let deadline = AnswerDeadline()
        let desk = TriggerDesk(triggers: reading.triggers, service: engine)
        let uploads = try await Uploads(
            directory: spool ?? "uploads", store: store, runs: engine, triggers: reading.triggers,
            told: { await desk.note($0) }, deadline: deadline)
        // An upload's own limit is the length it was made with; the wire bounds its requests in its own words.
        let router = ServiceRouter(bodyLimit: {
            Uploads.takesContent($0) || $0.uri.path == "/" ? Int.max : 4 << 20
        })
        router.addHealthRoutes(
            readiness: {
                let isReady = await engine.isReady
                return Readiness([
                    .init("engine", trouble: isReady ? nil : "it starts, stands by or stops"),
                    .init("database", trouble: await journal.trouble.map { "it takes no writes: \($0)" }),
                    .init("journal", trouble: await journal.partitionTrouble),
                ])
            }, metricsText: { registry.prometheusText() })
        let forwarder = Forwarder(
            client: HTTPClient(
                .init(
                    userAgent: "showrunner-engine", maxConnections: budget.forwardedCalls,
                    maxConnectionsPerHost: budget.forwardedCalls)))
        router.addForwarding(
            forwarder, wireBytes: WireLimits.requestBytes, takesContent: { Uploads.takesContent($0) })
        router.addAccess(access) {
            guard await engine.isReady else { return "The engine is starting, stopping or standing by." }
            return await journal.trouble.map { "The database takes no writes: \($0)" }
        }
        router.addStepFunctionsRoutes(engine: engine, quotas: quotas, deadline: deadline)
        router.addWorkerRoutes(engine: engine, deadline: deadline)
        router.addConsoleRoutes(runs: engine, maximumStreams: budget.eventStreams, deadline: deadline)
        router.addConnectionRoutes(engine: engine, deadline: deadline)
        router.addAccountRoutes(AccountTable(query: query))
        router.addMachineRoutes(machines: engine, runs: engine, deadline: deadline)
        router.addScheduleRoutes(schedules: engine, deadline: deadline)
        router.addDispatchRoutes(engine: engine, deadline: deadline)
        router.addAnswerRoutes(engine: engine, deadline: deadline)
        router.addHistoryRoutes(histories: engine, deadline: deadline)
        router.addUploadRoutes(uploads)
        router.addHookRoutes(desk, deadline: deadline)
        router.addTriggerRoutes(desk, deadline: deadline)
        let http = HTTPService(
            router: router,
            configuration: .init(
                host: host, port: port, maximumConnections: budget.connections, idleTimeout: .seconds(75)),
            logger: log)
        let service = EngineService(
            engine: engine, journal: journal, forwarder: forwarder, address: address, databaseURL: database,
            workflows: reading.files,
            schedules: reading.schedules, contentKeys: vault, log: log)
        let sweeper = UploadSweeper(uploads: uploads, logger: log)
        try await HTTPService.run(
            [
                http, sweeper, AccessService(access), BucketListings(desk: desk, buckets: buckets, log: log),
                WatchedDirectories(desk: desk, log: log), WatchedExecutions(desk: desk, ends: engine, log: log),
                service,
                EngineWatch(engine: engine, journal: journal, log: log),
            ], gracePeriod: .seconds(20), logger: log)
        await catalogue.close()
    }

    /// Scheme and authority at which other engines reach this one.
    private var address: String {
        if let advertise, let origin = Self.origin(advertise) { return origin }
        let isEverywhere = ["0.0.0.0", "::", "*"].contains(host)
        let name = isEverywhere ? EngineService.hostName : host
        return "http://\(name.contains(":") ? "[\(name)]" : name):\(port)"
    }

    /// Scheme, host and port of an address that says nothing more; nil for others.
    private static func origin(_ address: String) -> String? {
        guard let scheme = ["http://", "https://"].first(where: { address.hasPrefix($0) }) else { return nil }
        var authority = address.dropFirst(scheme.count)
        if authority.last == "/" { authority.removeLast() }
        return authority.contains { "/?#@".contains($0) } ? nil : HTTPURL.origin(address)
    }

    private static func isLoopback(_ host: String) -> Bool {
        host == "::1" || host == "localhost" || host.hasPrefix("127.")
    }

    /// What signs for whoever uses this machine: test/test, as every example has it, and the key that the engine itself
    /// was given for its store, because then commands in the same environment sign with that.
    private static func localKeys(_ environment: [String: String]) -> [String: String] {
        var keys = ["test": "test"]
        if let id = environment["AWS_ACCESS_KEY_ID"], let secret = environment["AWS_SECRET_ACCESS_KEY"],
            !id.isEmpty, !secret.isEmpty
        {
            keys[id] = secret
        }
        return keys
    }

    /// An engine that asks for keys and has none would answer nobody.
    private static func requireKey(_ access: Access, _ journal: Journal) async throws {
        try await journal.migrate()
        try await access.load()
        guard access.enabledKeyCount > 0 else {
            throw CommandFailure(
                "access keys are asked for, and there is none: make one with 'showrunner keys create --role admin "
                    + "--database URL'")
        }
    }

    /// Not among the uploads, and where they are: the spool may have a slash behind it.
    static func note(beside spool: String) -> String {
        var path = spool[...]
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path + ".deciding"
    }
}
