import JSON
import Testing
import YAML

/// What YAML texts mean in the JSON data model.
@Suite struct YAMLDocumentTests {
    @Test(
        arguments: [
            ("null", JSON.null), ("~", .null), ("Null", .null), ("true", true), ("True", true), ("FALSE", false),
            ("yes", "yes"), ("no", "no"), ("on", "on"), ("nULL", "nULL"),
            ("12", 12), ("-7", -7), ("+3", 3), ("007", 7), ("0o17", 15), ("0xff", 255), ("0x", "0x"), ("0o8", "0o8"),
            ("1_000", "1_000"), ("1.5", 1.5), ("-.5", -0.5), ("2.", 2.0), ("1e3", .double(1000)), ("1E-2", 0.01),
            (".", "."), ("-", [.null]), ("1e", "1e"), ("1.2.3", "1.2.3"), ("-0", .double(-0.0)),
            ("9223372036854775808", .double(9_223_372_036_854_775_808)), ("2026-01-02", "2026-01-02"),
            ("12:30", "12:30"), ("'12'", "12"), ("\"true\"", "true"), ("'it''s'", "it's"), (#""a\tb\u00e9""#, "a\tbé"),
            (#""\0""#, "\u{0}"), ("|\n  a\n  b\n", "a\nb\n"), (">-\n  a\n  b\n", "a b"), ("!!str 12", "12"),
            ("!!int 12", 12), ("!!float 12", .double(12)), ("!!null ''", .null), ("! 12", "12"), ("$.a[0]", "$.a[0]"),
            ("# only\n\nvalue # behind", "value"), ("--- a\n...\n", "a"),
        ] as [(String, JSON)])
    func readsScalars(text: String, value: JSON) throws {
        #expect(try YAMLDocument.parse(Array(text.utf8)).json == value)
    }

    /// Where a character of a scalar's text stands; the scalar's beginning where it is not written as it is meant.
    @Test(
        arguments: [
            ("plain", 2, 3), ("'quoted'", 2, 4), ("\"double\"", 2, 4), ("é😀x", 2, 3), ("'it''s'", 2, 1),
            (#""a\tb""#, 2, 1),
            ("a\n b", 2, 1), ("|-\n  abc", 2, 1), ("\"\"", 0, 2),
        ] as [(String, Int, Int)])
    func knowsPlacesWithinScalars(text: String, offset: Int, column: Int) throws {
        let tree = try YAMLDocument.parse(Array(text.utf8))
        #expect(tree.place(ofCharacter: offset) == SourcePlace(line: 1, column: column))
    }

    @Test(
        arguments: [
            ("a: 1\nb:\n  - x\n  - {c: [1, 2]}\n", #"{"a":1,"b":["x",{"c":[1,2]}]}"#),
            ("a:\nb: ''\n", #"{"a":null,"b":""}"#),
            ("404: not found\ntrue: yes\n", #"{"404":"not found","true":"yes"}"#),
            ("? a\n: 1\n", #"{"a":1}"#),
            ("x: &one {a: 1}\ny: *one\nz: [*one, *one]\n", #"{"x":{"a":1},"y":{"a":1},"z":[{"a":1},{"a":1}]}"#),
            ("a: &v 1\nb: &v 2\nc: *v\n", #"{"a":1,"b":2,"c":2}"#),
            ("'<<': kept\n", #"{"<<":"kept"}"#),
            ("%YAML 1.2\n---\na: 1\n", #"{"a":1}"#),
            ("\u{FEFF}a: 1\n", #"{"a":1}"#),
            ("a: 1\r\nb: 2\r\n", #"{"a":1,"b":2}"#),
        ] as [(String, String)])
    func readsStructure(text: String, json: String) throws {
        #expect(try YAMLDocument.parse(Array(text.utf8)).json.text == json)
    }

    @Test func keepsPlacesAndRepeatedMembers() throws {
        let tree = try YAMLDocument.parse(Array("first: 1\nsecond:\n  - é: x\n    same: 1\n    same: 2\n".utf8))
        #expect(tree.place == SourcePlace(line: 1, column: 1))
        let second = try #require(tree["second"])
        #expect(second.keyPlace == SourcePlace(line: 2, column: 1))
        guard case .sequence(let elements) = second.value.content, case .mapping(let members) = elements[0].content
        else {
            Issue.record("the second member is a sequence of a mapping")
            return
        }
        #expect(members.map(\.key) == ["é", "same", "same"])
        #expect(members.map(\.keyPlace) == [3, 4, 5].map { SourcePlace(line: $0, column: 5) })
        #expect(members[0].value.place == SourcePlace(line: 3, column: 8))
        #expect(tree.json["second"]?[0]?["same"] == 2)
    }

    @Test func givesAnAliasItsOwnPlace() throws {
        let tree = try YAMLDocument.parse(Array("a: &x [1]\nb: *x\n".utf8))
        #expect(tree["b"]?.value.place == SourcePlace(line: 2, column: 4))
    }

    /// Every JSON text means the same here and in the JSON room.
    @Test(arguments: [
        #"{"a":1,"b":[true,false,null,1.5,-0,1e3,"x"],"c":{}}"#,
        "{\n\t\"tabs\": [\n\t\t1,\n\t\t2\n\t]\n}",
        #"{"a":"\"\\\/\b\f\n\r\t\u00e9"}"#,
        #"{"smile":"\ud83d\ude00!","half":"\ud83d","next":1}"#,
        #"{"kept":"\\ud83d\\ude00","made":"\ud83d\ude00"}"#,
        #""text""#, "12", "[[],[[]]]", #"{"$.a":"$","x.$":"$.y"}"#, #"{"":""}"#,
    ])
    func readsJSON(text: String) throws {
        #expect(try YAMLDocument.parse(Array(text.utf8)).json.text == JSON(parsing: text).text)
    }

    @Test func tellsColumnsOfTheAuthorsTextBehindSurrogates() throws {
        let text = #"{"a":"\ud83d\ude00\ud83d\ude00","b":1}"#
        let tree = try YAMLDocument.parse(Array(text.utf8))
        #expect(tree["a"]?.value.place == SourcePlace(line: 1, column: 6))
        #expect(tree["b"]?.keyPlace == SourcePlace(line: 1, column: 33))
        #expect(tree["b"]?.value.place == SourcePlace(line: 1, column: 37))
    }
}
