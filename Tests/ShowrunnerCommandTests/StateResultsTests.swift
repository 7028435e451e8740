import JSON
import Testing

@testable import showrunner

@Suite struct StateResultsTests {
    private static let definition = """
        {"StartAt": "A", "States": {
          "A": {"Type": "Task", "ResultPath": "$.media", "Next": "B"},
          "B": {"Type": "Parallel", "ResultPath": "$.both.encoded", "Branches": [
            {"StartAt": "C", "States": {"C": {"Type": "Task", "End": true}}}], "Next": "D"},
          "D": {"Type": "Task", "ResultPath": null, "End": true}}}
        """

    @Test(
        "a task's result lies where its state has put it",
        arguments: [
            ("A", "validated"), ("B", "encoded"), ("C", nil), ("D", nil),
        ] as [(String, String?)])
    func lies(state: String, result: String?) {
        let results = StateResults(definition: Self.definition)
        let output: JSON = ["media": "validated", "both": ["encoded": "encoded"]]
        // One without a path gives all, one that keeps nothing none.
        #expect(results.result(of: state, in: output) == (state == "C" ? output : result.map(JSON.string)))
    }

    @Test("without a definition the output is the result")
    func withoutDefinition() {
        for text in [nil, "no JSON", "[]"] {
            #expect(StateResults(definition: text).result(of: "A", in: ["a": 1]) == ["a": 1])
        }
    }
}
