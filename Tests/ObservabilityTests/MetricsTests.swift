import CoreMetrics
import Observability
import Testing

@Suite("Metrics")
struct MetricsTests {
    @Test("each kind is written as Prometheus reads it")
    func kinds() {
        let registry = MetricsRegistry()
        registry.describe("tasks_started_total", "Tasks handed to workers.")
        registry.makeCounter(label: "tasks.started", dimensions: [("step", "package")]).increment(by: 2)
        let counter = registry.makeCounter(
            label: "tasks.started", dimensions: [("step", "trans\"code\\\n"), ("again", "x")])
        counter.increment(by: 1)
        registry.makeFloatingPointCounter(label: "cpu-seconds_total", dimensions: []).increment(by: 1.5)
        let meter = registry.makeMeter(label: "queue", dimensions: [])
        meter.set(Int64(7))
        meter.decrement(by: 2)
        registry.makeRecorder(label: "last.size", dimensions: [], aggregate: false).record(Int64(12))
        #expect(
            own(registry) == """
                # TYPE cpu_seconds_total counter
                cpu_seconds_total 1.5
                # TYPE last_size gauge
                last_size 12
                # TYPE queue gauge
                queue 5
                # HELP tasks_started_total Tasks handed to workers.
                # TYPE tasks_started_total counter
                tasks_started_total{again="x",step="trans\\"code\\\\\\n"} 1
                tasks_started_total{step="package"} 2

                """)
    }

    @Test("a timer is a histogram in seconds, its buckets cumulative")
    func timers() {
        let registry = MetricsRegistry()
        let timer = registry.makeTimer(label: "commit", dimensions: [("db", "a")])
        for nanoseconds: Int64 in [500_000, 1_000_000, 2_000_000_000, 9_000_000_000_000] {
            timer.recordNanoseconds(nanoseconds)
        }
        let lines = own(registry).split(separator: "\n")
        #expect(lines.first == "# TYPE commit_seconds histogram")
        for line in [
            "commit_seconds_bucket{db=\"a\",le=\"0.001\"} 2", "commit_seconds_bucket{db=\"a\",le=\"1\"} 2",
            "commit_seconds_bucket{db=\"a\",le=\"2.5\"} 3", "commit_seconds_bucket{db=\"a\",le=\"7200\"} 3",
            "commit_seconds_bucket{db=\"a\",le=\"+Inf\"} 4", "commit_seconds_count{db=\"a\"} 4",
            "commit_seconds_sum{db=\"a\"} 9002.0015",
        ] { #expect(lines.contains { $0 == line }, "\(line)") }
    }

    @Test("the same name and labels are the same metric, in any order")
    func identity() {
        let registry = MetricsRegistry()
        registry.makeCounter(label: "a", dimensions: [("x", "1"), ("y", "2")]).increment(by: 1)
        registry.makeCounter(label: "a", dimensions: [("y", "2"), ("x", "1")]).increment(by: 1)
        #expect(own(registry) == "# TYPE a_total counter\na_total{x=\"1\",y=\"2\"} 2\n")
    }

    @Test("a destroyed metric is gone")
    func destruction() {
        let registry = MetricsRegistry()
        let counter = registry.makeCounter(label: "a", dimensions: [])
        registry.destroyCounter(counter)
        #expect(own(registry) == "")
    }

    @Test("too many series are counted, not kept")
    func manySeries() {
        let registry = MetricsRegistry()
        for number in 0..<MetricsRegistry.maxSeries + 5 {
            registry.makeCounter(label: "a", dimensions: [("id", "\(number)")]).increment(by: 1)
        }
        #expect(own(registry).split(separator: "\n").count == MetricsRegistry.maxSeries + 1)
        #expect(registry.prometheusText().contains("metrics_series_dropped_total 5\n"))
    }

    @Test("counting from many tasks loses nothing")
    func concurrency() async {
        let registry = MetricsRegistry()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 { registry.makeCounter(label: "a", dimensions: []).increment(by: 1) }
                }
            }
        }
        #expect(own(registry) == "# TYPE a_total counter\na_total 8000\n")
    }

    @Test(
        "the process tells of itself",
        arguments: [
            "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
            "process_start_time_seconds", "process_max_fds", "process_threads",
        ])
    func process(_ name: String) throws {
        let lines = MetricsRegistry().prometheusText().split(separator: "\n")
        let line = try #require(lines.first { $0.hasPrefix(name + " ") })
        let value = try #require(Double(line.dropFirst(name.count + 1)))
        switch name {
        case "process_resident_memory_bytes": #expect((1e6...1e11).contains(value))
        case "process_start_time_seconds": #expect(value > 1_600_000_000)
        case "process_cpu_seconds_total": #expect((0...1e6).contains(value))
        default: #expect(value >= 1)
        }
    }

    /// Without the lines that every registry writes.
    private func own(_ registry: MetricsRegistry) -> String {
        let text = registry.prometheusText()
        guard let end = text.firstRange(of: "# HELP metrics_series_dropped_total") else { return text }
        return String(text[..<end.lowerBound])
    }
}
