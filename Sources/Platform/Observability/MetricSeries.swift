import CoreMetrics
import Synchronization

/// One label of a series.
struct MetricLabel: Hashable, Sendable {
    let name: String
    let value: String
}

/// One line, or one histogram, of a metric.
protocol MetricSeries: AnyObject, Sendable {
    /// The samples of this series: what to add to the metric's name, further labels, the value.
    func samples() -> [(suffix: String, label: MetricLabel?, value: Double)]
}

/// A single number: a counter, or a gauge.
final class AmountSeries: MetricSeries, CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler {
    // A Double counts to 2^53 without loss: 285 years at a million a second.
    private let value = Mutex(0.0)

    func increment(by amount: Int64) { increment(by: Double(amount)) }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func set(_ amount: Int64) { set(Double(amount)) }
    func set(_ amount: Double) { value.withLock { $0 = amount } }
    func record(_ amount: Int64) { set(Double(amount)) }
    func record(_ amount: Double) { set(amount) }
    func reset() { set(0.0) }

    func samples() -> [(suffix: String, label: MetricLabel?, value: Double)] {
        [("", nil, value.withLock { $0 })]
    }
}

/// A distribution in cumulative buckets.
final class HistogramSeries: MetricSeries, RecorderHandler, TimerHandler {
    private struct State {
        var counts: [UInt64]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let state: Mutex<State>

    init(bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    func record(_ amount: Int64) { record(Double(amount)) }
    func record(_ amount: Double) {
        let index = bounds.firstIndex { amount <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[index] += 1
            state.sum += amount
        }
    }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    func samples() -> [(suffix: String, label: MetricLabel?, value: Double)] {
        let state = state.withLock { $0 }
        var total: UInt64 = 0
        var lines: [(suffix: String, label: MetricLabel?, value: Double)] = []
        for (index, count) in state.counts.enumerated() {
            total += count
            let bound = index < bounds.count ? PrometheusText.number(bounds[index]) : "+Inf"
            lines.append(("_bucket", MetricLabel(name: "le", value: bound), Double(total)))
        }
        lines.append(("_sum", nil, state.sum))
        lines.append(("_count", nil, Double(total)))
        return lines
    }
}
