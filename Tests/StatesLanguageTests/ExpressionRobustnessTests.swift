import JSON
import StatesLanguage
import Testing

/// Random expressions of plausible pieces: each is refused or evaluated, and nothing traps.
@Suite struct ExpressionRobustnessTests {
    private static let pieces = [
        "$", "$$", "@", ".", "..", "*", "a", "b", "[", "]", "[0]", "[-1]", "[0,1]", "[1:]", "[*]", "['a']", "['a','b']",
        "[?(",
        ")]", "(", ")", "@.a", "$.a", " == ", " < ", " in ", " && ", " || ", "!", "'x'", "\"", "'", "\\", "1", "-",
        "1e9", "null",
        ".length()", ".min()", " =~ /a+/", "/", "{}", ",", " ", "é", "\u{0}", "States.Format(", "States.Array(",
        "States.MathAdd(",
        "States.UUID()", "States.JsonMerge(", "States.StringToJson('", "States.ArrayRange(", "true", "false", "^",
        "[(@.length-1)]",
    ]

    private static let document: JSON = [
        "a": [1, "x", ["a": ["b": nil]], [[], [:]]], "b": ["a": "aaa", "b": 1.5], "x": true,
    ]

    @Test(arguments: 0..<40) func neverTraps(seed: Int) throws {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1
        func pick(_ count: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state >> 33) % count
        }
        let scope = EvaluationScope(input: ExpressionRobustnessTests.document, seed: UInt64(seed))
        var evaluated = 0
        for _ in 0..<250 {
            let start = ["$", "$.a", "States.Array(", "States.Format('{}', ", "$[?(@", ""][pick(6)]
            let text =
                start
                + (0..<pick(8)).map { _ in
                    ExpressionRobustnessTests.pieces[pick(ExpressionRobustnessTests.pieces.count)]
                }.joined() + ["", ")", ")]"][pick(3)]
            do {
                let template = try PayloadTemplate(from: ["v.$": .string(text)])
                evaluated += 1
                let value = try template.evaluate(in: scope, field: "Parameters")
                #expect(try JSON(parsing: value.text) == value, "seed \(seed): \(text)")
            } catch is PayloadTemplateError {
                continue
            } catch is EvaluationError {
                continue
            }
        }
        #expect(evaluated > 0, "seed \(seed)")
    }
}
