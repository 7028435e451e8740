import JSON
import OrderedCollections

/// Comma-separated values (RFC 4180) as an ItemReader takes them: every row an object of texts, named by the header. Cells
/// that a row lacks are empty; those beyond the header are dropped; lines without a character are no rows.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
struct CommaSeparatedItems {
    private let bytes: [UInt8]
    private let delimiter: UInt8
    private var offset = 0
    private var line = 1

    /// - Parameter delimiter: one ASCII character.
    init(_ bytes: [UInt8], delimiter: UInt8) {
        self.bytes = bytes
        self.delimiter = delimiter
        // A byte order mark is no part of the first cell.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
    }

    /// The rows as objects.
    ///
    /// - Parameters:
    ///   - headers: the cells' names; nil: the first row has them.
    ///   - limit: the most rows to take.
    mutating func items(headers: [String]?, limit: Int) throws(ItemReadFailure) -> [JSON] {
        let given: [String]?
        if let headers { given = headers } else { given = try row() }
        guard let names = given else { return [] }
        var items: [JSON] = []
        while items.count < limit, let cells = try row() {
            var members = OrderedDictionary<String, JSON>(minimumCapacity: names.count)
            for (index, name) in names.enumerated() {
                members[name] = .string(index < cells.count ? cells[index] : "")
            }
            items.append(.object(members))
        }
        return items
    }

    /// The next row's cells; nil at the end.
    private mutating func row() throws(ItemReadFailure) -> [String]? {
        while offset < bytes.count, isLineBreak(bytes[offset]) { endLine() }
        guard offset < bytes.count else { return nil }
        var cells: [String] = []
        while true {
            cells.append(try cell())
            guard offset < bytes.count, bytes[offset] == delimiter else { break }
            offset += 1
        }
        if offset < bytes.count { endLine() }
        return cells
    }

    private mutating func cell() throws(ItemReadFailure) -> String {
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else {
            let start = offset
            while offset < bytes.count, bytes[offset] != delimiter, !isLineBreak(bytes[offset]) { offset += 1 }
            return try text(bytes[start..<offset])
        }
        offset += 1
        let begin = line
        var content: [UInt8] = []
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == UInt8(ascii: "\"") {
                guard offset + 1 < bytes.count, bytes[offset + 1] == byte else {
                    offset += 1
                    // What stands between the quote and the delimiter belongs to the cell, as most readers have it.
                    let start = offset
                    while offset < bytes.count, bytes[offset] != delimiter, !isLineBreak(bytes[offset]) { offset += 1 }
                    return try text(content[...]) + text(bytes[start..<offset])
                }
                offset += 1
            } else if byte == UInt8(ascii: "\n") {
                line += 1
            }
            content.append(byte)
            offset += 1
        }
        throw ItemReadFailure("the quoted cell that begins in line \(begin) does not end")
    }

    private func text(_ bytes: ArraySlice<UInt8>) throws(ItemReadFailure) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ItemReadFailure("line \(line) is not UTF-8")
        }
        return text
    }

    private func isLineBreak(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") }

    private mutating func endLine() {
        if bytes[offset] == UInt8(ascii: "\r"), offset + 1 < bytes.count, bytes[offset + 1] == UInt8(ascii: "\n") {
            offset += 1
        }
        offset += 1
        line += 1
    }
}

/// Why items could not be read; the cause of `States.ItemReaderFailed`.
struct ItemReadFailure: Error, Hashable {
    let cause: String

    init(_ cause: String) { self.cause = cause }
}
