import CoreMetrics
import Logging

/// Sets up logging and metrics for this process: once, first thing in `main`.
///
/// Log lines go to standard error, as text when it is a terminal and as JSON otherwise (``LogLineHandler``). The level
/// is `info`, or what `SHOWRUNNER_LOG` says. Metrics of all libraries are collected in the registry that is returned;
/// serve its ``MetricsRegistry/prometheusText()`` under `/metrics`.
///
/// - Parameter service: the process's name in every line, for example `engine` or `worker-1`.
/// - Throws: ``ObservabilityError`` when `SHOWRUNNER_LOG` is no level; nothing has been set up then.
public func bootstrapObservability(
    service: String, environment: [String: String]
) throws(ObservabilityError) -> MetricsRegistry {
    let level = try logLevel(from: environment)
    let output = LogOutput.standardError
    let format: LogLineHandler.Format = output.isTerminal ? .text : .json
    LoggingSystem.bootstrap(
        { label, provider in
            var handler = LogLineHandler(
                label: label, service: service, level: level, format: format, output: output)
            handler.metadataProvider = provider
            return handler
        }, metadataProvider: nil)
    let registry = MetricsRegistry()
    MetricsSystem.bootstrap(registry)
    return registry
}

/// The level that `SHOWRUNNER_LOG` names (`trace`, `debug`, `info`, `notice`, `warning`, `error` or `critical`);
/// `info` when it is unset or empty.
public func logLevel(from environment: [String: String]) throws(ObservabilityError) -> Logger.Level {
    guard let text = environment["SHOWRUNNER_LOG"], !text.isEmpty else { return .info }
    guard let level = Logger.Level(rawValue: text.lowercased()) else {
        let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
        throw ObservabilityError(
            code: .logLevel, message: "SHOWRUNNER_LOG is '\(text)'; it has to be one of \(levels).")
    }
    return level
}

/// What setting up observability can fail with.
public struct ObservabilityError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of failure.
    public enum Code: Sendable, Hashable {
        /// `SHOWRUNNER_LOG` names no level.
        case logLevel
    }

    public let code: Code
    /// One sentence with the values in it.
    public let message: String

    public var description: String { message }
}
