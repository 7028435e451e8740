import JSON
import JSONata
import Testing

/// The regular expressions of ECMAScript, as far as JSONata uses them.
@Suite struct RegexTests {
    /// The first match and its groups, or nothing.
    @Test(
        arguments: [
            ("abc", "b", ["b"]), ("abc", "B", nil), ("abc", "a.c", ["abc"]), ("a\nc", "a.c", nil),
            ("aaa", "a+", ["aaa"]), ("aaa", "a+?", ["a"]),
            ("aaa", "a{2}", ["aa"]), ("aaaa", "a{2,3}", ["aaa"]), ("aaaa", "a{2,}?", ["aa"]), ("a{2", "a\\{2", ["a{2"]),
            ("x{,2}", "x{,2}", ["x{,2}"]),
            ("ac", "ab?c", ["ac"]), ("abab", "(ab)*", ["abab", "ab"]), ("ab", "(a)(b)(c)?", ["ab", "a", "b", ""]),
            ("ab", "(?:a)(b)", ["ab", "b"]),
            ("abc", "a|b|c", ["a"]), ("sixteen", "(six|sixteen)$", ["sixteen", "sixteen"]),
            ("foobar", "foo(?=bar)", ["foo"]), ("foobaz", "foo(?!bar)", ["foo"]),
            ("price 42", "(?<=price )\\d+", ["42"]), ("ab42", "(?<!b)4", nil), ("a4", "(?<!b)4", ["4"]),
            ("abcabc", "(?<=(a)(b))c", ["c", "a", "b"]),
            ("aa bb", "(\\w)\\1", ["aa", "a"]), ("abba", "(a)(b)\\2\\1", ["abba", "a", "b"]),
            ("2024-05", "(?<y>\\d{4})-\\k<y>", nil), ("55-55", "(?<y>\\d\\d)-\\k<y>", ["55-55", "55"]),
            ("a.b", "a\\.b", ["a.b"]), ("tab\there", "\\t", ["\t"]), ("é", "\\u00e9", ["é"]), ("A", "\\x41", ["A"]),
            ("one two", "\\btwo\\b", ["two"]), ("onetwo", "\\Btwo", ["two"]),
            ("a-b", "[a-]+", ["a-"]), ("]", "[\\]]", ["]"]), ("xyz", "[^x]+", ["yz"]), ("a1_", "[\\w]+", ["a1_"]),
            ("a1 ", "[^\\d\\s]+", ["a"]), ("^", "[\\^]", ["^"]),
            ("aXbx", "([ax]|b)+", ["a", "a"]), ("", "^$", [""]), ("abc", "^b", nil), ("abc", "c$", ["c"]),
            ("z", "(z)((a+)?(b+)?(c))*", ["z", "z", "", "", "", ""]),
            ("zaacbbbcac", "(z)((a+)?(b+)?(c))*", ["zaacbbbcac", "z", "ac", "a", "", "c"]),
            ("aaaa", "(a*)*", ["aaaa", "aaaa"]), ("b", "(a*)*", ["", ""]), ("aab", "(?:a?)*?b", ["aab"]),
            ("😀x", ".x", ["\u{FFFD}x"]),
        ] as [(String, String, [String]?)])
    func matches(text: String, pattern: String, expected: [String]?) throws {
        let expression =
            "($m := /\(pattern)/($text); [$m.match, $map($m.groups, function($g){$type($g) = \"string\" ? $g : \"\"})])"
        let result = try evaluate(expression, bindings: ["text": .string(text)])
        if let expected { #expect(result == .array(expected.map { .string($0) })) } else { #expect(result == []) }
    }

    @Test(
        arguments: [
            ("HELLO", "/hello/i", true), ("hello", "/[A-Z]+/i", true), ("É", "/é/i", true), ("k", "/\u{212A}/i", false),
            ("a\nb", "/^b/", false), ("a\nb", "/^b/m", true),
            ("a\nb", "/a$/m", true), ("Aa", "/(a)\\1/i", true), ("ß", "/SS/i", false), ("x", "/[^X]/i", false),
        ] as [(String, String, Bool)])
    func flags(text: String, regex: String, isMatch: Bool) throws {
        #expect(try evaluate("$contains($text, \(regex))", bindings: ["text": .string(text)]) == .bool(isMatch))
    }

    @Test(
        arguments: [
            "a**", "+a", "a{3,2}", "(", "a)", "[b-a]", "(?x)", "(?<>a)", "a{1}{2}+",
        ])
    func refuses(pattern: String) throws {
        let code = try failure(of: "/\(pattern)/")?.code
        #expect(code == "S0303" || code == "S0302", "\(code ?? "accepted")")
    }

    @Test func matchObjectsLeadToTheNext() throws {
        #expect(try evaluate("/b+/(\"abbcb\").next().match") == "b")
        #expect(try evaluate("/b+/(\"abbcb\").{\"s\":start,\"e\":end}") == ["s": 1, "e": 3])
        #expect(try evaluate("/b+/(\"abbcb\").next().next()") == nil)
    }

    /// A function may stand in for a regular expression.
    @Test func functionsAsMatchers() throws {
        let matcher = """
            ($at := function($text, $offset){(
                $place := $length($substringBefore($text, "x"));
                $place < $length($text) ? {"match": "x", "start": $place + $offset, "end": $place + $offset + 1, "groups": [],
                    "next": function(){$at($substring($text, $place + 1), $place + $offset + 1)}})};
             $split("axbbxc", function($t){$at($t, 0)}))
            """
        #expect(try evaluate(matcher) == ["a", "bb", "c"])
    }
}
