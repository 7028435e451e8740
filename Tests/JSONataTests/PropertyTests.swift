import JSON
import JSONata
import OrderedCollections
import Testing

/// What holds for every value, tried on values drawn from a seed.
@Suite struct PropertyTests {
    struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state ^ state >> 33) &* 0xFF51_AFD7_ED55_8CCD
        }
    }

    static func value(_ generator: inout Generator, depth: Int = 0) -> JSON {
        switch Int.random(in: 0..<(depth > 4 ? 5 : 8), using: &generator) {
        case 0: return .null
        case 1: return .bool(.random(using: &generator))
        case 2: return .integer(Int64.random(in: -1_000_000...1_000_000, using: &generator))
        case 3: return .double(Double.random(in: -1e6...1e6, using: &generator))
        case 4:
            let alphabet = Array("ab\"\\é😀\n 1$".unicodeScalars)
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0..<6, using: &generator) {
                text.append(alphabet[Int.random(in: 0..<alphabet.count, using: &generator)])
            }
            return .string(String(text))
        case 5, 6:
            return .array(
                (0..<Int.random(in: 0..<5, using: &generator)).map { _ in value(&generator, depth: depth + 1) })
        default:
            var members: OrderedDictionary<String, JSON> = [:]
            for _ in 0..<Int.random(in: 0..<5, using: &generator) {
                members["k\(Int.random(in: 0..<9, using: &generator))"] = value(&generator, depth: depth + 1)
            }
            return .object(members)
        }
    }

    /// Whatever goes in comes out unchanged, by whichever door.
    @Test func valuesPassThrough() throws {
        var generator = Generator(state: 42)
        for _ in 0..<500 {
            let value = PropertyTests.value(&generator)
            let environment = JSONataEnvironment(nowMilliseconds: 0, seed: 0)
            for (expression, wrapped) in [
                ("$", false), ("$$", false), ("$v", false), ("{\"w\": $v}", true),
                ("($x := function($y){$y}; {\"w\": $x($v)})", true),
            ] {
                let result = try JSONataExpression(expression).evaluate(
                    input: value, bindings: ["v": value], in: environment)
                #expect((wrapped ? result?["w"] : result) == value, "\(expression) of \(value)")
            }
            #expect(try JSON(parsing: value.text) == value)
        }
    }

    /// Written as text and read back it is the same, but for digits beyond the 15th.
    @Test func textComesBack() throws {
        var generator = Generator(state: 43)
        let expression = try JSONataExpression("$string($parse($string($v))) = $string($v)")
        for _ in 0..<500 {
            let value = PropertyTests.value(&generator)
            if case .string = value { continue }
            let environment = JSONataEnvironment(nowMilliseconds: 0, seed: 0)
            #expect(try expression.evaluate(input: nil, bindings: ["v": value], in: environment) == true, "\(value)")
        }
    }

    @Test(
        arguments: [
            "$v = $v", "$count($append($v, $v)) = 2 * $count($v)",
            "$distinct($append([$v], [$v])) = $distinct([$v]) or $count($v) = 0 or $type($v) != \"array\"",
            "$exists($v)", "$reverse($reverse([$v])) = [$v]", "$boolean($v) = $not($not($v))",
            "$string([$v]) = $string($append([], [$v]))",
            "$type($v) != \"object\" or $merge($spread($v)) = $v or $v = {}",
            "$type($v) != \"object\" or $clone($v) = $v or true",
        ])
    func lawsHold(law: String) throws {
        let expression = try JSONataExpression(law)
        var generator = Generator(state: 44)
        for _ in 0..<200 {
            let value = PropertyTests.value(&generator)
            let environment = JSONataEnvironment(nowMilliseconds: 0, seed: 0)
            #expect(try expression.evaluate(input: nil, bindings: ["v": value], in: environment) == true, "\(value)")
        }
    }

    @Test func sortingIsStableAndOrders() throws {
        let expression = try JSONataExpression("($s := $v^(a); [$s.a, $s.i])")
        var generator = Generator(state: 45)
        for _ in 0..<100 {
            let keys = (0..<20).map { _ in Int.random(in: 0..<6, using: &generator) }
            let items = JSON.array(keys.enumerated().map { ["a": .integer($1), "i": .integer($0)] })
            let environment = JSONataEnvironment(nowMilliseconds: 0, seed: 0)
            let result = try expression.evaluate(input: nil, bindings: ["v": items], in: environment)
            let order = keys.indices.sorted { (keys[$0], $0) < (keys[$1], $1) }
            #expect(result == .array(order.map { .integer(keys[$0]) } + order.map { .integer($0) }))
        }
    }

    /// One expression on many threads.
    @Test func expressionsAreShared() async throws {
        let expression = try JSONataExpression("$sum($map([1..100], function($x){$x * $k}))")
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for k in 1...16 {
                group.addTask {
                    let environment = JSONataEnvironment(nowMilliseconds: 0, seed: 0)
                    return try expression.evaluate(input: nil, bindings: ["k": .integer(k)], in: environment)
                        == .integer(5050 * k)
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
    }
}
