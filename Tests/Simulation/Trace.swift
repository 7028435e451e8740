import Logging

/// What happened in one scenario, line by line. Unchecked: all happens on the scheduler's thread.
final class Trace: @unchecked Sendable {
    let isPrinted: Bool
    /// FNV-1a of all lines: two runs of a seed are told apart by it.
    private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    private(set) var lines = 0
    /// How often what happened.
    private(set) var counts: [String: Int] = [:]

    init(isPrinted: Bool) { self.isPrinted = isPrinted }

    func note(_ text: String) {
        lines += 1
        let line = "\(Scheduler.shared.now) \(text)"
        for byte in line.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        if isPrinted { print(line) }
    }

    func count(_ what: String, times: Int = 1) { counts[what, default: 0] += times }
}

/// The engine's log, as lines of the trace.
struct TraceLog: LogHandler {
    let trace: Trace
    let process: String
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let values = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        trace.note("\(process) \(event.level) \(event.message) \(values.joined(separator: " "))")
    }
}
