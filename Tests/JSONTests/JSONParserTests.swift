import JSON
import Testing

/// What the parser takes for which value, and where it stops at what is no JSON.
@Suite struct JSONParserTests {
    @Test(
        arguments: [
            ("null", JSON.null), ("true", true), ("false", false), (" \t\r\n1 ", 1),
            ("0", 0), ("-1", -1), ("9223372036854775807", .integer(Int64.max)),
            ("-9223372036854775808", .integer(Int64.min)),
            ("1.0", .double(1)), ("1e2", .double(100)), ("1E+2", .double(100)), ("25e-1", .double(2.5)),
            ("-0", .double(-0.0)), ("9223372036854775808", .double(9_223_372_036_854_775_808)),
            ("\"\"", ""), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"), (#""\u00e9""#, "é"),
            (#""\ud83d\ude00""#, "😀"), (#""\ud83dx""#, "\u{FFFD}x"), (#""\ude00""#, "\u{FFFD}"),
            (#""\ud83d\u0041""#, "\u{FFFD}A"), (#""\u0000""#, "\u{0}"), ("\"é😀\"", "é😀"),
            ("[]", []), ("[1,[2],{}]", [1, [2], [:]]), ("{}", [:]),
            (#"{"b":1,"a":{"c":null}}"#, ["b": 1, "a": ["c": nil]]),
            (#"{"a":1,"a":2}"#, ["a": 2]),
        ] as [(String, JSON)])
    func reads(text: String, value: JSON) throws {
        #expect(try JSON(parsing: text) == value)
    }

    @Test(
        arguments: [
            ("", 0), (" ", 1), ("nul", 0), ("nulL", 0), ("True", 0), ("01", 1), ("-", 1), ("1.", 2), (".5", 0),
            ("1e", 2),
            ("+1", 0), ("1e400", 0), ("NaN", 0), ("\"", 1), ("\"a\nb\"", 2), (#""\x""#, 2), (#""\u12g4""#, 5),
            (#""\u12"#, 3), ("[1,]", 3), ("[1 2]", 3), ("[", 1), ("{\"a\"}", 4), ("{a:1}", 1), ("{\"a\":1,}", 7),
            ("{\"a\":1", 6), ("1 2", 2), ("'a'", 0), ("[1]]", 3),
        ] as [(String, Int)])
    func stops(text: String, offset: Int) {
        let error = #expect(throws: JSONSyntaxError.self) { try JSON(parsing: text) }
        #expect(error?.offset == offset)
        #expect(error?.reason.isEmpty == false)
    }

    @Test func refusesInvalidUTF8() {
        let error = #expect(throws: JSONSyntaxError.self) {
            try JSON(parsing: [0x5B, 0x22, 0xC3, 0x28, 0x22, 0x5D])
        }
        #expect(error?.offset == 2)
    }

    @Test func nestsUpToItsLimit() throws {
        let allowed = JSON.maximumDepth
        _ = try JSON(parsing: String(repeating: "[", count: allowed) + String(repeating: "]", count: allowed))
        #expect(throws: JSONSyntaxError.self) {
            try JSON(parsing: String(repeating: "[", count: allowed + 1) + String(repeating: "]", count: allowed + 1))
        }
        #expect(throws: JSONSyntaxError.self) { try JSON(parsing: String(repeating: "{\"a\":", count: 1_000_000)) }
    }
}
