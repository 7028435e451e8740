public import HTTPServer
public import Logging
public import Observability
import ServiceLifecycle
public import Worker

extension WorkerOptions {
    /// Runs a worker, with its health checks and metrics on a loopback port, until it is told to stop.
    ///
    /// - Parameter readiness: asked for what `/readyz` tells beside the engine's answering.
    /// - Throws: a port or a port file that cannot be used.
    public func serve(
        _ worker: Worker, metrics: MetricsRegistry, logger: Logger,
        readiness: @escaping @Sendable () async -> [Readiness.Check] = { [] }
    ) async throws {
        let router = ServiceRouter()
        router.addHealthRoutes(
            readiness: {
                let engine = Readiness.Check("engine", trouble: worker.status.engineTrouble)
                return Readiness([engine] + (await readiness()))
            }, metricsText: { metrics.prometheusText() })
        let (listening, announcement) = AsyncStream.makeStream(of: Int.self)
        let health = HTTPService(
            router: router, configuration: .init(port: port), logger: logger,
            onListening: { port in
                logger.notice("listening", metadata: ["url": "http://127.0.0.1:\(port)"])
                announcement.yield(port)
                announcement.finish()
            })
        let portFile = portFile.map { PortFile(path: $0) }
        // The worker ends by itself after its grace period and the goodbyes; the rest is for a machine that is slow.
        try await HTTPService.run(
            [health, AnnouncedWorker(worker: worker, listening: listening, portFile: portFile)],
            gracePeriod: .seconds(drainSeconds + 10), logger: logger)
    }
}

/// A worker that begins once its health checks answer, so that the first thing the engine hears of it tells where.
private struct AnnouncedWorker: Service {
    let worker: Worker
    let listening: AsyncStream<Int>
    let portFile: PortFile?

    func run() async throws {
        guard let port = await cancelWhenGracefulShutdown({ await listening.first { _ in true } }) else { return }
        worker.announce(address: "http://127.0.0.1:\(port)")
        try portFile?.write(port)
        do {
            try await worker.run()
        } catch {
            try portFile?.remove()
            throw error
        }
        try portFile?.remove()
    }
}
