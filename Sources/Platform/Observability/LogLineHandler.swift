import Glibc
import JSON
import Logging
import OrderedCollections

/// swift-log's back end for every process here: one line an event.
///
/// For machines, a JSON object: `time` (RFC 3339, UTC, milliseconds), `level`, `service`, `pid`, `label`, `message`,
/// then `error` and `metadata` where there are any. For people, the same as text.
public struct LogLineHandler: LogHandler {
    /// How a line looks.
    public enum Format: Sendable, Hashable {
        case json
        case text
    }

    /// A longer message or value is cut, so that one event cannot fill the disk.
    static let maxTextBytes = 16 << 10

    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let service: String
    private let format: Format
    private let output: LogOutput

    /// - Parameters:
    ///   - label: the part of the program that speaks.
    ///   - service: the process's name, for example `engine` or `worker-1`.
    public init(label: String, service: String, level: Logger.Level, format: Format, output: LogOutput) {
        self.label = label
        self.service = service
        logLevel = level
        self.format = format
        self.output = output
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var all = metadataProvider?.get() ?? [:]
        all.merge(metadata) { $1 }
        all.merge(event.metadata ?? [:]) { $1 }
        let time = LogTime.now()
        switch format {
        case .json: output.write(line: json(event, all, time))
        case .text: output.write(line: text(event, all, time))
        }
    }

    private func json(_ event: LogEvent, _ metadata: Logger.Metadata, _ time: LogTime) -> String {
        var members: OrderedDictionary<String, JSON> = [
            "time": .string(time.dateAndTime), "level": .string(event.level.rawValue), "service": .string(service),
            "pid": .integer(Int64(getpid())), "label": .string(label),
            "message": .string(Self.bounded(event.message.description)),
        ]
        if let error = event.error { members["error"] = .string(Self.bounded("\(error)")) }
        if !metadata.isEmpty {
            members["metadata"] = .object(
                OrderedDictionary(
                    uniqueKeysWithValues: metadata.sorted { $0.key < $1.key }.map { ($0.key, Self.json($0.value)) }))
        }
        return JSON.object(members).text
    }

    private static func json(_ value: Logger.Metadata.Value) -> JSON {
        switch value {
        case .string(let text): .string(bounded(text))
        case .stringConvertible(let value): .string(bounded(value.description))
        case .array(let values): .array(values.map(json))
        case .dictionary(let members):
            .object(
                OrderedDictionary(
                    uniqueKeysWithValues: members.sorted { $0.key < $1.key }.map { ($0.key, json($0.value)) }))
        }
    }

    private func text(_ event: LogEvent, _ metadata: Logger.Metadata, _ time: LogTime) -> String {
        let level = event.level.rawValue + String(repeating: " ", count: max(0, 8 - event.level.rawValue.count))
        var line = "\(time.timeOfDay) \(level) \(service)/\(label): \(Self.printable(event.message.description))"
        if let error = event.error { line += " error=\(Self.quoted("\(error)"))" }
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line += " \(Self.printable(key))=\(Self.quoted("\(value)"))"
        }
        return line
    }

    private static func quoted(_ text: String) -> String {
        text.isEmpty || text.contains(" ") ? "\"\(printable(text))\"" : printable(text)
    }

    /// Values come from outside; a terminal must not obey them.
    private static func printable(_ text: String) -> String {
        var result = ""
        for scalar in bounded(text).unicodeScalars {
            switch scalar.value {
            case 0x0A: result += "\\n"
            case 0x09: result += "\t"
            case 0..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func bounded(_ text: String) -> String {
        guard text.utf8.count > maxTextBytes else { return text }
        return String(decoding: text.utf8.prefix(maxTextBytes), as: UTF8.self) + "... (\(text.utf8.count) bytes)"
    }
}

/// The wall clock for log lines.
struct LogTime {
    private let parts: tm
    private let milliseconds: Int

    static func now() -> LogTime {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return LogTime(seconds: now.tv_sec, nanoseconds: now.tv_nsec)
    }

    init(seconds: Int, nanoseconds: Int) {
        var parts = tm()
        var seconds = time_t(seconds)
        gmtime_r(&seconds, &parts)
        self.parts = parts
        milliseconds = nanoseconds / 1_000_000
    }

    /// `21:31:45.123`, UTC.
    var timeOfDay: String {
        "\(digits(parts.tm_hour)):\(digits(parts.tm_min)):\(digits(parts.tm_sec)).\(digits(milliseconds, 3))"
    }

    /// `2026-11-22T21:31:45.123Z`.
    var dateAndTime: String {
        "\(digits(parts.tm_year + 1900, 4))-\(digits(parts.tm_mon + 1))-\(digits(parts.tm_mday))T\(timeOfDay)Z"
    }

    private func digits(_ value: some BinaryInteger, _ count: Int = 2) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }
}
