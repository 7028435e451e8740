import CSV
import Testing

@Suite struct CSVParserTests {
    /// All records, fed in pieces of a size.
    private func parse(_ bytes: [UInt8], pieces: Int, _ format: CSVFormat = CSVFormat()) throws -> [[String]] {
        var records: [[String]] = []
        var parser = CSVParser(format, recordLimit: 64)
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            try bytes[start..<min(start + pieces, bytes.count)].withUnsafeBytes { piece in
                try parser.feed(piece) { record in records.append((0..<record.count).map { record.text($0) }) }
            }
        }
        try parser.finish { record in records.append((0..<record.count).map { record.text($0) }) }
        return records
    }

    @Test(arguments: [
        ("", []), ("\n\r\n\n", []), ("a,b\nc,d", [["a", "b"], ["c", "d"]]),
        ("a,b\r\nc,d\r\n", [["a", "b"], ["c", "d"]]),
        ("a,\n,\n", [["a", ""], ["", ""]]), ("\"a,b\",\"c\"\"d\"\n", [["a,b", "c\"d"]]),
        ("\"two\nlines\",x\n", [["two\nlines", "x"]]), ("\u{FEFF}a,b\n", [["a", "b"]]),
        ("\u{FEFF}\"a\",b\n", [["a", "b"]]), ("\u{FF21},b\n", [["\u{FF21}", "b"]]), ("é,日本\n", [["é", "日本"]]),
        ("a,b,", [["a", "b", ""]]), ("\"\",\"\"", [["", ""]]), ("a\n\"\"\n\nb\n", [["a"], [""], ["b"]]),
    ])
    func texts(_ text: String, _ records: [[String]]) throws {
        for pieces in [1, 2, 3, 100] { #expect(try parse(Array(text.utf8), pieces: pieces) == records, "in \(pieces)") }
    }

    @Test(arguments: [
        ("a,b\n\"x\ny\"z,\n", "3:3: something follows the closing quote"),
        ("a\nb\"c\n", "2:2: a quote within a field that is not quoted"),
        ("a,\"b\nc", "1:3: the quote is never closed"), ("a\rb", "1:3: a carriage return without a line feed"),
        (String(repeating: "x", count: 65), "1:65: the record has more than 64 bytes"),
        (String(repeating: ",", count: 5000), "1:4097: the record has more than 4096 fields"),
    ])
    func mistakes(_ text: String, _ message: String) {
        for pieces in [1, 7, 10_000] {
            let error = #expect(throws: CSVError.self) { try parse(Array(text.utf8), pieces: pieces) }
            #expect(error?.description == message)
        }
    }

    /// What is a mistake otherwise, and what is none in either.
    @Test(arguments: [
        ("a;b\r\nc;d", [["a", "b"], ["c", "d"]]), ("a,b;c", [["a,b", "c"]]),
        ("a\rb\r\r\"c\"\r;\n", [["a"], ["b"], ["c"], ["", ""]]),
        ("a\"b;\"c\"\"d\"", [["a\"b", "c\"d"]]), ("\"a\"b;\"c\"d\"e\n", [["ab", "cd\"e"]]),
        ("\"a;\rb\"\r", [["a;\rb"]]),
        ("\"\"\r\n\"\"", [[""], [""]]), ("\"\"\u{FEFF}", [["\u{FEFF}"]]), ("\u{FEFF}\"a;b\"\r", [["a;b"]]), ("\r", []),
    ])
    func leniently(_ text: String, _ records: [[String]]) throws {
        let format = CSVFormat(delimiter: UInt8(ascii: ";"), isLenient: true)
        for pieces in [1, 2, 3, 100] {
            #expect(try parse(Array(text.utf8), pieces: pieces, format) == records, "in \(pieces)")
        }
    }

    @Test func lenienceEndsWithTheText() {
        let format = CSVFormat(isLenient: true)
        let error = #expect(throws: CSVError.self) { try parse(Array("a\rb,\"c\n\r".utf8), pieces: 2, format) }
        #expect(error?.description == "2:3: the quote is never closed")
    }

    @Test func placesOfFields() throws {
        var places: [[Int]] = []
        var parser = CSVParser()
        try Array("a,\"b\n\",c\n\nlong,x\n".utf8).withUnsafeBytes { bytes in
            try parser.feed(bytes) { record in
                places.append([record.line] + (0..<record.count).map { record.column($0) })
            }
        }
        #expect(places == [[1, 1, 3, 3], [4, 1, 6]])
    }

    @Test(arguments: ["plain", "a,b", "a\"b", "two\nlines", "", "\r"])
    func whatIsWrittenIsRead(_ field: String) throws {
        var text: [UInt8] = []
        CSV.append(field, to: &text)
        #expect(try parse(text + Array(",end\n".utf8), pieces: 3) == [[field, "end"]])
    }
}
