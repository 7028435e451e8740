import CoreMetrics
import Synchronization

/// swift-metrics' back end: keeps all metrics of the process in memory and writes them in Prometheus' text format.
///
/// Names follow Prometheus: `.` and `-` become `_`; counters end in `_total`; timers are histograms in seconds and end
/// in `_seconds`; recorders are histograms when they aggregate, and gauges when not. One name has one kind; a second
/// kind under it is a mistake in the program and traps.
public final class MetricsRegistry: MetricsFactory {
    /// Series beyond this are counted in `metrics_series_dropped_total` and otherwise ignored: a label that takes
    /// values from outside must not eat the memory.
    public static let maxSeries = 10_000

    /// Upper bounds in seconds for timers: 1 ms to 2 h, from requests to encodes.
    public static let durationBuckets: [Double] = [
        0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200,
    ]
    /// Upper bounds for recorders: decades.
    public static let amountBuckets: [Double] = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10]

    enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    struct Family {
        var kind: Kind
        var series: [[MetricLabel]: any MetricSeries] = [:]
    }

    struct State {
        var families: [String: Family] = [:]
        var help: [String: String] = [:]
        var seriesCount = 0
        var droppedCount = 0
    }

    let state = Mutex(State())

    public init() {}

    /// The sentence that stands above a metric (`# HELP`); `name` as it is written, for example
    /// `tasks_started_total`.
    public func describe(_ name: String, _ help: String) {
        state.withLock { $0.help[name] = help }
    }

    private func series<Series: MetricSeries>(
        _ name: String, _ kind: Kind, _ dimensions: [(String, String)], _ make: () -> Series
    ) -> Series {
        let labels = dimensions.map { MetricLabel(name: MetricName.label($0.0), value: $0.1) }
            .sorted { $0.name < $1.name }
        return state.withLock { state in
            var family = state.families[name] ?? Family(kind: kind)
            precondition(
                family.kind == kind, "The metric \(name) is a \(family.kind.rawValue) and a \(kind.rawValue).")
            if let existing = family.series[labels] {
                guard let existing = existing as? Series else {
                    preconditionFailure("The metric \(name) has two kinds of handler.")
                }
                return existing
            }
            let new = make()
            guard state.seriesCount < Self.maxSeries else {
                state.droppedCount += 1
                return new
            }
            state.seriesCount += 1
            family.series[labels] = new
            state.families[name] = family
            return new
        }
    }

    private func remove(_ handler: AnyObject) {
        state.withLock { state in
            for (name, family) in state.families {
                guard let labels = family.series.first(where: { $0.value === handler })?.key else { continue }
                state.families[name]?.series.removeValue(forKey: labels)
                state.seriesCount -= 1
                if family.series.count == 1 { state.families.removeValue(forKey: name) }
                return
            }
        }
    }
}

extension MetricsRegistry {
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(MetricName.metric(label, suffix: "_total"), .counter, dimensions) { AmountSeries() }
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(MetricName.metric(label, suffix: "_total"), .counter, dimensions) { AmountSeries() }
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(MetricName.metric(label), .gauge, dimensions) { AmountSeries() }
    }

    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        let name = MetricName.metric(label)
        if aggregate { return series(name, .histogram, dimensions) { HistogramSeries(bounds: Self.amountBuckets) } }
        return series(name, .gauge, dimensions) { AmountSeries() }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(MetricName.metric(label, suffix: "_seconds"), .histogram, dimensions) {
            HistogramSeries(bounds: Self.durationBuckets)
        }
    }

    public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
    public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }
}
