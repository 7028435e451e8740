public import Logging
public import ServiceLifecycle

/// Sweeps the uploads at the start and then every hour, until the process is told to stop.
public struct UploadSweeper: Service {
    private let uploads: Uploads
    private let interval: Duration
    private let logger: Logger

    public init(uploads: Uploads, interval: Duration = .seconds(3600), logger: Logger) {
        self.uploads = uploads
        self.interval = interval
        self.logger = logger
    }

    public func run() async throws {
        try await cancelWhenGracefulShutdown {
            do {
                while true {
                    let removed = try await uploads.sweep()
                    if !removed.isEmpty {
                        logger.notice("uploads expired", metadata: ["uploads": .array(removed.map { .string($0) })])
                    }
                    try await Task.sleep(for: interval)
                }
            } catch is CancellationError {
                // Told to stop.
            }
        }
    }
}
