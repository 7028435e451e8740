@testable import Engine
import JSON
import Testing

@Suite("What ItemReaders read")
struct ItemDocumentTests {
    private func rows(_ text: String, headers: [String]? = nil, delimiter: Character = ",", limit: Int = 100) throws
        -> [JSON]
    {
        try CommaSeparatedItems.items(
            Array(text.utf8), delimiter: delimiter.asciiValue!, headers: headers, limit: limit)
    }

    @Test(
        "comma-separated values",
        arguments: [
            ("a,b\n1,2\n3,4\n", nil, [["a": "1", "b": "2"], ["a": "3", "b": "4"]]),
            ("a,b\r\n1,2\r\n", nil, [["a": "1", "b": "2"]]),
            // What a row lacks is empty, what it has too much is dropped, an empty line is none.
            (
                "a,b\n\n1\n1,2,3\n,,,\n   \n", nil,
                [["a": "1", "b": ""], ["a": "1", "b": "2"], ["a": "", "b": ""], ["a": "   ", "b": ""]]
            ),
            ("1,2\n3,4", ["x"], [["x": "1"], ["x": "3"]]),
            ("a\n\"1,\"\"2\"\"\n3\"\n", nil, [["a": "1,\"2\"\n3"]]),
            ("a\n\"\"\n", nil, [["a": ""]]), ("a,b\n", nil, []), ("", nil, []),
            ("\u{FEFF}a\nä\n", nil, [["a": "ä"]]), ("0,True\nnull,1\n", nil, [["0": "null", "True": "1"]]),
        ] as [(String, [String]?, [JSON])])
    func commaSeparated(text: String, headers: [String]?, expected: [JSON]) throws {
        #expect(try rows(text, headers: headers) == expected)
    }

    @Test("other delimiters, a limit, and what can't be read")
    func edges() throws {
        #expect(try rows("a;b\n1;2\n", delimiter: ";") == [["a": "1", "b": "2"]])
        #expect(try rows("a\n1\n2\n3\n", limit: 2) == [["a": "1"], ["a": "2"]])
        let open = #expect(throws: ItemReadFailure.self) { try rows("a\n\"1\n2") }
        #expect(open?.cause == "the quoted cell that begins in line 2 does not end")
        #expect(throws: ItemReadFailure("line 2 is not UTF-8")) {
            try CommaSeparatedItems.items([0x61, 0x0A, 0xE4], delimiter: 0x2C, headers: nil, limit: 9)
        }
        // What follows the last row that is wanted is not looked at.
        #expect(try rows("a\n1\n\"2", limit: 1) == [["a": "1"]])
        #expect(try rows("a\n1\n", limit: 0) == [])
        #expect(try rows("a,b\r\"x\"y,1\"2\r") == [["a": "xy", "b": "1\"2"]])
    }

    @Test("a JSON document: an array, or the one at a pointer")
    func documents() throws {
        func items(_ text: String, _ pointer: String? = nil, limit: Int = 9) throws -> [JSON] {
            try ItemDocuments.json(Array(text.utf8), pointer: pointer, limit: limit)
        }
        #expect(try items("[1,2,3]", limit: 2) == [1, 2])
        #expect(try items(#"{"a":{"b/c":[{"~d":[7]}]}}"#, "/a/b~1c/0/~0d") == [7])
        #expect(throws: ItemReadFailure("Attempting to map over non-iterable node.")) { try items(#"{"a":1}"#) }
        #expect(throws: ItemReadFailure.self) { try items("{}", "/a") }
        #expect(throws: ItemReadFailure.self) { try items("[1") }
    }

    @Test("JSON lines, and an inventory's manifest")
    func linesAndManifests() throws {
        #expect(
            try ItemDocuments.jsonLines(Array("{\"a\":1}\r\n\n  \n2\n\"x\"".utf8), limit: 9) == [["a": 1], 2, "x"])
        #expect(try ItemDocuments.jsonLines(Array("1\n2\n3".utf8), limit: 2) == [1, 2])
        let broken = #expect(throws: ItemReadFailure.self) { try ItemDocuments.jsonLines(Array("1\n{".utf8), limit: 9) }
        #expect(broken?.cause.hasPrefix("Failed to parse line 2") == true)
        let manifest = try ItemDocuments.manifest(
            Array(
                #"{"destinationBucket":"arn:aws:s3:::inv","fileFormat":"CSV","fileSchema":"Bucket, Key, Size","files":[{"key":"d/1.csv"}]}"#
                    .utf8))
        #expect(
            manifest.bucket == "inv" && manifest.keys == ["d/1.csv"] && manifest.names == ["Bucket", "Key", "Size"])
        #expect(throws: ItemReadFailure.self) { try ItemDocuments.manifest(Array("{}".utf8)) }
    }
}
