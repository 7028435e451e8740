import ArgumentParser
import CatalogStore
import DataSteps
import HTTP
import HTTPSteps
import Logging
import ObjectStorage
import Observability
import Postgres
import StepContracts
import Supervision
import TerminalOutput
import Worker
import WorkerProgram

struct DataWorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data-worker",
        abstract: "Take steps from an engine that need the catalogue or call APIs, and do them.",
        discussion: """
            Example:
              showrunner data-worker --engine http://127.0.0.1:4600 \\
                --database postgresql://showrunner_data@db/showrunner \\
                --store s3://media/films

            HTTP tasks call public addresses over https. Private ones, and http, only where \
            --allow-private-addresses names them.

            It needs no rights on the engine's tables: connect with the role showrunner_data, which the engine makes: \
            it may read the catalogue and what profiles did, and put generations of recommendations in service.

            Logs go to standard error. SIGTERM lets running steps go on for the drain time and hands back the rest.
            """)

    @OptionGroup var options: WorkerOptions
    @Option(help: ArgumentHelp("The catalogue's database, as a libpq connection URI.", valueName: "url"))
    var database: String
    @Option(
        help: ArgumentHelp(
            "Private addresses that HTTP tasks may call, over http, too; may be given again.", valueName: "cidr"))
    var allowPrivateAddresses: [String] = []
    @Option(help: ArgumentHelp("Certificate authorities that HTTP tasks trust, in PEM.", valueName: "file"))
    var httpAuthorities: String?

    func validate() throws {
        for range in allowPrivateAddresses where AddressRange(range) == nil {
            throw ValidationError("--allow-private-addresses '\(range)' is no range of addresses like 10.1.0.0/16")
        }
        guard database.hasPrefix("postgresql://") || database.hasPrefix("postgres://") else {
            throw ValidationError("--database is '\(database)'; it has to be a postgresql:// URL")
        }
    }

    func run() async throws {
        Lifeline.follow()
        let environment = ProcessEnvironment.variables
        let name = options.effectiveName
        let metrics = try Usage.check { () throws(ObservabilityError) in
            try bootstrapObservability(service: name, environment: environment)
        }
        let store = try Usage.check { () throws(ObjectStorageError) in
            try openStore(options.store, environment: environment)
        }
        let log = Logger(label: "data-worker")
        // Reading is all that most steps need; generations of recommendations are written beside it.
        let pool = PostgresPool(
            url: database, applicationName: "showrunner-data-worker", size: options.slots + 1,
            settings: ["default_transaction_read_only": "on"])
        let writing = PostgresPool(url: database, applicationName: "showrunner-data-worker-writing", size: 1)
        func reader(deadline: Duration) -> CatalogReader {
            CatalogReader { (sql, parameters) throws(PostgresError) in
                try await pool.query(sql, parameters, deadline: deadline)
            }
        }
        // Who asks for health does not wait as long as a step may.
        let health = reader(deadline: .seconds(3))
        let workshop = Workshop(
            read: reader(deadline: .seconds(60)).query,
            write: { (sql, parameters) throws(PostgresError) in
                try await writing.query(sql, parameters, deadline: .seconds(60))
            }, store: store)
        let worker = try Worker(
            WorkerSession(
                engine: options.engine, name: name, version: Release.version, slots: options.slots,
                gracePeriod: .seconds(options.drainSeconds),
                signer: try WorkerOptions.signer(environment: environment),
                capacity: options.capacity(scratch: environment["TMPDIR"] ?? "/tmp"), labels: options.labels),
            steps: [
                VerifyStep(catalogue: reader(deadline: .seconds(30)), store: store), ApproveStep(),
                HTTPInvokeStep(
                    allowing: allowPrivateAddresses.compactMap { AddressRange($0) },
                    certificateAuthorities: httpAuthorities),
            ] + workshop.steps, logger: log)
        try await options.serve(worker, metrics: metrics, logger: log) {
            [.init("catalogue", trouble: await Self.trouble(health))]
        }
        await pool.close()
        await writing.close()
    }

    /// Why the catalogue can't be worked on; nil where it can.
    private static func trouble(_ catalogue: CatalogReader) async -> String? {
        do {
            return try await catalogue.schemaState().trouble(of: "showrunner")
        } catch {
            return "the database does not answer: \(error.message)"
        }
    }
}
