import CSV
import JSON
import OrderedCollections

/// Comma-separated values as an ItemReader takes them: every row an object of texts, named by the header. Cells that a row
/// lacks are empty; those beyond the header are dropped; lines without a character are no rows.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
enum CommaSeparatedItems {
    /// The rows as objects.
    ///
    /// - Parameters:
    ///   - delimiter: one ASCII character.
    ///   - headers: the cells' names; nil: the first row has them.
    ///   - limit: the most rows to take; what follows them is not looked at.
    static func items(
        _ bytes: [UInt8], delimiter: UInt8, headers: [String]?, limit: Int
    ) throws(ItemReadFailure) -> [JSON] {
        guard limit > 0 else { return [] }
        var names = headers
        var items: [JSON] = []
        // A row is as long as the document at most, which has a limit of its own.
        var parser = CSVParser(
            CSVFormat(delimiter: delimiter, isLenient: true), recordLimit: bytes.count, fieldLimit: bytes.count + 1)
        func take(_ record: borrowing CSVParser.Record) throws {
            var cells: [String] = []
            for field in 0..<record.count { cells.append(try text(record, field)) }
            guard let names else {
                names = cells
                return
            }
            var members = OrderedDictionary<String, JSON>(minimumCapacity: names.count)
            for (index, name) in names.enumerated() {
                members[name] = .string(index < cells.count ? cells[index] : "")
            }
            items.append(.object(members))
            if items.count == limit { throw Enough() }
        }
        do {
            try bytes.withUnsafeBytes { try parser.feed($0, take) }
            try parser.finish(take)
        } catch let failure as ItemReadFailure {
            throw failure
        } catch let error as CSVError {
            // A quote that is never closed, and nothing else: the limits are those of the document.
            throw ItemReadFailure("the quoted cell that begins in line \(error.line) does not end")
        } catch {
            precondition(error is Enough, "a parser throws its own errors and those of its receiver")
        }
        return items
    }

    private static func text(_ record: borrowing CSVParser.Record, _ field: Int) throws(ItemReadFailure) -> String {
        guard let text = String(validating: record.bytes[record.range(field)], as: UTF8.self) else {
            throw ItemReadFailure("line \(record.line) is not UTF-8")
        }
        return text
    }

    /// All rows that are wanted are there.
    private struct Enough: Error {}
}

/// Why items could not be read; the cause of `States.ItemReaderFailed`.
struct ItemReadFailure: Error, Hashable {
    let cause: String

    init(_ cause: String) { self.cause = cause }
}
