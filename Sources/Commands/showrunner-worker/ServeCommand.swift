import ArgumentParser
import Glibc
import HTTP
import HTTPServer
import Logging
import MediaSteps
import ObjectStorage
import Observability
import ServiceLifecycle
import Supervision
import Worker

extension SandboxMode: ExpressibleByArgument {}

/// Takes tasks from an engine until it is told to stop.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Take media steps from an engine and do them (the default).",
        discussion: """
            Example:
              showrunner-worker --engine http://127.0.0.1:4600 --store /srv/showrunner/objects --slots 2

            Each media file is opened in a child process of its own: without network, with a read-only view of the \
            system, and with limits on memory, time and sizes. That needs bubblewrap (bwrap); without it the limits \
            alone remain, and a warning says so.

            Logs go to standard error. SIGTERM lets running steps go on for the drain time and hands back the rest.
            Exit codes: 0 after SIGTERM or SIGINT, 2 wrong use, 1 everything else that failed.
            """)

    @Option(help: ArgumentHelp("The engine's address.", valueName: "url"))
    var engine: String

    @Option(help: ArgumentHelp("Where media lies: a directory, file:///DIR or s3://BUCKET/PREFIX.", valueName: "url"))
    var store: String

    @Option(help: "The worker's name, the same over restarts. (default: the host's name and the process id)")
    var name: String?

    @Option(help: "Steps at a time.")
    var slots = 1

    @Option(help: "Threads one step may keep busy. (default: the machine's cores, shared among the slots)")
    var threads: Int?

    @Option(help: ArgumentHelp("Where running steps keep files. (default: below TMPDIR)", valueName: "dir"))
    var scratch: String?

    @Option(help: "Port on 127.0.0.1 for /livez, /readyz and /metrics; 0 for none.")
    var port = 0

    @Flag(name: .customLong("no-cache"), help: "Do steps anew whose results are kept already.")
    var ignoresResults = false

    @Option(help: "auto (bubblewrap where the machine allows it), required, or off.")
    var sandbox = SandboxMode.auto

    @Option(help: "Address space of one step in MiB.")
    var memory = 8192

    @Flag(help: "Let file URLs outside the store be sources.")
    var allowLocalSources = false

    @Flag(help: "Let http URLs on private networks and on this machine be sources.")
    var allowPrivateSources = false

    @Option(help: "How long running steps may go on after SIGTERM, in seconds.")
    var drainSeconds = 30

    func validate() throws {
        guard engine.hasPrefix("http://") || engine.hasPrefix("https://") else {
            throw ValidationError("--engine is '\(engine)'; it has to be http://HOST[:PORT] or https://HOST[:PORT].")
        }
        guard (1...256).contains(slots) else { throw ValidationError("--slots has to be from 1 to 256.") }
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads has to be from 1 to 1024.")
        }
        guard (0...65_535).contains(port) else { throw ValidationError("--port has to be from 0 to 65535.") }
        guard (256...4 << 20).contains(memory) else {
            throw ValidationError("--memory has to be from 256 to \(4 << 20) (MiB).")
        }
        guard (0...86_400).contains(drainSeconds) else {
            throw ValidationError("--drain-seconds has to be from 0 to 86400.")
        }
        if let name, name.isEmpty { throw ValidationError("--name must not be empty.") }
    }

    func run() async throws {
        Lifeline.follow()
        let environment = Environment.variables
        // Two processes of one name would be taken for one that was started again.
        let name = name ?? "\(Environment.hostName)-\(getpid())"
        let metrics = try usage { () throws(ObservabilityError) in
            try bootstrapObservability(service: name, environment: environment)
        }
        let objects = try usage { () throws(ObjectStorageError) in
            try openStore(store, environment: environment)
        }
        try await objects.prepare()
        let logger = Logger(label: "showrunner-worker")
        let worker = try await Worker(
            WorkerConfiguration(
                engine: engine, store: objects,
                sources: HTTPClient(
                    HTTPClient.Configuration(
                        userAgent: "showrunner-worker", addresses: allowPrivateSources ? .any : .publicOnly)),
                name: name, version: ShowrunnerWorker.release, slots: slots,
                threads: threads ?? max(1, Environment.cores / slots), scratch: Environment.scratch(scratch),
                childCommand: try ChildProgram.command(), sandbox: sandbox,
                limits: ChildLimits(addressSpaceBytes: memory << 20), usesResults: !ignoresResults,
                allowsLocalSources: allowLocalSources, gracePeriod: .seconds(drainSeconds)),
            steps: MediaSteps.all.map { $0.contract }, logger: logger)
        var services: [any Service] = [worker]
        if port != 0 { services.append(healthService(worker, metrics, logger)) }
        // The worker ends by itself after its grace period and the goodbyes; the rest is for a machine that is slow.
        try await HTTPService.run(services, gracePeriod: .seconds(drainSeconds + 10), logger: logger)
    }

    private func healthService(_ worker: Worker, _ metrics: MetricsRegistry, _ logger: Logger) -> HTTPService {
        let router = ServiceRouter()
        router.addHealthRoutes(
            readiness: {
                let status = worker.status
                return Readiness([
                    .init("engine", trouble: status.engineTrouble),
                    .init("sandbox", trouble: sandbox == .required ? status.sandbox.trouble : nil),
                ])
            }, metricsText: { metrics.prometheusText() })
        return HTTPService(
            router: router, configuration: .init(port: port), logger: logger,
            onListening: { port in
                logger.notice("listening", metadata: ["url": "http://127.0.0.1:\(port)"])
            })
    }

    /// What the command line or the environment says is the user's to put right: exit code 2.
    private func usage<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws -> Value {
        do {
            return try body()
        } catch {
            throw ValidationError("\(error)")
        }
    }
}

extension Sandbox {
    /// Why there is no sandbox; nil where there is one.
    fileprivate var trouble: String? {
        switch self {
        case .bubblewrap: nil
        case .limitsOnly(let reason): reason ?? "switched off"
        }
    }
}
