import Encodings
public import JSON

extension History {
    /// A history as a table for people: the time since an instant, what happened, in which state, and with what. Payloads
    /// are cut.
    public static func table(of events: [Event], from start: Instant) -> [[String]] {
        var rows = [["TIME", "EVENT", "STATE", "DETAIL"]]
        // Events within a state do not name it: they follow one that does.
        var states: [Int: String] = [:]
        for event in events {
            let details = event.details?.value
            var state = details?["name"]?.stringValue ?? states[event.previousID] ?? ""
            if event.type.hasPrefix("Execution") { state = "" }
            states[event.id] = state
            if let index = details?["index"]?.integerValue { state += "[\(index)]" }
            rows.append([
                SimulationReport.duration(Double(event.at - start) / 1_000_000), event.type, state, detail(details),
            ])
        }
        return rows
    }

    private static func detail(_ details: JSON?) -> String {
        guard let details else { return "" }
        let resource = details["resource"]?.stringValue.map { action in
            details["resourceType"]?.stringValue.map { "\($0):\(action)" } ?? action
        }
        var words: [String] = []
        if let error = details["error"]?.stringValue {
            words.append(details["cause"]?.stringValue.map { "\(error): \($0)" } ?? error)
        } else if let payload = details["output"] ?? details["parameters"] ?? details["input"] {
            if details["output"] == nil, let resource { words.append(resource) }
            words.append(payload.stringValue ?? payload.text)
        } else if let length = details["length"]?.integerValue {
            words.append(counted(length, "item"))
        } else if let arn = details["mapRunArn"]?.stringValue {
            words.append(arn)
        }
        let text = words.joined(separator: " ")
        let limit = 100
        return text.count <= limit ? text : text.prefix(limit - 1) + "…"
    }
}

extension History.Event {
    /// An event as GetExecutionHistory tells it; nil for what is none.
    public init?(wire event: JSON) {
        guard let id = event["id"]?.integerValue, let type = event["type"]?.stringValue,
            let timestamp = event["timestamp"]?.doubleValue, timestamp.magnitude < 1e12
        else { return nil }
        let details = event.objectValue?.first { $0.key.hasSuffix("EventDetails") }
        self.init(
            id: id, previousID: event["previousEventId"]?.integerValue ?? 0, type: type,
            at: Instant((timestamp * 1_000_000).rounded()), details: details.map { ($0.key, $0.value) })
    }
}
