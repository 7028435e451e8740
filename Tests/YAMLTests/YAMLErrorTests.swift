import JSON
import Testing
import YAML

/// What is refused, where, and with which word.
@Suite struct YAMLErrorTests {
    @Test(
        arguments: [
            ("", 1, 1, "empty"), ("# nothing\n", 2, 1, "empty"),
            ("a: 1\n\tb: 2\n", 2, 1, "tab"),
            ("a: [1, 2\nb: 3\n", 2, 2, "line 1"),
            ("a: b: c\n", 1, 5, "not allowed"),
            ("a: 'open\n", 2, 1, "end of stream"),
            ("a: *nowhere\n", 1, 4, "'&nowhere'"),
            ("a: &x [*x]\n", 1, 8, "'&x'"),
            ("a: {<<: {b: 1}}\n", 1, 5, "merge keys"),
            ("base: &b {x: 1}\nuse:\n  <<: *b\n", 3, 3, "merge keys"),
            ("? [a]\n: 1\n", 1, 3, "name of a member"),
            ("a: 1\n---\nb: 2\n", 2, 1, "second document"),
            ("a: .inf\n", 1, 4, "no value in JSON"), ("a: .nan\n", 1, 4, "no value in JSON"),
            ("a: 1e999\n", 1, 4, "out of range"),
            ("a: !mine x\n", 1, 4, "tag '!mine'"), ("a: !!set {x}\n", 1, 4, "tag"), ("a: !!int x\n", 1, 4, "its tag"),
            ("a: \"\\q\"\n", 1, 5, "escape"),
            ("a: \u{1}\n", 1, 4, "control characters"),
        ] as [(String, Int, Int, String)])
    func refuses(text: String, line: Int, column: Int, word: String) {
        let error = #expect(throws: YAMLError.self) { try YAMLDocument.parse(Array(text.utf8)) }
        #expect(error?.place == SourcePlace(line: line, column: column), "\(String(describing: error))")
        #expect(error?.reason.contains(word) == true, "\(String(describing: error))")
    }

    @Test func refusesBytesThatAreNoUTF8() {
        let error = #expect(throws: YAMLError.self) {
            try YAMLDocument.parse(Array("ok: é\nbad: ".utf8) + [0xE9, 0x0A])
        }
        #expect(error?.place == SourcePlace(line: 2, column: 6))
    }

    @Test func refusesTooManyBytes() {
        let bytes = [UInt8](repeating: UInt8(ascii: "#"), count: YAMLDocument.maximumBytes + 1)
        let error = #expect(throws: YAMLError.self) { try YAMLDocument.parse(bytes) }
        #expect(error?.reason.contains("bytes") == true)
    }

    @Test func refusesDeepNesting() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        _ = try YAMLDocument.parse(nested(YAMLDocument.maximumDepth))
        let error = #expect(throws: YAMLError.self) { try YAMLDocument.parse(nested(YAMLDocument.maximumDepth + 1)) }
        #expect(error?.reason.contains("nested") == true)
    }

    /// Ten aliases a level, nine levels: a billion values from a few hundred bytes.
    @Test func refusesAnExpansionBomb() {
        var text = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...8 {
            let aliases = Array(repeating: "*l\(level - 1)", count: 10).joined(separator: ", ")
            text += "l\(level): &l\(level) [\(aliases)]\n"
        }
        let error = #expect(throws: YAMLError.self) { try YAMLDocument.parse(Array(text.utf8)) }
        #expect(error?.reason.contains("values") == true)
    }

    /// Each level holds the one before: deeper than allowed without deep brackets in the text.
    @Test func refusesDepthThroughAliases() {
        var text = "l0: &l0 [x]\n"
        for level in 1...250 { text += "l\(level): &l\(level) [*l\(level - 1)]\n" }
        let error = #expect(throws: YAMLError.self) { try YAMLDocument.parse(Array(text.utf8)) }
        #expect(error?.reason.contains("nested") == true)
    }
}
