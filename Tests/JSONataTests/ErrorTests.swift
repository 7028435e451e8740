import JSON
import JSONata
import Testing

/// Codes, positions (UTF-16 offset after the token) and tokens of errors.
@Suite struct ErrorTests {
    @Test(
        arguments: [
            ("\"abc", "S0101", 4, nil), ("1e999", "S0102", 0, "1e999"), (#""a\q""#, "S0103", 3, "q"),
            (#""\u12""#, "S0104", 2, nil),
            ("`abc", "S0105", 4, nil), ("1 /* x", "S0106", 2, nil), ("1 2", "S0201", 3, "2"),
            ("[1;2]", "S0202", 3, ";"),
            ("{\"a\" 1}", "S0202", 6, "1"), ("[1", "S0203", 2, "(end)"), ("(1", "S0203", 2, "(end)"),
            ("1 ! 2", "S0204", 3, "!"),
            ("1 +", "S0207", 3, "(end)"), ("", "S0207", 0, "(end)"), ("function(1){2}", "S0208", 10, "1"),
            ("(a){\"b\":1}[0]", "S0209", 11, nil),
            ("a{\"b\":1}{\"c\":2}", "S0210", 9, nil), ("* = = 2", "S0211", 5, "="), ("a := 1", "S0212", 1, "a"),
            ("a.1", "S0213", 3, "1"),
            ("a.true", "S0213", 6, "true"), ("a@b", "S0214", 3, "@"), ("a#b", "S0214", 3, "#"),
            ("a[0]@$x", "S0215", 5, nil),
            ("a^(b)@$x", "S0216", 6, nil), ("%", "S0217", 1, "parent"), ("a.%.%", "S0217", 1, "path"),
            ("//", "S0301", 1, nil), ("/ab", "S0302", 3, nil),
            ("/(/", "S0302", 3, nil), ("/a**/", "S0303", 5, nil), ("function($a)<n<n>>{1}", "S0401", 15, nil),
            ("function($a)<(sa<n>)>{1}", "S0402", 14, nil),
        ] as [(String, String, Int, String?)])
    func syntax(expression: String, code: String, position: Int, token: String?) throws {
        let error = try #require(try failure(of: expression))
        #expect(error.code == code)
        #expect(error.position == position, "\(error)")
        if let token { #expect(error.token == token) }
    }

    @Test(
        arguments: [
            ("\"a\" + 1", "T2001", 5, "+"), ("1 * \"a\"", "T2002", 3, "*"), ("[\"a\"..2]", "T2003", 6, ".."),
            ("[1..1.5]", "T2004", 4, ".."),
            ("1 ~> 2", "T2006", 4, nil), ("[1,\"a\"]^($)", "T2007", 8, nil), ("[true,false]^($)", "T2008", 13, nil),
            ("1 < \"a\"", "T2009", 3, "<"),
            ("true > 1", "T2010", 6, ">"), ("{} ~> |$|1|", "T2011", 10, nil),
            ("{\"a\":1} ~> |$|{},5|", "T2012", 18, nil),
            ("($clone := 1; {} ~> |$|{}|)", "T2013", 21, nil), ("[1..100000000]", "D2014", 4, ".."),
            ("$sum(\"a\")", "T0412", 5, "sum"),
            ("$uppercase(1)", "T0410", 11, "uppercase"), ("$sum(1, 2)", "T0410", 5, "sum"),
            ("sum(1)", "T1005", 4, "sum"), ("nope(1)", "T1006", 5, "nope"),
            ("sum(?)", "T1007", 4, "sum"), ("nope(?)", "T1008", 5, "nope"), ("{1: 2}", "T1003", 1, nil),
            ("{\"a\":1,\"a\":2}", "D1009", 1, nil),
            ("-\"a\"", "D1002", 1, "-"), ("1/0 + 1", "D1001", 5, "+"), ("$string(1/0)", "D3001", 8, "string"),
            ("$replace(\"a\",\"\",\"b\")", "D3010", 9, "replace"),
            ("$replace(\"a\",\"a\",\"b\",-1)", "D3011", 9, "replace"),
            ("$replace(\"a\",/a/,function(){1})", "D3012", 9, "replace"),
            ("$replace(\"ab\",/x*/,\"\")", "D1004", 18, nil), ("$split(\"a\",\"b\",-1)", "D3020", 7, "split"),
            ("$number(\"x\")", "D3030", 8, "number"),
            ("$match(\"a\",/a/,-1)", "D3040", 7, "match"), ("$reduce([1],function($x){1})", "D3050", 8, "reduce"),
            ("$sqrt(-1)", "D3060", 6, "sqrt"),
            ("$power(10, 999)", "D3061", 7, "power"), ("$sort([1,\"a\"])", "D3070", 6, "sort"),
            ("$formatBase(1, 99)", "D3100", 12, "formatBase"),
            ("$toMillis(\"x\")", "D3110", 10, "toMillis"), ("$eval(\"1 +\")", "D3120", 6, "eval"),
            ("$eval(\"1 + 'a'\")", "D3121", 6, "eval"),
            ("$formatInteger(1, \"x\")", "D3130", 15, "formatInteger"),
            ("$fromMillis(1, \"[Q]\")", "D3132", 12, "fromMillis"),
            ("$fromMillis(1, \"[YN]\")", "D3133", 12, "fromMillis"),
            ("$fromMillis(1, \"[Y\")", "D3135", 12, "fromMillis"),
            ("$toMillis(\"2018-5\", \"[Y]-[D]\")", "D3136", 10, "toMillis"), ("$error(\"stop\")", "D3137", 7, "error"),
            ("$single([1,2])", "D3138", 8, "single"), ("$single([])", "D3139", 8, "single"),
            ("$decodeUrl(\"%E0%A4%A\")", "D3140", 11, "decodeUrl"),
            ("$assert(false, \"no\")", "D3141", 8, "assert"),
            ("$contains(\"a\", function($s){1})", "T1010", 10, "contains"),
        ] as [(String, String, Int, String?)])
    func evaluation(expression: String, code: String, position: Int, token: String?) throws {
        let error = try #require(try failure(of: expression))
        #expect(error.code == code)
        #expect(error.position == position, "\(error)")
        if let token { #expect(error.token == token) }
    }

    @Test(
        arguments: [
            ("#.#.#", "D3081"), ("%0%", "D3082"), ("\u{2030}0\u{2030}", "D3083"), ("%0\u{2030}", "D3084"),
            (".", "D3085"), ("0a0", "D3086"),
            ("0,.0", "D3087"), ("0,", "D3088"), ("0,,0", "D3089"), ("0#.0", "D3090"), ("0.#0", "D3091"),
            ("0e0%", "D3092"), ("0e#", "D3093"), ("0;0;0", "D3080"),
        ])
    func numberPictures(picture: String, code: String) throws {
        #expect(try failure(of: "$formatNumber(1, \"\(picture)\")")?.code == code)
    }

    @Test func sentences() throws {
        #expect(try failure(of: "\"a\" + 1")?.message == "The left side of the '+' operator must evaluate to a number")
        #expect(try failure(of: "nope(1)")?.message == "Attempted to invoke a non-function")
        #expect(try failure(of: "$error(\"Too late\")")?.message == "Too late")
        #expect(try failure(of: "$number(\"x\")")?.message == #"Unable to cast value to a number: "x""#)
        #expect(try failure(of: "$number(\"x\")")?.value == "x")
        #expect(try failure(of: "$sum(\"a\")")?.message == "Argument 1 of function 'sum' must be an array of 'numbers'")
        #expect(try failure(of: "1 +")?.description == "S0207: Unexpected end of expression")
    }

    /// The place is where the mistake is, not where the function that makes it was called.
    @Test func theInnermostPlaceCounts() throws {
        let error = try failure(of: "($f := function($x){ $x + \"a\" }; $f(1))")
        #expect(error?.position == 25)
        #expect(error?.token == "+")
    }
}
