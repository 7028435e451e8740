import JSON
import JSONata

/// Evaluations a second of the expressions that `jsonata-against-python.py` hands over on standard input as
/// `[{"name", "expr", "data"}, ...]`, each for as many seconds as the argument says. Prints `{"name": rate, ...}`. Expressions are parsed once and the data once.
@main
struct JSONataBenchmark {
    static func main() throws {
        var lines = ""
        while let line = readLine(strippingNewline: false) { lines += line }
        guard let cases = try JSON(parsing: lines).arrayValue else { preconditionFailure("the cases are an array") }
        let seconds = CommandLine.arguments.count > 1 ? Double(CommandLine.arguments[1]) ?? 1 : 1
        let environment = JSONataEnvironment(dialect: .reference, nowMilliseconds: 0, seed: 1)
        var rates: [String] = []
        for each in cases {
            guard let name = each["name"]?.stringValue, let text = each["expr"]?.stringValue else {
                preconditionFailure("each case has a name and an expression")
            }
            let expression = try JSONataExpression(text)
            let clock = ContinuousClock()
            let start = clock.now
            var count = 0
            var elapsed = Duration.zero
            while elapsed < .seconds(seconds) {
                for _ in 0..<20 { _ = try expression.evaluate(input: each["data"], in: environment) }
                count += 20
                elapsed = clock.now - start
            }
            rates.append("\"\(name)\": \(Double(count) / (elapsed / .seconds(1)))")
        }
        print("{\(rates.joined(separator: ", "))}")
    }
}
