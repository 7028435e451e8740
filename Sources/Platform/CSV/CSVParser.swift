/// Why text is no CSV.
public struct CSVError: Error, Sendable, Hashable, CustomStringConvertible {
    /// From 1.
    public let line: Int
    /// In bytes, from 1.
    public let column: Int
    public let reason: String

    public var description: String { "\(line):\(column): \(reason)" }
}

/// Reads CSV (RFC 4180) as it comes: fields between commas, records by LF or CRLF, quotes doubled within quotes. Empty
/// lines are skipped, and a byte order mark in front. Bytes stay bytes: a field is whatever UTF-8 it is.
///
/// Memory: one record.
public struct CSVParser {
    /// A record: its fields, and where they stand.
    public struct Record {
        /// All fields, one after another.
        public fileprivate(set) var bytes: [UInt8] = []
        fileprivate var ends: [Int] = []
        fileprivate var columns: [Int] = []
        /// The line that it starts in, from 1.
        public fileprivate(set) var line = 1

        public var count: Int { ends.count }

        /// Where a field's bytes are in ``bytes``.
        public func range(_ field: Int) -> Range<Int> { (field == 0 ? 0 : ends[field - 1])..<ends[field] }

        /// The column in which a field starts, in bytes from 1.
        public func column(_ field: Int) -> Int { columns[field] }

        /// A field as text; what is no UTF-8 is replaced.
        public func text(_ field: Int) -> String { String(decoding: bytes[range(field)], as: UTF8.self) }
    }

    private enum State { case fieldStart, plain, quoted, afterQuote, afterReturn }

    private var state = State.fieldStart
    private var record = Record()
    private var line = 1
    private var column = 0
    private var quoteAt = (line: 1, column: 1)
    private let limit: Int

    /// No record has more fields.
    public static let fieldLimit = 4096

    /// - Parameter recordLimit: bytes of a record at most.
    public init(recordLimit: Int = 1 << 20) { limit = recordLimit }

    /// Takes more of the text and hands on each record that is complete. Throws ``CSVError``, and what the receiver throws.
    public mutating func feed(
        _ bytes: UnsafeRawBufferPointer, _ receive: (borrowing Record) throws -> Void
    ) throws {
        for byte in bytes {
            column += 1
            switch state {
            case .fieldStart:
                if byte == UInt8(ascii: "\""), record.columns.count == record.ends.count {
                    record.columns.append(column)
                    quoteAt = (line, column)
                    state = .quoted
                } else {
                    record.columns.append(column)
                    state = .plain
                    try plain(byte, receive)
                }
            case .plain: try plain(byte, receive)
            case .quoted:
                if byte == UInt8(ascii: "\"") {
                    state = .afterQuote
                } else {
                    try append(byte)
                    if byte == UInt8(ascii: "\n") { newLine() }
                }
            case .afterQuote:
                switch byte {
                case UInt8(ascii: "\""):
                    try append(byte)
                    state = .quoted
                case UInt8(ascii: ","), UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                    state = .plain
                    try plain(byte, receive)
                default: throw error("something follows the closing quote")
                }
            case .afterReturn:
                guard byte == UInt8(ascii: "\n") else { throw error("a carriage return without a line feed") }
                state = .plain
                try plain(byte, receive)
            }
        }
    }

    /// Ends the text: the last record may lack its line feed.
    public mutating func finish(
        _ receive: (borrowing Record) throws -> Void
    ) throws {
        if state == .quoted {
            throw CSVError(line: quoteAt.line, column: quoteAt.column, reason: "the quote is never closed")
        }
        if state == .fieldStart, record.ends.isEmpty { return }
        if state == .fieldStart { record.columns.append(column + 1) }
        try endRecord(receive)
    }

    private mutating func plain(
        _ byte: UInt8, _ receive: (borrowing Record) throws -> Void
    ) throws {
        switch byte {
        case UInt8(ascii: ","):
            guard record.ends.count < Self.fieldLimit else {
                throw error("the record has more than \(Self.fieldLimit) fields")
            }
            record.ends.append(record.bytes.count)
            state = .fieldStart
        case UInt8(ascii: "\n"):
            try endRecord(receive)
            newLine()
        case UInt8(ascii: "\r"): state = .afterReturn
        case UInt8(ascii: "\""): throw error("a quote within a field that is not quoted")
        default:
            try append(byte)
            if line == 1, record.bytes.count == 3, record.ends.isEmpty, record.bytes == [0xEF, 0xBB, 0xBF] {
                // A byte order mark is no part of the text.
                record.bytes.removeAll()
                record.columns.removeAll()
                state = .fieldStart
            }
        }
    }

    private mutating func endRecord(
        _ receive: (borrowing Record) throws -> Void
    ) throws {
        record.ends.append(record.bytes.count)
        // One empty field is an empty line.
        if record.ends.count > 1 || !record.bytes.isEmpty {
            try receive(record)
        }
        record.bytes.removeAll(keepingCapacity: true)
        record.ends.removeAll(keepingCapacity: true)
        record.columns.removeAll(keepingCapacity: true)
        record.line = line
        state = .fieldStart
    }

    private mutating func newLine() {
        line += 1
        column = 0
        if record.ends.isEmpty, record.bytes.isEmpty, state == .fieldStart { record.line = line }
    }

    private mutating func append(_ byte: UInt8) throws {
        guard record.bytes.count < limit else { throw error("the record has more than \(limit) bytes") }
        record.bytes.append(byte)
    }

    private func error(_ reason: String) -> CSVError { CSVError(line: line, column: column, reason: reason) }
}

/// Text as a field of CSV: in quotes where it needs them.
public enum CSV {
    public static func append(_ field: String, to text: inout [UInt8]) {
        let needsQuotes = field.utf8.contains {
            $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r")
        }
        guard needsQuotes else {
            text += field.utf8
            return
        }
        text.append(UInt8(ascii: "\""))
        for byte in field.utf8 {
            if byte == UInt8(ascii: "\"") { text.append(byte) }
            text.append(byte)
        }
        text.append(UInt8(ascii: "\""))
    }
}
