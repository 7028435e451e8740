import ArgumentParser
import CatalogAPI
import CatalogStore
import Cryptography
import Foundation
import HTTPServer
import Logging
import ObjectStorage
import Observability
import Postgres
import Supervision
import TerminalOutput

/// The viewers' service as a process of its own.
@main
struct ShowrunnerAPI: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "showrunner-api",
        abstract: "Serve published titles to viewers: their list, their pages, and their media.",
        discussion: """
            Reads the catalogue's tables in PostgreSQL, which the engine migrates, and the object store. It needs no \
            rights on the engine's tables: connect with the role showrunner_api. For licences of protected titles it \
            needs the engine's master keys: SHOWRUNNER_MASTER_KEY_FILE, or SHOWRUNNER_MASTER_KEY.

            Example:
              showrunner-api --database 'postgresql://showrunner_api@db/showrunner' \\
                --store s3://media/showrunner --port 8081 \\
                --public-url https://watch.example.com

            Logs go to standard error. SIGTERM lets requests under way finish for ten seconds.
            Exit codes: 0 after SIGTERM or SIGINT, 2 wrong use, 1 everything else that failed.
            """,
        version: Release.version)

    @Option(help: ArgumentHelp("The catalogue's database.", valueName: "url"))
    var database: String

    /// Scripts that start all programs alike name it.
    @Option(
        help: ArgumentHelp("The engine's address; may be left out, as this service asks it nothing.", valueName: "url"))
    var engine: String?

    @Option(help: ArgumentHelp("Where media lies: a directory, file:///DIR or s3://BUCKET/PREFIX.", valueName: "url"))
    var store: String

    @Option(help: "Port to listen on; 0 takes a free one.")
    var port: Int

    @Option(help: "Address to listen on.")
    var host = "127.0.0.1"

    @Option(
        help: ArgumentHelp(
            "Scheme and host that viewers see, where a proxy stands in front; without it each request's Host counts.",
            valueName: "url"))
    var publicURL: String?

    func validate() throws {
        guard (0...65_535).contains(port) else {
            throw ValidationError("--port is \(port); a port is a number from 0 to 65535.")
        }
        guard database.hasPrefix("postgresql://") || database.hasPrefix("postgres://") else {
            throw ValidationError("--database is '\(database)'; it has to be a postgresql:// URL.")
        }
        if let engine { try Self.check("--engine", engine) }
        if let publicURL { try Self.check("--public-url", publicURL) }
    }

    private static func check(_ option: String, _ text: String) throws {
        guard let url = URL(string: text), ["http", "https"].contains(url.scheme ?? ""), url.host?.isEmpty == false,
            url.query == nil, url.fragment == nil, ["", "/"].contains(url.path)
        else {
            throw ValidationError("\(option) is '\(text)'; it has to be http://HOST[:PORT] or https://HOST[:PORT].")
        }
    }

    static func main() async { await runAsProgram { _ in nil } }

    func run() async throws {
        Lifeline.follow()
        let environment = ProcessEnvironment.variables
        let metrics = try Usage.check { () throws(ObservabilityError) in
            try bootstrapObservability(service: "api", environment: environment)
        }
        let objects = try Usage.check { () throws(ObjectStorageError) in
            try openStore(store, environment: environment)
        }
        let ring = try Usage.check { () throws(CryptoError) in try KeyRing.environment(environment) }
        let logger = Logger(label: "showrunner-api")
        if ring == nil { logger.notice("no master key is set: protected titles get no licences") }
        // The catalogue is only read; the role has no right to write it either. What viewers do is written beside it.
        let pool = PostgresPool(
            url: database, applicationName: "showrunner-api", size: 4,
            settings: ["default_transaction_read_only": "on"],
            connectDeadline: .seconds(3))
        let reader = CatalogReader { (sql, parameters) throws(PostgresError) in
            try await pool.query(sql, parameters, deadline: .seconds(3))
        }
        // The server ends a statement that takes longer: extracts rely on it.
        let writing = PostgresPool(
            url: database, applicationName: "showrunner-api-writing", size: 2,
            settings: ["statement_timeout": "5s"], connectDeadline: .seconds(3))
        let service = CatalogService(reader: reader, objects: objects, publicURL: publicURL, ring: ring)
        let profiles = ProfileService(
            catalogue: service, reader: reader,
            record: { (sql, parameters) throws(PostgresError) in
                try await writing.query(sql, parameters, deadline: .seconds(5))
            }, objects: objects, logger: logger)
        let router = ServiceRouter()
        router.addHealthRoutes(
            readiness: { await service.readiness() }, metricsText: { metrics.prometheusText() })
        service.addRoutes(to: router)
        profiles.addRoutes(to: router)
        let server = HTTPService(
            router: router, configuration: .init(host: host, port: port), logger: logger,
            onListening: { [host] port in
                logger.notice("listening", metadata: ["url": "http://\(host):\(port)"])
            })
        try await HTTPService.run([StartCheck(reader: reader, logger: logger, then: server)], logger: logger)
        await pool.close()
        await writing.close()
        logger.notice("stopped")
    }
}
