import JSON
import JSONata
import Testing

/// What expressions mean: paths, predicates, constructors, operators, functions (docs.jsonata.org).
@Suite struct LanguageTests {
    static let shop = #"""
        {"shop":"Ark","orders":[
         {"id":"o1","customer":"Ada","lines":[{"sku":"pen","qty":2,"price":1.5},{"sku":"ink","qty":1,"price":4}]},
         {"id":"o2","customer":"Bob","lines":[{"sku":"pen","qty":10,"price":1.25}]}],
         "stock":{"pen":{"left":7},"ink":{"left":0}},"tags":["a","b","c"],"nested":[[1,2],[3]],"empty":[],"none":null,"7":"seven"}
        """#

    static func json(_ text: String) throws -> JSON { try JSON(parsing: text) }

    @Test(
        arguments: [
            // Paths map over arrays and flatten; one item is itself, none is nothing.
            ("shop", #""Ark""#), ("orders.id", #"["o1","o2"]"#), ("orders.lines.sku", #"["pen","ink","pen"]"#),
            ("orders[1].lines.sku", #""pen""#), ("orders[1].lines.sku[]", #"["pen"]"#),
            ("orders[].lines[0].sku", #"["pen","pen"]"#),
            ("tags[0]", #""a""#), ("tags[-1]", #""c""#), ("tags[[0,2]]", #"["a","c"]"#), ("tags[1.9]", #""b""#),
            ("nested[0]", "[1,2]"), ("nested[0][0]", "1"), ("nested.$", "[1,2,3]"), ("`shop`", #""Ark""#),
            ("\"shop\"", #""shop""#), ("$.\"shop\"", #""Ark""#), ("$.'7'", #""seven""#), ("$$.shop", #""Ark""#),
            ("none", "null"), ("empty", "[]"), ("stock.*.left", "[7,0]"), ("stock.**.left", "[7,0]"),
            ("**.sku", #"["pen","ink","pen"]"#), ("orders[qty=3 or id=\"o2\"].customer", #""Bob""#),
            ("orders[lines[0].qty > 5].id", #""o2""#), ("orders.lines[qty > 1].sku", #"["pen","pen"]"#),
            ("(orders.lines)[0].sku", #""pen""#), ("orders.lines[0].sku", #"["pen","pen"]"#),
            ("orders.(customer & \":\" & id)", #"["Ada:o1","Bob:o2"]"#),
            // Constructors
            ("[1, [2, 3], tags]", #"[1,[2,3],"a","b","c"]"#), ("[1..4]", "[1,2,3,4]"), ("[0, 3..1, 9]", "[0,9]"),
            ("orders.[id, customer]", #"[["o1","Ada"],["o2","Bob"]]"#),
            ("{\"n\": $count(tags), \"x\": missing}", #"{"n":3}"#),
            ("orders.{id: customer}", #"[{"o1":"Ada"},{"o2":"Bob"}]"#),
            ("orders{id: customer}", #"{"o1":"Ada","o2":"Bob"}"#),
            ("orders.lines{sku: $sum(qty)}", #"{"pen":12,"ink":1}"#),
            ("orders.lines{sku: qty[]}", #"{"pen":[2,10],"ink":[1]}"#),
            // Order
            ("orders.lines^(>price, sku).price", "[4,1.5,1.25]"), ("orders.lines^(sku, <qty).qty", "[1,2,10]"),
            ("orders^(missing).id", #"["o1","o2"]"#),
            // Bindings along a path
            ("orders#$i.{\"at\": $i, \"id\": id}", #"[{"at":0,"id":"o1"},{"at":1,"id":"o2"}]"#),
            ("orders.lines#$i[$i > 0].sku", #""ink""#),
            (
                "orders@$o.tags@$t[$t = $lowercase($substring($o.customer,0,1))].{\"o\": $o.id, \"t\": $t}",
                #"[{"o":"o1","t":"a"},{"o":"o2","t":"b"}]"#
            ),
            // Parents
            (
                "orders.lines.{\"c\": %.customer, \"s\": sku}",
                #"[{"c":"Ada","s":"pen"},{"c":"Ada","s":"ink"},{"c":"Bob","s":"pen"}]"#
            ),
            ("orders.lines[%.customer = \"Bob\"].sku", #""pen""#), ("orders.lines.%.%.shop", #"["Ark","Ark","Ark"]"#),
            ("orders.lines^(%.customer, price).price", "[1.5,4,1.25]"),
        ] as [(String, String)])
    func paths(expression: String, expected: String) throws {
        #expect(try evaluate(expression, over: LanguageTests.shop) == LanguageTests.json(expected))
    }

    @Test(
        arguments: [
            ("1 + 2 * 3", "7"), ("(1 + 2) * 3", "9"), ("7 % 4", "3"), ("-7 % 4", "-3"), ("10 - 4 - 3", "3"),
            ("2 / 4", "0.5"),
            ("-(3)", "-3"), ("1 < 2 and 2 < 3", "true"), ("\"a\" < \"b\"", "true"), ("\"Z\" < \"a\"", "true"),
            ("1 = 1.0", "true"), ("[1,{\"a\":2}] = [1,{\"a\":2}]", "true"),
            ("{\"a\":1,\"b\":2} = {\"b\":2,\"a\":1}", "true"),
            ("1 != \"1\"", "true"), ("missing = missing", "false"), ("missing != 1", "false"), ("null = null", "true"),
            ("\"x\" & 1 & true & null & missing & [1] & {\"a\":\"b\"}", #""x1truenull[1]{\"a\":\"b\"}""#),
            ("2 in [1,2]", "true"), ("2 in 2", "true"), ("missing in [1]", "false"), ("in", "null"),
            ("and and or", "false"),
            ("true ? 1 : 2", "1"), ("false ? 1 : 2", "2"), ("[] ? 1 : 2", "2"), ("[0,1] ? 1 : 2", "1"), ("0 ?: 5", "5"),
            ("missing ?? 5", "5"), ("null ?? 5", "null"), ("0 ?? 5", "0"), ("missing ?? missing ?? 6", "6"),
            ("($x := 1; $y := $x + 1; $x + $y)", "3"), ("($x := 1; ($x := 2; $x) + $x)", "3"),
            ("($x := 1; ($y := $x; $x := 5; $y * 10 + $x))", "15"), ("($a := $b := 4; $a + $b)", "8"),
            ("function($a, $b){$a - $b}(5, 3)", "2"), ("λ($x){$x * 2}(21)", "42"),
            ("$exists(function($x){$x}())", "false"),
            ("($f := function($n){$n < 2 ? 1 : $n * $f($n - 1)}; $f(10))", "3628800"),
            ("($add := function($x){function($y){$x + $y}}; $add(3)(4))", "7"),
            ("($half := $power(?, 0.5); $half(9))", "3"), ("($minus := function($a,$b){$a-$b}; $minus(?, 1)(5))", "4"),
            ("[1..5] ~> $sum()", "15"), ("5 ~> $string", #""5""#),
            ("($up := $trim ~> $uppercase; \" ab \" ~> $up)", #""AB""#),
            ("($f := function($x)<n:n>{$x}; $f(3))", "3"), ("($f := function($x)<a<n>:n>{$count($x)}; $f(3))", "1"),
            ("$map([1,2,3], function($v, $i, $a){$v * $i + $count($a)})", "[3,5,9]"),
            ("($loop := function($n, $sum){$n = 0 ? $sum : $loop($n - 1, $sum + $n)}; $loop(20000, 0))", "200010000"),
            ("/* a comment */ 1 /* and another */ + 1", "2"), ("1\t+\r\n1", "2"), ("\"\\u00e9\\n\\/\"", "\"é\\n/\""),
            ("($x := 4; $eval(\"1 + $x\"))", "5"), ("$eval(\"a.b\", {\"a\":{\"b\":1}})", "1"),
            ("($eval(\"$y := 3\"); $y)", "3"),
        ] as [(String, String)])
    func operators(expression: String, expected: String) throws {
        #expect(try evaluate(expression) ?? nil == LanguageTests.json(expected))
    }

    @Test(
        arguments: [
            "missing", "missing.a.b", "shop.a", "tags[9]", "tags[$ = \"z\"]", "empty[0]", "orders.nothing", "()",
            "1 + missing", "missing > 1", "false ? 1", "$undefined", "[missing][0]",
            "$map(tags, function($x){missing})",
            "-missing",
        ])
    func nothing(expression: String) throws {
        #expect(try evaluate(expression, over: LanguageTests.shop) == nil)
    }

    @Test(
        arguments: [
            (#"$ ~> |stock.pen|{"left": left - 1}|"#, #"{"left":6}"#, "stock.pen"),
            (
                #"$ ~> |orders|{"n": $count(lines)}, ["lines","customer"]|"#, #"[{"id":"o1","n":2},{"id":"o2","n":1}]"#,
                "orders"
            ),
            (#"$ ~> |stock.*|{}, "left"|"#, #"{"pen":{},"ink":{}}"#, "stock"),
            (#"$ ~> |nowhere|{"a":1}|"#, #"["a","b","c"]"#, "tags"),
        ] as [(String, String, String)])
    func transforms(expression: String, expected: String, place: String) throws {
        #expect(try evaluate("(\(expression)).\(place)", over: LanguageTests.shop) == LanguageTests.json(expected))
        let untouched = try evaluate("($t := \(expression); $$)", over: LanguageTests.shop)
        #expect(try untouched == LanguageTests.json(LanguageTests.shop))
    }

    /// An update that holds the object it goes into is a copy of it.
    @Test func transformationMakesNoCircle() throws {
        let result = try evaluate(#"$ ~> |a|{"self": $}|"#, over: #"{"a":{"b":1}}"#)
        #expect(try result == LanguageTests.json(#"{"a":{"b":1,"self":{"b":1}}}"#))
    }

    @Test func anArrayAsInputIsOneItem() throws {
        #expect(try evaluate("$", over: "[1,2]") == [1, 2])
        #expect(try evaluate("$[0]", over: "[1,2]") == 1)
        #expect(try evaluate("a", over: #"[{"a":1},{"a":2}]"#) == [1, 2])
        #expect(try evaluate("$count($)", over: "[[1,2]]") == 1)
        #expect(try evaluate("*", over: #"[{"a":1},5]"#) == [["a": 1], 5])
    }

    @Test func variablesComeFromTheCaller() throws {
        let states: JSON = ["input": ["list": [1, [2]], "big": .integer(9_007_199_254_740_993 as Int64)]]
        #expect(try evaluate("$states.input.list", bindings: ["states": states]) == [1, [2]])
        #expect(try evaluate("$states.input", bindings: ["states": states]) == states["input"])
        #expect(try evaluate("$sum", bindings: ["sum": 2]) == 2, "a variable hides a function")
        #expect(try evaluate("$x[0]", bindings: ["x": [[1]]]) == [1])
    }

    @Test func functionsAsResults() throws {
        #expect(try evaluate("{\"f\": function(){1}}") == ["f": ""])
        #expect(try failure(of: "[$sum]", dialect: .statesLanguage)?.code == "T1006")
    }

    @Test func equalTextsAreEqualExpressions() throws {
        #expect(try JSONataExpression("a.b") == JSONataExpression("a.b"))
        #expect(try JSONataExpression("a.b") != JSONataExpression("a . b"))
        #expect(try Set([JSONataExpression("1"), JSONataExpression("1")]).count == 1)
    }
}
