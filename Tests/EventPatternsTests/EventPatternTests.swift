import EventPatterns
import JSON
import StatesLanguage
import Testing
import YAML

func pattern(_ text: String) throws -> EventPattern {
    let (pattern, problems) = EventPattern.read(try YAMLDocument.parse(Array(text.utf8)))
    return try #require(pattern, "\(problems.map { $0.text(file: "p") })")
}

@Suite struct EventPatternTests {
    /// A pattern for the field `a`, values of the field that match, and values that do not.
    @Test(
        arguments: [
            (#"["x", "y"]"#, [#""x""#, #""y""#, #"["z", "y"]"#], [#""z""#, "null", #"{"x": 1}"#, "[]"]),
            ("[null]", ["null", "[1, null]"], [#""""#, "0", "false"]),
            (#"[""]"#, [#""""#], ["null", #"" ""#]),
            ("[true]", ["true"], ["1", #""true""#, "false"]),
            ("[300]", ["300", "300.0", "3.0e2"], [#""300""#, "300.5"]),
            ("[1.5]", ["1.5"], ["1", "2"]),
            ("[9007199254740993]", ["9007199254740993"], ["9007199254740992"]),
            (#"[{"prefix": "us-"}]"#, [#""us-east-1""#, #""us-""#], [#""US-east-1""#, #""u""#, "1"]),
            (
                #"[{"prefix": {"equals-ignore-case": "EventB"}}]"#, [#""eventbridge""#, #""EVENTB""#],
                [#""event""#, "1"]
            ),
            (#"[{"suffix": ".png"}]"#, [#""a.png""#, #"".png""#], [#""a.PNG""#, #""png""#, #""a.png ""#]),
            (#"[{"suffix": {"equals-ignore-case": ".PnG"}}]"#, [#""a.png""#, #""a.PNG""#], [#""a.jpg""#]),
            (#"[{"equals-ignore-case": "Straße"}]"#, [#""STRASSE""#, #""strasse""#], [#""strase""#]),
            (
                #"[{"wildcard": "dir/*.png"}]"#, [#""dir/a.png""#, #""dir/.png""#, #""dir/b/c.png""#],
                [#""dir/a.jpg""#, #""xdir/a.png""#, "1"]
            ),
            (#"[{"wildcard": "*/lib/*"}]"#, [#""a/lib/b""#, #""/lib/""#], [#""lib/a""#, #""a/lib""#]),
            (#"[{"wildcard": "a*a"}]"#, [#""aa""#, #""aba""#], [#""a""#, #""ab""#]),
            (#"[{"wildcard": "*ab*abc*"}]"#, [#""ababc""#, #""xabyabcz""#], [#""abc""#, #""abcab""#]),
            (#"[{"wildcard": "\\**\\\\"}]"#, [#""*\\""#, #""*x\\""#], [#""x\\""#, #""*""#]),
            (#"[{"wildcard": "plain"}]"#, [#""plain""#], [#""plainer""#]),
            (#"[{"anything-but": "x"}]"#, [#""y""#, "1", "null", #"["x", "y"]"#], [#""x""#, "[]", "{}"]),
            (#"[{"anything-but": ["x", "y"]}]"#, [#""z""#], [#""x""#, #""y""#, #"["x", "y"]"#]),
            (#"[{"anything-but": 5}]"#, ["6", #""5""#], ["5", "5.0"]),
            (#"[{"anything-but": [5, 6.5]}]"#, ["6"], ["6.5"]),
            (#"[{"anything-but": {"prefix": "init"}}]"#, [#""start""#, "7"], [#""initial""#]),
            (#"[{"anything-but": {"prefix": ["a", "b"]}}]"#, [#""c""#], [#""ax""#, #""bx""#]),
            (#"[{"anything-but": {"suffix": "end"}}]"#, [#""ending""#], [#""bend""#]),
            (#"[{"anything-but": {"equals-ignore-case": ["x", "Y"]}}]"#, [#""z""#], [#""X""#, #""y""#]),
            (#"[{"anything-but": {"wildcard": "*/lib/*"}}]"#, [#""/bin/x""#], [#""/lib/x""#]),
            (#"[{"anything-but": {"wildcard": ["*.tmp", "~*"]}}]"#, [#""a""#], [#""a.tmp""#, #""~a""#]),
            (#"[{"numeric": ["=", 5]}]"#, ["5", "5.0"], ["4", #""5""#]),
            (#"[{"numeric": ["<", 10]}]"#, ["9.9", "-3"], ["10", "11"]),
            (#"[{"numeric": [">", 0, "<=", 5]}]"#, ["5", "0.1"], ["0", "5.1"]),
            (#"[{"numeric": [">=", 5368709120]}]"#, ["5368709120", "1e12"], ["5368709119"]),
            (#"[{"exists": true}]"#, ["0", "null", #""""#, "[1]"], ["[]", "{}", #"{"b": 1}"#]),
            (#"[{"exists": false}]"#, ["[]", "{}", #"{"b": 1}"#], ["0", "null", "[[1]]"]),
            (#"[{"cidr": "10.0.0.0/24"}]"#, [#""10.0.0.255""#], [#""10.0.1.0""#, #""10.0.0.256""#, #""10.0.0""#]),
            (#"[{"cidr": "10.0.0.64/26"}]"#, [#""10.0.0.127""#], [#""10.0.0.63""#, #""10.0.0.128""#]),
            (#"[{"cidr": "0.0.0.0/0"}]"#, [#""1.2.3.4""#], [#""::1""#, #""01.2.3.4""#]),
            (
                #"[{"cidr": "2001:db8::/33"}]"#, [#""2001:db8:7fff::1""#, #""2001:0DB8::192.0.2.1""#],
                [#""2001:db8:8000::1""#, #""2001:db9::""#, #""2001:db8::1::2""#, #""2001:db8:::1""#]
            ),
            (#"["x", {"numeric": [">", 5]}, {"prefix": "y"}]"#, [#""x""#, "6", #""yes""#], ["5", #""z""#]),
        ] as [(String, [String], [String])])
    func compares(field: String, matching: [String], others: [String]) throws {
        let pattern = try pattern(#"{"a": \#(field)}"#)
        for value in matching { #expect(pattern.matches(["a": try JSON(parsing: value)]), "\(value)") }
        for value in others { #expect(!pattern.matches(["a": try JSON(parsing: value)]), "\(value)") }
    }

    @Test(
        arguments: [
            // Every field; those that the pattern does not name do not matter.
            (#"{"a": ["x"], "b": {"c": [1]}}"#, #"{"a": "x", "b": {"c": 1, "d": 2}, "e": 3}"#, true),
            (#"{"a": ["x"], "b": {"c": [1]}}"#, #"{"a": "x", "b": {"c": 2}}"#, false),
            (#"{"a": ["x"], "b": {"c": [1]}}"#, #"{"a": "x", "b": 1}"#, false),
            // One element must have it all.
            (#"{"p": {"f": ["a"], "l": ["b"]}}"#, #"{"p": [{"f": "a", "l": "c"}, {"f": "d", "l": "b"}]}"#, false),
            (#"{"p": {"f": ["a"], "l": ["b"]}}"#, #"{"p": [{"f": "a", "l": "c"}, {"f": "a", "l": "b"}]}"#, true),
            (#"{"p": {"f": ["a"], "l": ["b"]}}"#, #"{"p": [[{"f": ["x", "a"], "l": "b"}]]}"#, true),
            // So must a field that stands inside and beside $or.
            (
                #"{"p": {"f": ["a"]}, "$or": [{"p": {"l": ["b"]}}, {"q": [1]}]}"#, #"{"p": [{"f": "a"}, {"l": "b"}]}"#,
                false
            ),
            (
                #"{"p": {"f": ["a"]}, "$or": [{"p": {"l": ["b"]}}, {"q": [1]}]}"#, #"{"p": [{"f": "a", "l": "b"}]}"#,
                true
            ),
            (#"{"p": {"f": ["a"]}, "$or": [{"p": {"l": ["b"]}}, {"q": [1]}]}"#, #"{"p": [{"f": "a"}], "q": 1}"#, true),
            (#"{"a": ["x"], "$or": [{"a": ["y"]}, {"b": [1]}]}"#, #"{"a": "x", "b": 1}"#, true),
            (#"{"a": ["x"], "$or": [{"a": ["y"]}, {"b": [1]}]}"#, #"{"a": ["x", "y"]}"#, false),
            // $or within a field, and in itself.
            (#"{"d": {"$or": [{"a": [1]}, {"b": [2]}], "c": [3]}}"#, #"{"d": {"b": 2, "c": 3}}"#, true),
            (#"{"d": {"$or": [{"a": [1]}, {"b": [2]}], "c": [3]}}"#, #"{"d": {"a": 1, "b": 2}}"#, false),
            (#"{"$or": [{"a": [1]}, {"$or": [{"b": [2]}, {"c": [3]}], "d": [4]}]}"#, #"{"c": 3, "d": 4}"#, true),
            (#"{"$or": [{"a": [1]}, {"$or": [{"b": [2]}, {"c": [3]}], "d": [4]}]}"#, #"{"c": 3}"#, false),
            // Absence is that of the field everywhere.
            (#"{"d": {"c": [{"exists": false}]}}"#, #"{"e": 1}"#, true),
            (#"{"d": {"c": [{"exists": false}]}}"#, #"{"d": {"c": null}}"#, false),
            (#"{"d": {"c": [{"exists": false}], "e": [1]}}"#, #"{"d": [{"c": 1}, {"e": 1}]}"#, false),
            (#"{"d": {"c": [{"exists": false}, 7]}}"#, #"{"d": {"c": 7}}"#, true),
        ])
    func matches(pattern text: String, event: String, expected: Bool) throws {
        #expect(try pattern(text).matches(try JSON(parsing: event)) == expected)
    }

    /// All mistakes at once, each at its place.
    @Test func tellsAllThatIsWrong() throws {
        let (pattern, problems) = EventPattern.read(
            try YAMLDocument.parse(
                Array(
                    """
                    a: x
                    b: []
                    c: {}
                    d: [[1]]
                    e: [{prefx: x}]
                    f: [{prefix: 1}]
                    g: [{prefix: a, suffix: b}]
                    h: [{wildcard: "a**b"}]
                    i: [{wildcard: 'a\\b'}]
                    j: [{anything-but: [1, x]}]
                    k: [{anything-but: [true]}]
                    l: [{anything-but: {numeric: ["=", 1]}}]
                    m: [{numeric: ["<", 5, ">", 1]}]
                    n: [{numeric: [">", 5, "<", 5]}]
                    o: [{numeric: ["!", 5]}]
                    p: [{numeric: [">", "5"]}]
                    q: [{numeric: [">"]}]
                    r: [{exists: yes}]
                    s: [{cidr: 10.0.0.0/33}]
                    $or: [{t: [1]}]
                    u: [{anything-but: []}]
                    b: [1]
                    """.utf8)))
        #expect(pattern == nil)
        let expected = [
            "1:4: error: Expected an array of values; write [\"x\"] (at /a)",
            "2:4: error: An empty array matches nothing",
            "3:4: error: An empty object matches nothing in particular",
            "4:5: error: An array can't stand in an array",
            "5:6: error: 'prefx' compares nothing here; did you mean 'prefix'? (at /e[0]/prefx)",
            "6:14: error: Expected a text",
            "7:5: error: A comparison has one member",
            "8:19: error: 'a**b' is no wildcard; two '*' in a row mean what one does",
            "9:18: error: 'a\\b' is no wildcard; a backslash stands before '*' or another backslash only",
            "10:20: error: anything-but takes texts or numbers, not both",
            "11:21: error: anything-but takes texts, numbers or a comparison of texts",
            "12:21: error: 'numeric' compares nothing here",
            "13:15: error: A range has > or >= first",
            "14:15: error: The range is empty",
            "15:16: error: \"!\" is none of =, <, <=, > and >=",
            "16:21: error: \"5\" is no number",
            "17:15: error: numeric has a comparison and a number",
            "18:14: error: exists is true or false",
            "19:12: error: '10.0.0.0/33' is no block of IP addresses",
            "20:6: error: $or has an array of two patterns or more",
            "21:20: error: anything-but has a value",
            "22:4: error: 'b' stands here twice",
        ]
        let lines = problems.map { String($0.text(file: "").dropFirst()) }
        #expect(lines.count == expected.count)
        for (line, start) in zip(lines, expected) { #expect(line.hasPrefix(start), "\(line)") }
    }

    @Test func sizeIsBounded() throws {
        func problems(_ json: JSON) throws -> [String] {
            EventPattern.read(try YAMLDocument.parse(json.utf8)).problems.map(\.message)
        }
        // Ten choices of two are 1024 combinations.
        let or: JSON = ["$or": [["a": [1]], ["b": [2]]]]
        var nested = or
        for _ in 0..<9 { nested = ["x": nested, "$or": or["$or"] ?? .null] }
        #expect(try problems(nested) == ["$or makes more than 1000 combinations"])
        let wide: JSON = ["$or": .array((0..<1001).map { ["a": [.integer($0)]] })]
        #expect(try problems(wide) == ["$or makes more than 1000 combinations"])
        let long: JSON = ["a": .array((0..<10_001).map { .integer($0) })]
        #expect(
            try problems(long) == ["The pattern has more than 10000 conditions, combinations of $or counted"])
        #expect(
            try problems(["a": [.string(String(repeating: "x", count: 4097))]]) == ["The text has more than 4096 bytes"]
        )
    }

    /// What is slow for matchers that try places one by one takes as long as reading the text.
    @Test func wildcardsAreLinear() throws {
        let part = String(repeating: "a", count: 2000) + "b"
        let pattern = try pattern(#"{"a": [{"wildcard": "*\#(part)*\#(part.dropLast())c*"}]}"#)
        #expect(!pattern.matches(["a": .string(String(repeating: "a", count: 400_000))]))
        #expect(pattern.matches(["a": .string("x" + part + String(repeating: "a", count: 3000) + "c")]))
    }
}
