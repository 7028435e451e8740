import CatalogAPI
import CatalogStore
import HTTPServer
import Logging
import Postgres
import ServiceLifecycle

/// Waits until the catalogue can be read, then serves.
///
/// At a start of everything at once the database comes up late and the engine migrates it later still, so both are
/// waited for, for a minute at most; a catalogue that is newer than this program never becomes right by waiting.
struct StartCheck: Service {
    static let patience: Duration = .seconds(60)
    private static let pause: Duration = .milliseconds(250)

    let reader: CatalogReader
    let logger: Logger
    let server: HTTPService

    init(reader: CatalogReader, logger: Logger, then server: HTTPService) {
        self.reader = reader
        self.logger = logger
        self.server = server
    }

    func run() async throws {
        let isReady = try await cancelWhenGracefulShutdown { try await waitForCatalogue() }
        if isReady { try await server.run() }
    }

    /// False where we were told to stop meanwhile.
    private func waitForCatalogue() async throws -> Bool {
        let deadline = ContinuousClock.now.advanced(by: Self.patience)
        var reported: String?
        while !Task.isCancelled {
            let trouble: String
            do {
                let state = try await reader.schemaState()
                guard let words = state.trouble(of: "showrunner-api") else { return true }
                if case .ahead = state { throw StartError(description: words) }
                trouble = words
            } catch let error as PostgresError {
                trouble = "the database does not answer: \(error.message)"
            }
            if trouble != reported {
                logger.notice("waiting: \(trouble)")
                reported = trouble
            }
            guard ContinuousClock.now < deadline else {
                throw StartError(description: "gave up after \(Self.patience.components.seconds) seconds: \(trouble)")
            }
            do { try await Task.sleep(for: Self.pause) } catch { return false }
        }
        return false
    }
}

/// Why the service cannot start.
struct StartError: Error, CustomStringConvertible {
    let description: String
}
