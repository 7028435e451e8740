/// Prometheus' text exposition format, version 0.0.4.
enum PrometheusText {
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value), abs(whole) < 1 << 53 { return String(whole) }
        return "\(value)"
    }

    static func line(_ name: String, _ labels: [MetricLabel], _ value: Double) -> String {
        guard !labels.isEmpty else { return "\(name) \(number(value))\n" }
        let text = labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }.joined(separator: ",")
        return "\(name){\(text)} \(number(value))\n"
    }

    static func header(_ name: String, _ kind: MetricsRegistry.Kind, _ help: String?) -> String {
        (help.map { "# HELP \(name) \(escaped($0, quotes: false))\n" } ?? "") + "# TYPE \(name) \(kind.rawValue)\n"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

/// swift-metrics' free names as Prometheus' `[a-zA-Z_:][a-zA-Z0-9_:]*`.
enum MetricName {
    static func metric(_ label: String, suffix: String = "") -> String {
        let name = sanitized(label, allowingColons: true)
        return name.hasSuffix(suffix) ? name : name + suffix
    }

    static func label(_ name: String) -> String { sanitized(name, allowingColons: false) }

    private static func sanitized(_ text: String, allowingColons: Bool) -> String {
        var bytes = text.utf8.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                byte
            case UInt8(ascii: ":") where allowingColons: byte
            default: UInt8(ascii: "_")
            }
        }
        if bytes.first.map({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) ?? true {
            bytes.insert(UInt8(ascii: "_"), at: 0)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension MetricsRegistry {
    /// The content type to serve ``prometheusText()`` with.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// All metrics and those of the process itself, names and labels in order. Reads a few files of /proc, which do
    /// not block. Safe from any task.
    public func prometheusText() -> String {
        let (families, help, dropped) = state.withLock { ($0.families, $0.help, $0.droppedCount) }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text += PrometheusText.header(name, family.kind, help[name])
            let series = family.series.map { (labels: $0.key, lines: $0.value.samples()) }.sorted { left, right in
                left.labels.lexicographicallyPrecedes(right.labels) { ($0.name, $0.value) < ($1.name, $1.value) }
            }
            for (labels, lines) in series {
                for line in lines {
                    text += PrometheusText.line(
                        name + line.suffix, labels + (line.label.map { [$0] } ?? []), line.value)
                }
            }
        }
        text += PrometheusText.header(
            "metrics_series_dropped_total", .counter, "Series ignored because there were too many.")
        text += PrometheusText.line("metrics_series_dropped_total", [], Double(dropped))
        for metric in ProcessMetrics.read() {
            text += PrometheusText.header(metric.name, metric.kind, metric.help)
            text += PrometheusText.line(metric.name, [], metric.value)
        }
        return text
    }
}
