/// Why text is no CSV.
public struct CSVError: Error, Sendable, Hashable, CustomStringConvertible {
    /// From 1.
    public let line: Int
    /// In bytes, from 1.
    public let column: Int
    public let reason: String

    public var description: String { "\(line):\(column): \(reason)" }
}

/// How a text is written beyond what RFC 4180 says.
public struct CSVFormat: Sendable, Hashable {
    /// What stands between fields: one ASCII character, no quote and no line break.
    public let delimiter: UInt8
    /// Whether what RFC 4180 has no meaning for is taken as most readers take it: a quote within a field that does not begin
    /// with one is text, what follows a closing quote belongs to the field, and a carriage return alone ends the record. What
    /// is not lenient calls these mistakes.
    public let isLenient: Bool

    public init(delimiter: UInt8 = UInt8(ascii: ","), isLenient: Bool = false) {
        self.delimiter = delimiter
        self.isLenient = isLenient
    }
}

/// Reads CSV (RFC 4180) as it comes: fields between delimiters, records by LF or CRLF, quotes doubled within quotes. Lines
/// without a character are skipped, and a byte order mark in front. Bytes stay bytes: a field is whatever UTF-8 it is.
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
    /// Whether a field of the record is quoted: even an empty one then is more than an empty line.
    private var hasQuotes = false
    private let format: CSVFormat
    private let recordLimit: Int
    private let fieldLimit: Int

    /// - Parameters:
    ///   - recordLimit: bytes of a record at most.
    ///   - fieldLimit: fields of a record at most.
    public init(_ format: CSVFormat = CSVFormat(), recordLimit: Int = 1 << 20, fieldLimit: Int = 4096) {
        self.format = format
        self.recordLimit = recordLimit
        self.fieldLimit = fieldLimit
    }

    /// Takes more of the text and hands on each record that is complete. Throws ``CSVError``, and what the receiver throws.
    public mutating func feed(
        _ bytes: UnsafeRawBufferPointer, _ receive: (borrowing Record) throws -> Void
    ) throws {
        for byte in bytes {
            column += 1
            switch state {
            case .fieldStart: try begin(byte, receive)
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
                default:
                    let isOutside =
                        byte == format.delimiter || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
                    guard isOutside || format.isLenient else { throw error("something follows the closing quote") }
                    state = .plain
                    try plain(byte, receive)
                }
            case .afterReturn: try afterReturn(byte, receive)
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

    /// Where a field begins.
    private mutating func begin(
        _ byte: UInt8, _ receive: (borrowing Record) throws -> Void
    ) throws {
        if byte == UInt8(ascii: "\""), record.columns.count == record.ends.count {
            record.columns.append(column)
            quoteAt = (line, column)
            hasQuotes = true
            state = .quoted
        } else {
            record.columns.append(column)
            state = .plain
            try plain(byte, receive)
        }
    }

    private mutating func afterReturn(
        _ byte: UInt8, _ receive: (borrowing Record) throws -> Void
    ) throws {
        if byte == UInt8(ascii: "\n") {
            state = .plain
            return try plain(byte, receive)
        }
        guard format.isLenient else { throw error("a carriage return without a line feed") }
        try endRecord(receive)
        newLine()
        column = 1
        try begin(byte, receive)
    }

    private mutating func plain(
        _ byte: UInt8, _ receive: (borrowing Record) throws -> Void
    ) throws {
        switch byte {
        case format.delimiter:
            guard record.ends.count < fieldLimit else { throw error("the record has more than \(fieldLimit) fields") }
            record.ends.append(record.bytes.count)
            state = .fieldStart
        case UInt8(ascii: "\n"):
            try endRecord(receive)
            newLine()
        case UInt8(ascii: "\r"): state = .afterReturn
        case UInt8(ascii: "\"") where !format.isLenient: throw error("a quote within a field that is not quoted")
        default:
            try append(byte)
            if line == 1, column == 3, record.bytes.count == 3, record.ends.isEmpty, record.bytes == [0xEF, 0xBB, 0xBF]
            {
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
        // One empty field is an empty line, unless it is quoted.
        if record.ends.count > 1 || !record.bytes.isEmpty || hasQuotes { try receive(record) }
        hasQuotes = false
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
        guard record.bytes.count < recordLimit else { throw error("the record has more than \(recordLimit) bytes") }
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
