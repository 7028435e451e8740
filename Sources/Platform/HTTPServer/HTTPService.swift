import Glibc
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
public import ServiceLifecycle
public import UnixSignals

/// Why a server could not be run.
public enum HTTPServiceError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Another process listens there.
    case addressInUse(host: String, port: Int)
    /// The address is not one of this machine, may not be used by us, or cannot be resolved.
    case cannotListen(host: String, port: Int, reason: String)

    public var description: String {
        switch self {
        case .addressInUse(let host, let port):
            "port \(port) on \(host) is taken by another process: choose another port or stop that process"
        case .cannotListen(let host, let port, let reason):
            "cannot listen on \(host), port \(port): \(reason)"
        }
    }
}

/// Serves the routes of a ``ServiceRouter`` over HTTP/1.1 until it is told to stop.
///
/// Stopping takes no new connections, closes idle ones, and waits for requests under way. How long it may wait is up
/// to whoever runs the service; see ``run(_:gracePeriod:signals:logger:)``.
public struct HTTPService: Service {
    public struct Configuration: Sendable {
        /// Address to listen on.
        public var host: String
        /// 0 takes a free port.
        public var port: Int
        /// More connections than this wait in the kernel's queue.
        public var maximumConnections: Int
        /// A connection on which no complete request arrives for so long is closed.
        public var idleTimeout: Duration

        public init(
            host: String = "127.0.0.1", port: Int, maximumConnections: Int = 1024,
            idleTimeout: Duration = .seconds(75)
        ) {
            self.host = host
            self.port = port
            self.maximumConnections = maximumConnections
            self.idleTimeout = idleTimeout
        }
    }

    private let responder: ServiceResponder
    private let configuration: Configuration
    private let logger: Logger
    private let onListening: @Sendable (Int) async -> Void

    /// - Parameter onListening: is called with the port once connections are accepted.
    public init(
        router: ServiceRouter, configuration: Configuration, logger: Logger,
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        responder = router.buildResponder()
        self.configuration = configuration
        self.logger = logger
        self.onListening = onListening
    }

    /// - Throws: ``HTTPServiceError``.
    public func run() async throws {
        let host = configuration.host
        let port = configuration.port
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .notice)
        let application = Application(
            responder: responder,
            server: .http1(
                configuration: .init(
                    idleTimeout: .nanoseconds(Int64(configuration.idleTimeout / .nanoseconds(1))),
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: 80 << 10, maxHeaderListSize: 96 << 10, maxHeaderFieldCount: 200))),
            configuration: .init(
                address: .hostname(host, port: port),
                availableConnectionsDelegate: MaximumAvailableConnections(configuration.maximumConnections)),
            onServerRunning: { [onListening] channel in await onListening(channel.localAddress?.port ?? port) },
            logger: quiet)
        do {
            try await application.run()
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw HTTPServiceError.addressInUse(host: host, port: port)
        } catch let error as IOError {
            throw HTTPServiceError.cannotListen(host: host, port: port, reason: "\(error)")
        } catch let error as SocketAddressError {
            throw HTTPServiceError.cannotListen(host: host, port: port, reason: "\(error)")
        }
    }

    /// Runs services until one fails or a signal arrives, then stops them in reverse order.
    ///
    /// - Parameter gracePeriod: how long requests under way may take after the signal; what is left then is cut off.
    public static func run(
        _ services: [any Service], gracePeriod: Duration = .seconds(10),
        signals: [UnixSignal] = [.sigterm, .sigint], logger: Logger
    ) async throws {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .notice)
        var configuration = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: signals, logger: quiet)
        configuration.maximumGracefulShutdownDuration = gracePeriod
        try await ServiceGroup(configuration: configuration).run()
    }
}
