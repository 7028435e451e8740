import CPostgres
import Encodings
import Glibc

/// What a statement returned. Owns libpq's memory; values are decoded when asked for.
///
/// Asking for a column that is not there, or for a type the column does not have, is a mistake in our own SQL and traps
/// with the column's name.
public struct PostgresResult: Sendable, RandomAccessCollection {
    private let storage: ResultStorage

    init(_ storage: ResultStorage) { self.storage = storage }

    /// The type of a column that is given rather than received.
    public enum ColumnType: UInt32, Sendable {
        case boolean = 16
        case bigint = 20
        case text = 25
    }

    /// A result that no server sent, for whoever stands in for one. Values are in PostgreSQL's text form (`t`, `42`), nil
    /// is null. Source: libpq, `PQmakeEmptyPGresult`, `PQsetResultAttrs`, `PQsetvalue`.
    public init(columns: [(name: String, type: ColumnType)], rows: [[String?]]) {
        guard let result = PQmakeEmptyPGresult(nil, PGRES_TUPLES_OK) else { preconditionFailure("out of memory") }
        let names = columns.map { strdup($0.name) }
        defer { for name in names { free(name) } }
        var attributes = zip(columns, names).map { column, name in
            PGresAttDesc(
                name: name, tableid: 0, columnid: 0, format: 0, typid: column.type.rawValue, typlen: -1, atttypmod: -1)
        }
        var isStored = PQsetResultAttrs(result, CInt(columns.count), &attributes) == 1
        for (row, values) in rows.enumerated() {
            precondition(values.count == columns.count, "a row has \(columns.count) columns, not \(values.count)")
            for (column, value) in values.enumerated() {
                guard let value else {
                    isStored = PQsetvalue(result, CInt(row), CInt(column), nil, -1) == 1 && isStored
                    continue
                }
                var bytes = value.utf8.map { CChar(bitPattern: $0) }
                isStored = PQsetvalue(result, CInt(row), CInt(column), &bytes, CInt(bytes.count)) == 1 && isStored
            }
        }
        precondition(isStored, "out of memory")
        self.init(ResultStorage(owning: result))
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { storage.rowCount }
    public subscript(position: Int) -> PostgresRow {
        precondition(position >= 0 && position < storage.rowCount, "row \(position) of \(storage.rowCount) rows")
        return PostgresRow(storage: storage, row: Int32(position))
    }

    /// The rows in the order the server sent them. The result itself is the same collection.
    public var rows: PostgresResult { self }
    /// The names of the columns, in order.
    public var columns: [String] { storage.columns }
    /// How many rows an INSERT, UPDATE, DELETE or SELECT touched, by its own account; 0 for other statements.
    public var affected: Int { storage.affected }
    /// The server's account of the statement, such as `COMMIT` or `INSERT 0 1`.
    public var commandTag: String { storage.commandTag }
}

/// One row of a result.
public struct PostgresRow: Sendable {
    let storage: ResultStorage
    let row: Int32

    public func isNull(_ column: String) -> Bool { isNull(storage.index(of: column)) }
    public func isNull(_ column: Int) -> Bool { storage.isNull(row, storage.checked(column)) }

    /// The text of a column, whatever its type has as text form, except numbers, booleans and bytes.
    public func text(_ column: String) -> String { text(storage.index(of: column)) }
    public func text(_ column: Int) -> String { present(optionalText(column), column) }
    public func optionalText(_ column: String) -> String? { optionalText(storage.index(of: column)) }
    public func optionalText(_ column: Int) -> String? {
        storage.require(
            column, "text", not: [TypeOid.bool, TypeOid.bytea] + TypeOid.integers + TypeOid.floats)
        return storage.string(row, column)
    }

    /// A `smallint`, `integer` or `bigint`.
    public func int(_ column: String) -> Int64 { int(storage.index(of: column)) }
    public func int(_ column: Int) -> Int64 { present(optionalInt(column), column) }
    public func optionalInt(_ column: String) -> Int64? { optionalInt(storage.index(of: column)) }
    public func optionalInt(_ column: Int) -> Int64? {
        storage.require(column, "an integer", oneOf: TypeOid.integers)
        return storage.string(row, column).flatMap { Int64($0) }
    }

    /// A `real` or `double precision`.
    public func double(_ column: String) -> Double { double(storage.index(of: column)) }
    public func double(_ column: Int) -> Double { present(optionalDouble(column), column) }
    public func optionalDouble(_ column: String) -> Double? { optionalDouble(storage.index(of: column)) }
    public func optionalDouble(_ column: Int) -> Double? {
        storage.require(column, "a floating point number", oneOf: TypeOid.floats)
        return storage.string(row, column).flatMap { Double($0) }
    }

