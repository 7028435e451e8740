import JSON
import JSONata
import Testing

/// The built-in functions (docs.jsonata.org), and those of Step Functions.
@Suite struct FunctionTests {
    @Test(
        arguments: [
            ("$string(1.5)", #""1.5""#), ("$string(0.1 + 0.2)", #""0.3""#), ("$string(1e21)", #""1e+21""#),
            ("$string(1e-7)", #""1e-7""#),
            ("$string(123456789012345680000)", #""123456789012345680000""#), ("$string(-0.000001)", #""-0.000001""#),
            ("$string(1/3)", #""0.333333333333333""#), ("$string(2/3)", #""0.666666666666667""#),
            ("$string([1,\"a\",null])", #""[1,\"a\",null]""#),
            ("$string({\"a\":[]}, true)", #""{\n  \"a\": []\n}""#),
            ("$string({\"b\":1,\"10\":2,\"9\":3})", #""{\"9\":3,\"10\":2,\"b\":1}""#),
            ("$substring(\"hello\", 1, 3)", #""ell""#), ("$substring(\"hello\", -3)", #""llo""#),
            ("$substring(\"hello\", -9, 2)", #""he""#),
            ("$substring(\"a😀b\", 1, 1)", #""😀""#), ("$substring(\"hello\", 3, 0)", #""""#), ("$length(\"a😀\")", "2"),
            ("$substringBefore(\"a-b-c\", \"-\")", #""a""#), ("$substringAfter(\"a-b-c\", \"-\")", #""b-c""#),
            ("$substringAfter(\"abc\", \"x\")", #""abc""#),
            ("$uppercase(\"straße\")", #""STRASSE""#), ("$lowercase(\"ÀB\")", #""àb""#),
            ("$trim(\"  a \\n\\t b  \")", #""a b""#),
            ("$pad(\"ab\", 5, \"xy\")", #""abxyx""#), ("$pad(\"ab\", -5, \"#\")", "\"###ab\""),
            ("$pad(\"abc\", 2)", #""abc""#),
            ("$contains(\"abc\", \"bc\")", "true"), ("$contains(\"abc\", /B/i)", "true"),
            ("$split(\"a,b,,c\", \",\")", #"["a","b","","c"]"#),
            ("$split(\"a1b22c\", /[0-9]+/, 2)", #"["a","b"]"#), ("$split(\"abc\", \"\")", #"["a","b","c"]"#),
            ("$join([\"a\",\"b\"], \"-\")", #""a-b""#),
            (
                "$match(\"ab12cd3\", /([a-z])([0-9]+)/)",
                #"[{"match":"b12","index":1,"groups":["b","12"]},{"match":"d3","index":5,"groups":["d","3"]}]"#
            ),
            ("$match(\"ac\", /a(b)?c/).groups", "[null]"), ("$replace(\"aXbX\", \"X\", \"-\")", #""a-b-""#),
            ("$replace(\"aXbX\", \"X\", \"-\", 1)", #""a-bX""#),
            ("$replace(\"John Smith\", /(\\w+) (\\w+)/, \"$2 $1 $$ $3\")", #""Smith John $ ""#),
            ("$replace(\"abc\", /[ac]/, function($m){$uppercase($m.match)})", #""AbC""#),
            ("$base64encode(\"hello\")", #""aGVsbG8=""#), ("$base64decode(\"aGVsbG8=\")", #""hello""#),
            ("$encodeUrlComponent(\"a b&é\")", #""a%20b%26%C3%A9""#),
            ("$encodeUrl(\"http://x/a b?q=é\")", #""http://x/a%20b?q=%C3%A9""#),
            ("$decodeUrlComponent(\"%3Fx%3D%C3%A9\")", #""?x=é""#), ("$decodeUrl(\"a%20b%3F\")", #""a b%3F""#),
        ] as [(String, String)])
    func strings(expression: String, expected: String) throws {
        #expect(try evaluate(expression) == JSON(parsing: expected))
    }

    @Test(
        arguments: [
            ("$number(\"12.5e1\")", "125"), ("$number(\"0x1F\")", "31"), ("$number(\"0b101\")", "5"),
            ("$number(true)", "1"),
            ("$abs(-3)", "3"), ("$floor(-1.5)", "-2"), ("$ceil(1.2)", "2"), ("$round(2.5)", "2"), ("$round(3.5)", "4"),
            ("$round(-0.5)", "0"),
            ("$round(4.515, 2)", "4.52"), ("$round(125, -1)", "120"), ("$power(2, 10)", "1024"),
            ("$power(2, -2)", "0.25"), ("$power(9, 0.5)", "3"),
            ("$round($power(2, 0.5), 12)", "1.414213562373"), ("$power(-2, 3)", "-8"), ("$sqrt(16)", "4"),
            ("$sum([1,2,3.5])", "6.5"), ("$sum([])", "0"), ("$max([1,9,3])", "9"),
            ("$min([4,2])", "2"), ("$average([1,2])", "1.5"), ("$boolean(\"\")", "false"), ("$boolean([[]])", "false"),
            ("$boolean({\"a\":1})", "true"),
            ("$not(0)", "true"), ("$formatBase(255, 16)", #""ff""#), ("$formatBase(-5, 2)", #""-101""#),
            ("$formatNumber(12345.678, \"#,##0.00\")", #""12,345.68""#), ("$formatNumber(0.14, \"01%\")", #""14%""#),
            ("$formatNumber(-6, \"000\")", #""-006""#),
            ("$formatNumber(1234.5678, \"00.000e0\")", #""12.346e2""#),
            ("$formatNumber(5, \"0;(0)\") & $formatNumber(-5, \"0;(0)\")", #""5(5)""#),
            (
                "$formatNumber(1234.5, \"#.##0,0\", {\"decimal-separator\":\",\",\"grouping-separator\":\".\"})",
                #""1.234,5""#
            ),
            ("$formatNumber(12, \"#\u{0660}\", {\"zero-digit\":\"\u{0660}\"})", "\"\u{0661}\u{0662}\""),
            ("$formatInteger(2789, \"w\")", #""two thousand, seven hundred and eighty-nine""#),
            ("$formatInteger(21, \"w;o\")", #""twenty-first""#),
            ("$formatInteger(1999, \"I\")", #""MCMXCIX""#), ("$formatInteger(27, \"A\")", #""AA""#),
            ("$formatInteger(112, \"1;o\")", #""112th""#),
            ("$formatInteger(1234567, \"#,##0\")", #""1,234,567""#), ("$formatInteger(12, \"Ww\")", #""Twelve""#),
            ("$formatInteger(7, \"000\")", #""007""#),
            ("$parseInteger(\"MCMXCIX\", \"I\")", "1999"),
            ("$parseInteger(\"twelve thousand, four hundred and seventy-six\", \"w\")", "12476"),
            ("$parseInteger(\"1,234\", \"#,##0\")", "1234"), ("$parseInteger(\"AA\", \"A\")", "27"),
            ("$parseInteger(\"112th\", \"1;o\")", "112"),
        ] as [(String, String)])
    func numbers(expression: String, expected: String) throws {
        #expect(try evaluate(expression) == JSON(parsing: expected))
    }

    @Test(
        arguments: [
            ("$count([1,2])", "2"), ("$count(missing)", "0"), ("$count(5)", "1"), ("$append([1],2)", "[1,2]"),
            ("$append(1,missing)", "1"),
            ("$exists(null)", "true"), ("$exists(missing)", "false"), ("$reverse([1,2,3])", "[3,2,1]"),
            ("$sort([3,1,2])", "[1,2,3]"),
            ("$sort([\"b\",\"a\"])", #"["a","b"]"#), ("$sort([1,2,3], function($l,$r){$l < $r})", "[3,2,1]"),
            ("$distinct([1,1,\"1\",[1],[1]])", #"[1,"1",[1]]"#),
            ("$zip([1,2,3],[4,5])", "[[1,4],[2,5]]"), ("$count($shuffle([1..10]))", "10"),
            ("$sum($shuffle([1..10]))", "55"),
            ("$keys([{\"a\":1},{\"b\":1,\"a\":2}])", #"["a","b"]"#), ("$lookup({\"a\":1},\"a\")", "1"),
            ("$lookup([{\"a\":1},{\"a\":2}],\"a\")", "[1,2]"),
            ("$spread({\"a\":1,\"b\":2})", #"[{"a":1},{"b":2}]"#),
            ("$merge([{\"a\":1},{\"a\":2,\"b\":3}])", #"{"a":2,"b":3}"#),
            ("$sift({\"a\":1,\"b\":2}, function($v){$v > 1})", #"{"b":2}"#),
            ("$each({\"a\":1,\"b\":2}, function($v,$k){$k & $v})", #"["a1","b2"]"#),
            ("$type([])", #""array""#), ("$type(null)", #""null""#), ("$type($sum)", #""function""#),
            ("$map([1,2], $string)", #"["1","2"]"#),
            ("$filter([1..6], function($v){$v % 2 = 0})", "[2,4,6]"), ("$single([1,2,3], function($v){$v = 2})", "2"),
            ("$reduce([1..4], function($a,$v){$a * $v})", "24"), ("$reduce([1,2], function($a,$v){$a + $v}, 10)", "13"),
            ("$reduce([], function($a,$v){1}, 7)", "7"),
            ("$map([[1],[2,3]], $count)", "[1,2]"), ("$filter({\"a\":1}, function($v){true})", #"{"a":1}"#),
            ("$clone({\"a\":[1]})", #"{"a":[1]}"#), ("$keys({\"b\":1,\"2\":1,\"1\":1})", #"["1","2","b"]"#),
            ("$millis()", "1767323045006"), ("$now()", #""2026-01-02T03:04:05.006Z""#), ("$now(\"[Y]\")", #""2026""#),
        ] as [(String, String)])
    func collections(expression: String, expected: String) throws {
        #expect(try evaluate(expression) == JSON(parsing: expected))
    }

    @Test func theContextTakesAMissingArgument() throws {
        #expect(try evaluate("names.$uppercase()", over: #"{"names":["a","b"]}"#) == ["A", "B"])
        #expect(try evaluate("names.$contains(\"a\")", over: #"{"names":["a","b"]}"#) == [true, false])
        #expect(try failure(of: "ages.$uppercase()", over: #"{"ages":[1]}"#)?.code == "T0411")
    }

    @Test(
        arguments: [
            ("$partition([1,2,3,4,5], 2)", "[[1,2],[3,4],[5]]"), ("$partition([], 2)", "[]"),
            ("$range(1, 10, 4)", "[1,5,9]"),
            ("$range(5, 1, -2)", "[5,3,1]"), ("$range(0, -1, 1)", "[]"),
            ("$hash(\"ab\", \"SHA-256\")", #""SHA-256:2""#),
            ("$parse(\"{\\\"a\\\":[1,null]}\")", #"{"a":[1,null]}"#), ("$random(7) = $random(7)", "true"),
            ("$random(7) = $random(8)", "false"),
            ("$uuid() = $uuid()", "false"),
            ("$contains($uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)", "true"),
        ] as [(String, String)])
    func stepFunctionsAdditions(expression: String, expected: String) throws {
        #expect(try evaluate(expression, dialect: .statesLanguage) == JSON(parsing: expected))
    }

    @Test func theReferenceHasNoAdditions() throws {
        for name in ["partition", "range", "hash", "uuid", "parse"] {
            #expect(try failure(of: "$\(name)(1)")?.code == "T1006", "\(name)")
        }
        #expect(try failure(of: "$random(1)")?.code == "T0410")
    }

    /// The same seed draws the same, whatever the thread or the time.
    @Test func randomNumbersFollowTheSeed() throws {
        let draw = "[$random(), $random(), $shuffle([1..5]), $uuid()]"
        let first = try evaluate(draw, dialect: .statesLanguage)
        #expect(try evaluate(draw, dialect: .statesLanguage) == first)
        #expect(try evaluate("$random() >= 0 and $random() < 1") == true)
    }

    /// The States Language has no `$eval`, by whichever way it is reached.
    @Test(arguments: ["$eval(\"1\")", "($f := $eval; $f(\"1\"))", "\"1\" ~> $eval", "$map([\"1\"], $eval)"])
    func evalIsTheReferencesAlone(expression: String) throws {
        #expect(try failure(of: expression, dialect: .statesLanguage)?.code != nil)
        #expect(try evaluate(expression) == 1)
        #expect(try JSONataExpression(expression).references.isEmpty)
        #expect(!JSONataExpression.functionNames.contains("eval"))
    }

    /// The language's reference checks operands and not results: a number without a value that nothing works on becomes
    /// null. What goes on to other states is refused.
    @Test(arguments: ["1/0", "-1/0", "0/0", "1e300 * 1e300", "[1, {\"a\": 1/0}]", "$sum([1e308, 1e308])"])
    func numbersWithoutAValue(expression: String) throws {
        #expect(try evaluate(expression)?.text.contains("null") == true)
        #expect(try failure(of: expression, dialect: .statesLanguage)?.code == "D1001")
    }

    /// On the way they are numbers like others, in both dialects.
    @Test(arguments: [("1/0 = 1/0", "true"), ("$type(0/0)", "\"number\""), ("$boolean(1/0) ? 1 : 2", "1")])
    func numbersWithoutAValueOnTheWay(expression: String, result: String) throws {
        for dialect in [JSONataEnvironment.Dialect.reference, .statesLanguage] {
            #expect(try evaluate(expression, dialect: dialect)?.text == result)
        }
    }
}
