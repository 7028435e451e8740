public import Logging
public import ServiceLifecycle

/// Sweeps the uploads at the start and then every hour, until the process is told to stop; sooner again while a
/// complete upload waits for the store, the engine, or a trigger to be resumed.
public struct UploadSweeper: Service {
    private let uploads: Uploads
    private let interval: Duration
    private let patience: Duration
    private let logger: Logger

    /// - Parameters:
    ///   - interval: between two sweeps that have nothing to do.
    ///   - patience: before what could not be finished is tried again.
    public init(
        uploads: Uploads, interval: Duration = .seconds(3600), patience: Duration = .seconds(15), logger: Logger
    ) {
        self.uploads = uploads
        self.interval = interval
        self.patience = patience
        self.logger = logger
    }

    public func run() async throws {
        try await cancelWhenGracefulShutdown {
            do {
                var held: [String: String] = [:]
                while true {
                    try await Task.sleep(for: await sweep(&held) ? interval : patience)
                }
            } catch is CancellationError {
                // Told to stop.
            }
        }
    }

    /// Whether nothing is left to be done soon. A disk that fails is no reason to stop the engine: the requests that
    /// need it are refused with the same reason, and the next sweep finds out whether it works again.
    ///
    /// - Parameter held: uploads that waited for a trigger to be resumed at the last sweep: told once.
    private func sweep(_ held: inout [String: String]) async -> Bool {
        do {
            let sweep = try await uploads.sweep()
            if !sweep.removed.isEmpty {
                logger.notice("uploads removed", metadata: ["uploads": .array(sweep.removed.map { .string($0) })])
            }
            for (id, error) in sweep.postponed.sorted(by: { $0.key < $1.key }) {
                logger.warning("upload waits", metadata: ["upload": .string(id), "reason": .string("\(error)")])
            }
            for (id, error) in sweep.refused.sorted(by: { $0.key < $1.key }) {
                logger.error(
                    "an upload's execution is refused",
                    metadata: ["upload": .string(id), "reason": .string("\(error)")])
            }
            for (id, trigger) in sweep.held.sorted(by: { $0.key < $1.key }) where held[id] != trigger {
                logger.notice(
                    "upload waits for a paused trigger", metadata: ["upload": "\(id)", "trigger": "\(trigger)"])
            }
            held = sweep.held
            return sweep.postponed.isEmpty && sweep.held.isEmpty
        } catch {
            logger.error("uploads not swept", metadata: ["reason": .string("\(error)")])
            return false
        }
    }
}
