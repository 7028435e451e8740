import JSON
import StatesLanguage
import Testing

/// Expressions of a few bytes that would multiply their input are stopped; honest ones of the same form are not.
@Suite struct EvaluationLimitsTests {
    /// Forty brackets that each take the first element twice would give 2^40 values.
    @Test func boundsUnions() throws {
        let deep = (0..<40).reduce(JSON.string("x")) { inner, _ in .array([inner]) }
        let path = try JSONPath("$" + String(repeating: "[0,0]", count: 40))
        #expect(path.value(in: EvaluationScope(input: deep)) == nil)
        let short = try JSONPath("$" + String(repeating: "[0,0]", count: 5))
        #expect(short.value(in: EvaluationScope(input: deep))?.arrayValue?.count == 32)
    }

    @Test func boundsDescents() throws {
        let wide = JSON.array(Array(repeating: 1, count: 5000))
        let deep = (0..<300).reduce(wide) { inner, _ in ["a": inner] }
        #expect(try JSONPath("$..*..*").value(in: EvaluationScope(input: deep)) == nil)
        #expect(try JSONPath("$..*").value(in: EvaluationScope(input: deep))?.arrayValue?.count == 5300)
    }

    @Test func boundsFilters() throws {
        let list = JSON.array((0..<2000).map { .integer($0) })
        let scope = EvaluationScope(input: ["rows": .array(Array(repeating: list, count: 50)), "list": list])
        #expect(try JSONPath("$.rows[?(@ anyof $.list)]").value(in: scope) == nil)
        #expect(try JSONPath("$.rows[?(@ contains 7)]").value(in: scope)?.arrayValue?.count == 50)
    }

    @Test func boundsTemplates() throws {
        let big = JSON.string(String(repeating: "b", count: 200_000))
        func template(_ count: Int) throws -> PayloadTemplate {
            try PayloadTemplate(
                from: .array((0..<count).map { _ in ["x.$": "$"] }))
        }
        #expect(try template(10).evaluate(in: EvaluationScope(input: big), field: "Parameters").arrayValue?.count == 10)
        let excessive = try template(100)
        let error = #expect(throws: EvaluationError.self) {
            try excessive.evaluate(in: EvaluationScope(input: big), field: "Parameters")
        }
        #expect(error?.error == "States.DataLimitExceeded")
    }

    @Test func boundsIntrinsicFunctions() throws {
        let scope = EvaluationScope(input: .string(String(repeating: "b", count: 250_000)))
        let placeholders = String(repeating: "{}", count: 50)
        let call = try IntrinsicCall(
            "States.Format('\(placeholders)'" + String(repeating: ", $", count: 50) + ")")
        let error = #expect(throws: EvaluationError.self) { try call.evaluate(in: scope) }
        #expect(error?.error == "States.DataLimitExceeded")
    }

    /// A path that looks at too much is reported as such wherever it stands.
    @Test func saysThatAPathIsExcessive() throws {
        let deep = (0..<40).reduce(JSON.string("x")) { inner, _ in .array([inner]) }
        let scope = EvaluationScope(input: deep)
        let path = "$" + String(repeating: "[0,0]", count: 40)
        let template = try PayloadTemplate(from: ["x.$": .string(path)])
        let call = try IntrinsicCall("States.ArrayLength(\(path))")
        let condition = ChoiceCondition.isPresent(try JSONPath(path), true)
        let errors = [
            #expect(throws: EvaluationError.self) { try template.evaluate(in: scope, field: "Parameters") },
            #expect(throws: EvaluationError.self) { try call.evaluate(in: scope) },
            #expect(throws: EvaluationError.self) { try condition.matches(in: scope) },
        ]
        #expect(errors.allSatisfy { $0?.error == "States.DataLimitExceeded" })
    }

    @Test func knowsNoInfinity() throws {
        let scope = EvaluationScope(input: [1e308, 1e308])
        #expect(try JSONPath("$.sum()").value(in: scope) == nil)
        #expect(try JSONPath("$.max()").value(in: scope) == 1e308)
    }

    /// What a state hands on can always be read again.
    @Test func boundsDepth() throws {
        let steps = String(repeating: ".a", count: 100)
        let flow = PathFlow(
            inputPath: .path(try JSONPath("$")), parameters: nil, resultSelector: nil,
            resultPath: .insert(try ReferencePath("$" + steps)), outputPath: .path(try JSONPath("$")))
        func nested(_ depth: Int) -> JSON { (0..<depth).reduce(1) { inner, _ in [inner] } }
        let allowed = try flow.output(of: nested(300), in: EvaluationScope(input: [:]))
        #expect(try JSON(parsing: allowed.text) == allowed)
        let error = #expect(throws: EvaluationError.self) {
            try flow.output(of: nested(301), in: EvaluationScope(input: [:]))
        }
        #expect(error?.error == "States.DataLimitExceeded")
        #expect(throws: JSONPathError.self) { try ReferencePath("$" + steps + ".a") }
    }
}
