import JSON
import OrderedCollections
import Testing

@Suite struct JSONWriterTests {
    @Test(
        arguments: [
            (JSON.null, "null"), (true, "true"), (-7, "-7"), (.integer(Int64.min), "-9223372036854775808"),
            (1.5, "1.5"),
            (.double(1), "1.0"), (.double(0.1), "0.1"), (.double(1e300), "1e+300"),
            ("a\"b\\c/\n\r\t\u{8}\u{c}\u{1}\u{1f}\u{7f}é😀", #""a\"b\\c/\n\r\t\b\f\u0001\u001f"# + "\u{7f}é😀\""),
            ([], "[]"), ([:], "{}"), ([1, "a", [nil]], #"[1,"a",[null]]"#), (["b": 1, "a": [:]], #"{"b":1,"a":{}}"#),
        ] as [(JSON, String)])
    func writes(value: JSON, text: String) {
        #expect(value.text == text)
        #expect(value.description == text)
        #expect(value.utf8 == Array(text.utf8))
    }

    @Test func sortsMembersCanonically() throws {
        let value: JSON = ["b": ["é": 1, "z": 2, "Z": 3], "a": [["d": 1, "c": 2]]]
        #expect(value.canonicalText == #"{"a":[{"c":2,"d":1}],"b":{"Z":3,"z":2,"é":1}}"#)
    }

    @Test func laysOutForPeople() {
        let value: JSON = ["a": [1, [:], []], "b": ["c": "d"]]
        #expect(
            value.prettyText == "{\n  \"a\": [\n    1,\n    {},\n    []\n  ],\n  \"b\": {\n    \"c\": \"d\"\n  }\n}")
    }

    /// Whatever is written is read back as the same value with its members in the same order.
    @Test(arguments: 0..<200) func survivesTheRoundTrip(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let value = JSON.random(depth: 5, using: &generator)
        for text in [value.text, value.prettyText] {
            let back = try JSON(parsing: text)
            #expect(back == value, "seed \(seed)")
            #expect(back.text == value.text, "seed \(seed)")
        }
        #expect(try JSON(parsing: value.canonicalText) == value, "seed \(seed)")
    }
}

struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}

extension JSON {
    static func random(depth: Int, using generator: inout SeededGenerator) -> JSON {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &generator) {
        case 0: return .null
        case 1: return .bool(.random(using: &generator))
        case 2: return .integer(Int64.random(in: .min ... .max, using: &generator))
        case 3: return .double(Double.random(in: -1e6...1e6, using: &generator))
        case 4:
            let bits = Double(bitPattern: generator.next())
            return .double(bits.isFinite ? bits : 0)
        case 5: return .string(randomText(using: &generator))
        case 6:
            return .array(
                (0..<Int.random(in: 0..<5, using: &generator)).map { _ in random(depth: depth - 1, using: &generator) })
        default:
            var members: OrderedDictionary<String, JSON> = [:]
            for _ in 0..<Int.random(in: 0..<5, using: &generator) {
                members[randomText(using: &generator)] = random(depth: depth - 1, using: &generator)
            }
            return .object(members)
        }
    }

    private static func randomText(using generator: inout SeededGenerator) -> String {
        let alphabet: [Unicode.Scalar] = [
            "a", "Z", "0", " ", "\"", "\\", "/", "\n", "\u{0}", "\u{1f}", "é", "\u{301}", "😀", "\u{FFFD}",
        ]
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0..<8, using: &generator) {
            text.append(alphabet[Int.random(in: 0..<alphabet.count, using: &generator)])
        }
        return String(text)
    }
}
