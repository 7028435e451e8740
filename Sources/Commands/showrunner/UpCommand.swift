import ArgumentParser
import Glibc
import HTTP
import JSON
import LocalPostgres
import Logging
import ObjectStorage
import Observability
import Supervision
import TerminalOutput

struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up", abstract: "Run everything on this machine, with a private PostgreSQL.",
        discussion: """
            Example:
              showrunner up --data ./data --port 4600 --workers 2

            Prints one line on standard output when all of it serves; logs go to standard error. Ctrl-C or SIGTERM \
            stops everything in order. Process ids are in DIR/run/NAME.pid; a process that dies is started again.
            """)

    @Option(help: "Directory for the database, the objects, uploads and pid files; made when absent.")
    var data: String
    @Option(help: "Port of the engine; the viewers' service takes the next one.")
    var port: Int
    @Option(help: "Media workers.")
    var workers: Int = 1
    @Option(help: "Directory of the state machines (*.asl.yaml). Default: those shipped.")
    var workflows: String?
    @Option(help: "The object store: a directory or s3://BUCKET/PREFIX. Default: DIR/objects.")
    var store: String?
    @Option(help: "How often each operation of the wire may be called: see 'showrunner engine --help'.")
    var requestQuotas: String?
    @Option(
        help: ArgumentHelp(
            "Private addresses that HTTP tasks may call, over http, too; may be given again.", valueName: "cidr"))
    var allowPrivateAddresses: [String] = []
    @Flag(help: "Exit when at least one run has ended and none is open: 0 if all succeeded, else 1.")
    var once = false

    func validate() throws {
        guard (1...65_534).contains(port) else { throw ValidationError("--port has to be from 1 to 65534") }
        guard (0...256).contains(workers) else { throw ValidationError("--workers has to be from 0 to 256") }
        for range in allowPrivateAddresses where AddressRange(range) == nil {
            throw ValidationError("--allow-private-addresses '\(range)' is no range of addresses like 10.1.0.0/16")
        }
    }

    func run() async throws {
        let environment = ProcessEnvironment.variables
        _ = try Usage.check { () throws(ObservabilityError) in
            try bootstrapObservability(service: "up", environment: environment)
        }
        let log = Logger(label: "up")
        let workflows = try workflows ?? Places.shippedWorkflows()
        let reading = try Usage.check { () throws(CommandFailure) in try WorkflowReading.directory(workflows) }
        guard !reading.hasErrors else {
            throw CommandFailure("the workflows have errors:\n" + reading.problems.joined(separator: "\n"))
        }
        if let store {
            _ = try Usage.check { () throws(ObjectStorageError) in try openStore(store, environment: environment) }
        }
        _ = try Usage.check { () throws(CommandFailure) in try RequestQuotaOption.read(requestQuotas) }
        let stage = try Stage(
            data: data, port: port, workers: workers, workflows: workflows,
            store: store, requestQuotas: requestQuotas, allowedAddresses: allowPrivateAddresses,
            environment: environment, log: log)
        let signals = await StopSignals()
        let outcome: Result<Int32, any Error>
        do {
            try await stage.start(stopping: signals)
            outcome = .success(try await serve(stage, signals))
        } catch {
            outcome = .failure(error)
        }
        await stage.stop()
        let status = try outcome.get()
        if status != 0 { throw ExitCode(status) }
    }

    private func serve(_ stage: Stage, _ signals: StopSignals) async throws -> Int32 {
        if await signals.isStopped { return 0 }
        // Standard output is line-buffered only on a terminal; whoever reads a pipe waits for this line.
        print("ready engine=\(stage.engineURL) viewer=\(stage.viewerURL)")
        fflush(nil)
        guard once else {
            await signals.wait()
            return 0
        }
        return try await withThrowingTaskGroup(of: Int32.self) { group in
            group.addTask {
                await signals.wait()
                return 0
            }
            group.addTask { try await stage.waitUntilIdle() }
            defer { group.cancelAll() }
            return try await group.next() ?? 0
        }
    }
}