    /// A `boolean`.
    public func bool(_ column: String) -> Bool { bool(storage.index(of: column)) }
    public func bool(_ column: Int) -> Bool { present(optionalBool(column), column) }
    public func optionalBool(_ column: String) -> Bool? { optionalBool(storage.index(of: column)) }
    public func optionalBool(_ column: Int) -> Bool? {
        storage.require(column, "a boolean", oneOf: [TypeOid.bool])
        return storage.string(row, column).map { $0 == "t" }
    }

    /// A `bytea`.
    public func bytes(_ column: String) -> [UInt8] { bytes(storage.index(of: column)) }
    public func bytes(_ column: Int) -> [UInt8] { present(optionalBytes(column), column) }
    public func optionalBytes(_ column: String) -> [UInt8]? { optionalBytes(storage.index(of: column)) }
    public func optionalBytes(_ column: Int) -> [UInt8]? {
        storage.require(column, "bytes", oneOf: [TypeOid.bytea])
        return storage.hexBytes(row, column)
    }

    private func present<Value>(_ value: Value?, _ column: Int) -> Value {
        guard let value else {
            preconditionFailure("column \"\(storage.columns[column])\" is null and was asked for as if it never were")
        }
        return value
    }
}

/// Type oids of result columns (pg_type.dat).
private enum TypeOid {
    static let bool: UInt32 = 16
    static let bytea: UInt32 = 17
    static let integers: [UInt32] = [20, 21, 23, 26]
    static let floats: [UInt32] = [700, 701]
}

/// The one owner of a `PGresult`. Unchecked: a result is never written after it was received, and libpq documents reading
/// one from several threads as safe (libpq, "Behavior in Threaded Programs").
final class ResultStorage: @unchecked Sendable {
    private let result: OpaquePointer
    let rowCount: Int
    let affected: Int
    let commandTag: String
    let columns: [String]
    private let types: [UInt32]

    /// Takes the result over: it is freed when the last reader is gone.
    init(owning result: OpaquePointer) {
        self.result = result
        rowCount = Int(PQntuples(result))
        affected = PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0
        commandTag = PQcmdStatus(result).map { String(cString: $0) } ?? ""
        let indices = 0..<PQnfields(result)
        columns = indices.map { PQfname(result, $0).map { String(cString: $0) } ?? "" }
        types = indices.map { PQftype(result, $0) }
    }

    deinit { PQclear(result) }

    func index(of column: String) -> Int {
        guard let index = columns.firstIndex(of: column) else {
            preconditionFailure("no column \"\(column)\" in a result with \(columns.joined(separator: ", "))")
        }
        return index
    }

    func checked(_ column: Int) -> Int {
        precondition(columns.indices.contains(column), "no column \(column) in a result with \(columns.count)")
        return column
    }

    func require(_ column: Int, _ what: String, oneOf accepted: [UInt32] = [], not refused: [UInt32] = []) {
        let type = types[checked(column)]
        guard accepted.isEmpty ? !refused.contains(type) : accepted.contains(type) else {
            preconditionFailure("column \"\(columns[column])\" has type oid \(type) and was asked for as \(what)")
        }
    }

    func isNull(_ row: Int32, _ column: Int) -> Bool { PQgetisnull(result, row, Int32(column)) == 1 }

    func string(_ row: Int32, _ column: Int) -> String? {
        if isNull(row, column) { return nil }
        guard let start = PQgetvalue(result, row, Int32(column)) else { return nil }
        let bytes = UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(result, row, Int32(column))))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A `bytea` in the hex output form, which is the server's default since PostgreSQL 9.0 and which connections ask for.
    func hexBytes(_ row: Int32, _ column: Int) -> [UInt8]? {
        if isNull(row, column) { return nil }
        guard let start = PQgetvalue(result, row, Int32(column)) else { return nil }
        let text = UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(result, row, Int32(column))))
        precondition(text.starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "x")]), "bytea_output is not hex")
        return [UInt8](unsafeUninitializedCapacity: (text.count - 2) / 2) { bytes, count in
            var index = 2
            while index + 1 < text.count {
                let high = Hex.value(ofDigit: text[index]) ?? 0
                bytes[count] = high << 4 | (Hex.value(ofDigit: text[index + 1]) ?? 0)
                count += 1
                index += 2
            }
        }
    }
}
