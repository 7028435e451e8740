import Metrics

/// Counts what was refused because a limit was reached: `requests_refused_total`, by limit.
public enum Refusals {
    /// - Parameter limit: which one, of few: each name is a series.
    public static func count(limit: String) {
        Counter(label: "requests_refused_total", dimensions: [("limit", limit)]).increment()
    }
}
