import ArgumentParser
import Console
import Cryptography
import Engine
import Glibc
import HTTP
import HTTPServer
import Journal
import Logging
import ObjectStorage
import Observability
import StepContracts
import StepFunctionsAPI
import Supervision
import Uploads
import WorkerAPI

struct EngineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "engine", abstract: "Run the engine: wire API, console, uploads and the workers' endpoints.",
        discussion: """
            Example:
              showrunner engine --database postgresql://showrunner@db/showrunner --port 4600 --store s3://media/films

            One engine is active per database; a second one stands by and takes over when the first is gone.
            """)

    @Option(help: "The database, as a libpq connection URI.")
    var database: String
    @Option(help: "Port of the wire API, the console, uploads and workers.")
    var port: Int
    @Option(help: "Address to listen on. Only loopback addresses: this release checks no signatures.")
    var host = "127.0.0.1"
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

    func validate() throws {
        guard (1...65_535).contains(port) else { throw ValidationError("--port has to be from 1 to 65535") }
        guard host == "::1" || host == "localhost" || host.hasPrefix("127.") else {
            throw ValidationError(
                "--host \(host) is not a loopback address: outside loopback the engine needs access keys, and this "
                    + "release checks none; put a proxy that authenticates before it")
        }
    }

    func run() async throws {
        Lifeline.follow()
        let environment = Self.environment()
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
        let quotas = try Usage.check { () throws(CommandFailure) in try RequestQuotaOption.read(requestQuotas) }
        let store = try Usage.check { () throws(ObjectStorageError) in
            try openStore(self.store, environment: environment)
        }
        try await store.prepare()
        let incarnation = Hex.encode(randomBytes(8))
        let journal = Journal(url: database, incarnation: incarnation, log: log)
        let publish = PublishStep(viewerURL: viewer ?? "http://\(host):\(port + 1)", store: store)
        let buckets = Buckets(environment: environment)
        let budget = ConnectionBudget(openFiles: ConnectionBudget.raiseOpenFiles())
        var limits = Engine.Limits()
        budget.apply(to: &limits)
        let engine = Engine(
            journal: journal, log: log, contracts: StepContract.all, engineSteps: [publish],
            serviceTasks: [S3Tasks(environment: environment, client: HTTPClient())], itemSource: buckets,
            resultSink: buckets, limits: limits)

        let uploads = try await Uploads(directory: spool ?? "uploads", store: store, runs: engine)
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
                ])
            }, metricsText: { registry.prometheusText() })
        router.addStepFunctionsRoutes(engine: engine, quotas: quotas)
        router.addWorkerRoutes(engine: engine)
        router.addConsoleRoutes(runs: engine, maximumStreams: budget.eventStreams)
        router.addUploadRoutes(uploads)
        let http = HTTPService(
            router: router,
            configuration: .init(
                host: host, port: port, maximumConnections: budget.connections, idleTimeout: .seconds(75)),
            logger: log)
        let service = EngineService(
            engine: engine, journal: journal, databaseURL: database, workflows: reading.files, log: log)
        let sweeper = UploadSweeper(uploads: uploads, logger: log)
        try await HTTPService.run([http, sweeper, service], gracePeriod: .seconds(20), logger: log)
    }

    static func environment() -> [String: String] {
        var variables: [String: String] = [:]
        var pointer = environ
        while let entry = pointer.pointee {
            let text = String(cString: entry)
            if let split = text.firstIndex(of: "=") {
                variables[String(text[..<split])] = String(text[text.index(after: split)...])
            }
            pointer += 1
        }
        return variables
    }
}
