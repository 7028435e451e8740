import ArgumentParser
import HTTP
import Logging
import MediaSteps
import ObjectStorage
import Observability
import Supervision
import TerminalOutput
import Worker
import WorkerProgram

extension SandboxMode: ExpressibleByArgument {}

/// Takes tasks from an engine until it is told to stop.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Take media steps from an engine and do them (the default).",
        discussion: """
            Example:
              showrunner-worker --engine http://127.0.0.1:4600 \\
                --store /srv/showrunner/objects --slots 2

            Each media file is opened in a child process of its own: without network, with a read-only view of the \
            system, and with limits on memory, time and sizes. That needs bubblewrap (bwrap); without it the limits \
            alone remain, and a warning says so.

            Logs go to standard error. SIGTERM lets running steps go on for the drain time and hands back the rest.
            Exit codes: 0 after SIGTERM or SIGINT, 2 wrong use, 1 everything else that failed.
            """)

    @OptionGroup var options: WorkerOptions

    @Option(help: "Threads one step may keep busy. (default: the machine's cores, shared among the slots)")
    var threads: Int?

    @Option(help: ArgumentHelp("Where running steps keep files. (default: below TMPDIR)", valueName: "dir"))
    var scratch: String?

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

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads has to be from 1 to 1024.")
        }
        guard (256...4 << 20).contains(memory) else {
            throw ValidationError("--memory has to be from 256 to \(4 << 20) (MiB).")
        }
    }

    func run() async throws {
        Lifeline.follow()
        let environment = ProcessEnvironment.variables
        let name = options.effectiveName
        let metrics = try Usage.check { () throws(ObservabilityError) in
            try bootstrapObservability(service: name, environment: environment)
        }
        let objects = try Usage.check { () throws(ObjectStorageError) in
            try openStore(options.store, environment: environment)
        }
        try await objects.prepare()
        let logger = Logger(label: "showrunner-worker")
        let worker = try await Worker(
            WorkerConfiguration(
                session: WorkerSession(
                    engine: options.engine, name: name, version: Release.version, slots: options.slots,
                    gracePeriod: .seconds(options.drainSeconds),
                    signer: try WorkerOptions.signer(environment: environment),
                    capacity: options.capacity(scratch: ScratchFolder.path(scratch)), labels: options.labels),
                store: objects,
                sources: HTTPClient(
                    HTTPClient.Configuration(
                        userAgent: "showrunner-worker", addresses: allowPrivateSources ? .any : .publicOnly)),
                threads: threads ?? max(1, MachineCapacity.cores / options.slots),
                scratch: ScratchFolder.path(scratch), childCommand: try ChildProgram.command(), sandbox: sandbox,
                limits: ChildLimits(addressSpaceBytes: memory << 20), usesResults: !ignoresResults,
                allowsLocalSources: allowLocalSources),
            steps: MediaSteps.all.map { $0.contract }, logger: logger)
        try await options.serve(worker, metrics: metrics, logger: logger) { [sandbox] in
            [.init("sandbox", trouble: sandbox == .required ? worker.status.sandbox?.trouble : nil)]
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
