import ArgumentParser
import CSV
import Glibc
import TerminalOutput

/// Ends the reading of a table after mistakes that are collected already.
private struct TableRefused: Error {}

/// A CSV file with a header, read once from front to back. Every mistake is collected with its place.
struct CSVTable {
    /// A row under the columns that were asked for.
    struct Row: ~Copyable {
        fileprivate let record: CSVParser.Record
        fileprivate let places: [Int]
        fileprivate(set) var problems: [(column: Int, reason: String)] = []

        fileprivate init(_ record: CSVParser.Record, places: [Int]) {
            self.record = record
            self.places = places
        }

        var line: Int { record.line }
        var bytes: [UInt8] { record.bytes }

        /// Where a field's bytes are; nil for a column that the file has not, or an empty field.
        func range(_ field: Int) -> Range<Int>? {
            guard places[field] >= 0 else { return nil }
            let range = record.range(places[field])
            return range.isEmpty ? nil : range
        }

        func text(_ field: Int) -> String { places[field] < 0 ? "" : record.text(places[field]) }

        mutating func refuse(_ field: Int, _ reason: String) {
            problems.append((places[field] < 0 ? 1 : record.column(places[field]), reason))
        }

        /// A name, which may not be empty.
        mutating func name(_ field: Int, _ what: String) -> Range<Int>? {
            if let range = range(field) { return range }
            refuse(field, "\(what) is empty")
            return nil
        }

        /// A finite number; nil for an empty field.
        mutating func number(_ field: Int, _ what: String) -> Double? {
            guard let range = range(field) else { return nil }
            if let quick = Self.decimal(record.bytes, range) { return quick }
            let text = text(field)
            if let value = Double(text), value.isFinite { return value }
            refuse(field, "\(what) is '\(text.prefix(40))', not a number")
            return nil
        }

        /// A whole number, `3` or `3.0`; nil for an empty field.
        mutating func integer(_ field: Int, _ what: String) -> Int64? {
            guard let value = number(field, what) else { return nil }
            if let whole = Int64(exactly: value) { return whole }
            // Times with fractions of a second.
            if abs(value) < 9e15 { return Int64(value.rounded(.down)) }
            refuse(field, "\(what) is '\(text(field).prefix(40))', not a whole number")
            return nil
        }

        /// Digits, a point and digits, exactly: what nearly all numbers are.
        private static func decimal(_ bytes: [UInt8], _ range: Range<Int>) -> Double? {
            guard range.count <= 15 else { return nil }
            var (digits, scale) = (0, 1)
            var (pointSeen, any) = (false, false)
            for index in range {
                let byte = bytes[index]
                if byte == UInt8(ascii: "."), !pointSeen {
                    pointSeen = true
                } else if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
                    digits = digits * 10 + Int(byte - UInt8(ascii: "0"))
                    if pointSeen { scale *= 10 }
                    any = true
                } else {
                    return nil
                }
            }
            return any ? Double(digits) / Double(scale) : nil
        }
    }

    /// That many mistakes are told; more would hide the first.
    static let problemLimit = 20

    /// Reads a file's rows.
    ///
    /// - Parameters:
    ///   - columns: names of columns, first those that it must have.
    ///   - required: how many of them it must have.
    ///   - progress: is told how many bytes of how many are read.
    /// - Throws: status 2 after telling every mistake with file, line and column; ``FileBytes/Unreadable``.
    static func read(
        _ path: String, columns: [String], required: Int, progress: (Int, Int) -> Void = { _, _ in },
        row receive: (inout Row) -> Void
    ) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable(path) }
        defer { close(descriptor) }
        var status = stat()
        let size = fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
        var parser = CSVParser()
        var reading = Reading(columns: columns, required: required)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        var total = 0
        do {
            while true {
                let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { throw unreadable(path) }
                if count == 0 { break }
                total += count
                try parser.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count])) { record in
                    try reading.take(copy record, receive)
                }
                progress(total, max(size, total))
            }
            try parser.finish { record in try reading.take(copy record, receive) }
        } catch let error as CSVError {
            reading.problems.append("\(error)")
        } catch is TableRefused {
            // Its reasons are among the problems.
        }
        if reading.places.isEmpty, reading.problems.isEmpty {
            reading.problems.append(
                "1:1: the file has no header: it needs \(columns[..<required].joined(separator: ","))")
        }
        guard reading.problems.isEmpty else {
            throw refused(path, reading.problems)
        }
    }

    private struct Reading {
        let columns: [String]
        let required: Int
        var places: [Int] = []
        var width = 0
        var problems: [String] = []

        init(columns: [String], required: Int) {
            self.columns = columns
            self.required = required
        }

        mutating func take(_ record: CSVParser.Record, _ receive: (inout Row) -> Void) throws(TableRefused) {
            if places.isEmpty {
                let header = (0..<record.count).map(record.text)
                width = header.count
                places = columns.map { name in header.firstIndex(of: name) ?? -1 }
                for (index, name) in columns.enumerated() {
                    if places[index] < 0, index < required {
                        problems.append("\(record.line):1: the header has no column \(name)")
                    } else if header.count(where: { $0 == name }) > 1 {
                        problems.append("\(record.line):1: the header has the column \(name) twice")
                    }
                }
                if !problems.isEmpty { throw TableRefused() }
                return
            }
            guard record.count == width else {
                try tell("\(record.line):1: the row has \(record.count) fields, the header \(width)")
                return
            }
            var row = Row(record, places: places)
            receive(&row)
            for problem in row.problems { try tell("\(record.line):\(problem.column): \(problem.reason)") }
        }

        private mutating func tell(_ problem: String) throws(TableRefused) {
            problems.append(problem)
            if problems.count >= CSVTable.problemLimit {
                problems.append(
                    "\(problem.prefix { $0 != ":" }):1: too many mistakes, the rest of the file is not read")
                throw TableRefused()
            }
        }
    }

    /// Tells mistakes, each with line and column in front: wrong use, as every malformed file is.
    static func refused(_ path: String, _ problems: [String]) -> ExitCode {
        for problem in problems { Terminal.error("\(path):\(problem)") }
        return ExitCode(2)
    }

    private static func unreadable(_ path: String) -> FileBytes.Unreadable {
        FileBytes.Unreadable(description: "\(path) can't be read: \(String(cString: strerror(errno)))")
    }
}
