import JSON
import JSONata
import Testing

/// What a definition's reader learns of an expression without evaluating it.
@Suite struct ReferenceTests {
    @Test(
        arguments: [
            ("$states.input.a.b", ["states.input.a.b@0"]), ("1 + $price * $qty", ["price@4", "qty@13"]),
            ("$states.input.list[0].x", ["states.input.list@0"]),
            ("$states.input.(a)", ["states.input@0"]), ("$states", ["states@0"]), ("$$.a", ["$.a@0"]), ("$.a", []),
            ("a.b", []), ("$sum($x)", ["x@5"]), ("$map($xs, $string)", ["xs@5"]),
            ("($y := $x; $y + $z)", ["x@7", "z@16"]), ("($x := $x; $x)", ["x@7"]), ("function($a){$a + $b}", ["b@18"]),
            ("($f := function($n){$f($n)}; $f($k))", ["k@32"]),
            ("(($x := 1); $x)", ["x@12"]), ("a@$i.b[$i = $j]", ["j@12"]), ("a#$i.{\"n\": $i}", []),
            ("{$k: $v}", ["k@1", "v@5"]), ("a^($o)", ["o@3"]),
            ("$ ~> |$p|{\"a\": $u}, $d|", ["p@6", "u@15", "d@20"]),
            ("$states.input ~> $f", ["states.input@0", "f@17"]), ("$x.y.$z", ["x.y@0", "z@5"]),
            ("$a ? $b : $c", ["a@0", "b@5", "c@10"]),
            ("$a ?? $b ?: $c", ["a@0", "b@6", "c@12"]), ("[$a..$b]", ["a@1", "b@5"]), ("-$a", ["a@1"]),
            ("$f(?, $a)", ["f@0", "a@6"]), ("\"é😀\" & $x", ["x@8"]), ("$partition($x, 2)", ["x@11"]),
        ] as [(String, [String])])
    func references(expression: String, expected: [String]) throws {
        let found = try JSONataExpression(expression).references
        #expect(found.map { ([$0.variable] + $0.path).joined(separator: ".") + "@\($0.offset)" } == expected)
    }

    @Test(
        arguments: [
            ("$sum($map(a, $string))", ["map", "sum"]), ("a ~> $uppercase", ["uppercase"]), ("$eval(\"1\")", ["eval"]),
            ("$substring(?, 1)", ["substring"]), ("($f := function(){$now()}; $f())", ["now"]), ("a.b", []),
        ] as [(String, Set<String>)])
    func calledFunctions(expression: String, expected: Set<String>) throws {
        #expect(try JSONataExpression(expression).calledFunctions == expected)
    }
}
