import JSON
import JSONata
import Testing

/// Whatever is evaluated ends with a value or an error, also on a thread with 512 KiB of stack.
@Suite struct LimitTests {
    static func code(of expression: String, _ limits: JSONataLimits = JSONataLimits()) throws -> String? {
        try Stack.run(bytes: 512 << 10) {
            try failure(of: expression, over: #"{"a":[1,{"b":2}]}"#, limits: limits)?.code
        }
    }

    @Test(
        arguments: [
            "($f := function($n){$n + $f($n + 1)}; $f(0))", "($f := function(){$f()}; $f())",
            "($f := function($x){$f([$x])}; $f(1))",
            "($f := function(){$map([1], $f)}; $f())", "($a := function(){$b()}; $b := function(){[$a()]}; $a())",
            "$reduce([1..100000], function($a, $b){[[$a]]})", "$reduce([1..100000], function($a, $b){{\"x\": $a}})",
            "$reduce([1..100000], function($f, $x){function(){$f}})",
            "$reduce([1..100000], function($f, $x){$append(?, $f)})",
            "$reduce($append([$string], [1..100000]), function($g, $x){$g ~> $string})",
            "($x := \"($eval($x))\"; $eval($x))",
            "$map([1..10000], function($x){$map([1..10000], function($y){$x * $y})})",
            "$reduce([1..100], function($s, $x){$s & $s}, \"ab\")",
            "$reduce([1..60], function($s, $x){$append($s, $s)}, [1])", "$pad(\"\", 1e12)",
            "[1..10000000].[1..10000000]", "$match($pad(\"\", 10000, \"a\"), /(a*)*b/)",
            "$contains($pad(\"\", 40, \"a\"), /^(a+)+$|b(a|aa)+c/) and $contains($pad(\"\", 50, \"a\") & \"!\", /^(a|aa)+$/)",
            "$contains($pad(\"\", 60, \"ab\"), /(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)x/)",
        ])
    func endsWithAnError(expression: String) throws {
        let code = try LimitTests.code(of: expression, JSONataLimits(steps: 300_000, bytes: 16 << 20))
        #expect(code == "U1001" || code == "U1002" || code == "U1003", "\(code ?? "no error")")
    }

    static func nested(_ open: String, _ inner: String, _ close: String, _ count: Int) -> String {
        String(repeating: open, count: count) + inner + String(repeating: close, count: count)
    }

    /// 10,000 levels of each way to nest.
    @Test(
        arguments: [
            ("(", "1", ")"), ("[", "1", "]"), ("{\"a\":", "1", "}"), ("-", "1", ""), ("a[", "1", "]"),
            ("$f(", "1", ")"), ("function(){", "1", "}"),
            ("1+(", "1", ")"), ("1?", "1", ":1"), ("a.(", "b", ")"), ("a^(", "b", ")"), ("$x:=", "1", ""),
            ("1??", "1", ""), ("|a|", "{}", "|"), ("a~>(", "b", ")"),
            ("", "f", "()"), ("", "1", "~>$string"), ("a.", "%", ""),
        ])
    func deepExpressions(open: String, inner: String, close: String) throws {
        let code = try LimitTests.code(of: LimitTests.nested(open, inner, close, 10_000))
        #expect(code == "U1003" || open == "a." && code == nil, "\(code ?? "no error")")
    }

    /// Chains are no nesting: they may be as long as the expression.
    @Test(arguments: [
        ("1", "+1"), ("\"a\"", "&\"b\""), ("a", ".b"), ("true", " and true"), ("a", "[0]"), ("[1", ",1"), ("(1", ";1"),
        ("1", "*1-1"),
    ])
    func longExpressions(first: String, link: String) throws {
        var text = first + String(repeating: link, count: 6000)
        if first.hasPrefix("[") { text += "]" }
        if first.hasPrefix("(") { text += ")" }
        #expect(try LimitTests.code(of: text) == nil)
    }

    @Test func theLongestExpression() throws {
        let text = "\"" + String(repeating: "x", count: JSONataLimits.maximumExpressionBytes - 2) + "\""
        #expect(try LimitTests.code(of: text) == nil)
        #expect(try LimitTests.code(of: text + " ") == "U1003")
    }

    @Test func regularExpressionsAreBounded() throws {
        #expect(try LimitTests.code(of: "/\(LimitTests.nested("(", "a", ")", 10_000))/") == "S0303")
        #expect(try LimitTests.code(of: "/(a{1000}b){10000}/") == "S0303")
        #expect(try LimitTests.code(of: "/(?:(?:(?:){100000}){100000}){100000}/") == nil)
        #expect(try LimitTests.code(of: "/\(String(repeating: "a|", count: 30_000))b/") == "S0303")
    }

    @Test func eachBudgetIsKept() throws {
        #expect(try LimitTests.code(of: "$sum([1..1000])", JSONataLimits(steps: 900)) == "U1001")
        #expect(try LimitTests.code(of: "$sum([1..1000])", JSONataLimits(steps: 3000)) == nil)
        #expect(try LimitTests.code(of: "((((1))))", JSONataLimits(depth: 4)) == "U1001")
        #expect(try LimitTests.code(of: "((((1))))", JSONataLimits(depth: 6)) == nil)
        #expect(try LimitTests.code(of: "$map([1..1000], $string)", JSONataLimits(bytes: 10_000)) == "U1002")
    }

    /// A regular expression's moves are counted, also those of tries that are passed over: as many as an evaluation needs, and
    /// one less.
    @Test(
        arguments: [
            (#"$replace("the quick brown fox", /(\w+) (\w+)/, "$2 $1")"#, 25),
            (#"$match("--------ab1--ab22", /(?:(a)|b)+(\d{1,2})/)"#, 106),
            (#"$contains("xxxxxxxxxxxxxxxxxxxxb", /(a*?)b/)"#, 109),
            (#"$contains("...............", /((a)|[b-d]+|\d)x/)"#, 116),
            (#"$split("a, b,c ,d", /\s*,\s*/)"#, 26), (#"$contains("aaaaaaaaaaaa", /^(?:a+)+$/)"#, 14),
            (#"$contains("foo bar foobar", /\bfoo(?=bar)/)"#, 30), (#"$match("ééé1", /([à-ü])\1/i)"#, 17),
        ])
    func movesOfRegularExpressionsAreCounted(expression: String, steps: Int) throws {
        #expect(try LimitTests.code(of: expression, JSONataLimits(steps: steps)) == nil)
        #expect(try LimitTests.code(of: expression, JSONataLimits(steps: steps - 1)) == "U1001")
    }

    /// As many nested calls as a small stack has room for, in a debug build.
    @Test func recursionFitsASmallStack() throws {
        let limits = JSONataLimits(stackBytes: 400 << 10)
        #expect(try LimitTests.code(of: "($f := function($n){$n = 0 ? 0 : 1 + $f($n - 1)}; $f(30))", limits) == nil)
    }

    /// A loop written as a call in tail position needs no stack.
    @Test func tailCallsNeedNoStack() throws {
        #expect(try LimitTests.code(of: "($f := function($n){$n = 0 ? 0 : ($m := $n - 1; $f($m))}; $f(100000))") == nil)
    }

    /// Ten million numbers that nobody looks at.
    @Test func rangesAreNotWrittenOut() throws {
        #expect(try evaluate("$count([1..10000000])", limits: JSONataLimits(steps: 100, bytes: 10_000)) == 10_000_000)
    }
}
