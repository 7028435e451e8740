import JSON
import JSONata

/// One input of libFuzzer: an expression, and after a zero byte the JSON it is evaluated over. Whatever it is, evaluation ends
/// within its limits with a value or an error; a value written as JSON reads back the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSONata(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = UnsafeBufferPointer(start: start, count: count)
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    let text = String(decoding: parts[0], as: UTF8.self)
    var input: JSON?
    if parts.count > 1 {
        do throws(JSONSyntaxError) {
            input = try JSON(parsing: Array(parts[1]))
        } catch {
            input = .string(String(decoding: parts[1], as: UTF8.self))
        }
    }
    let limits = JSONataLimits(steps: 50_000, depth: 400, bytes: 8 << 20, stackBytes: 1 << 20)
    for dialect in [JSONataEnvironment.Dialect.reference, .statesLanguage] {
        let environment = JSONataEnvironment(
            dialect: dialect, nowMilliseconds: 1_767_225_600_000, seed: 1, limits: limits,
            digest: { _, bytes in String(bytes.count, radix: 16) })
        do throws(JSONataError) {
            let expression = try JSONataExpression(text)
            precondition(
                expression.references.allSatisfy { $0.offset < text.utf16.count }, "references lie in the text")
            let result = try expression.evaluate(
                input: input, bindings: ["states": ["input": input ?? nil]], in: environment)
            if let result { check(result) }
        } catch {
            precondition(!error.code.isEmpty && !error.message.isEmpty, "every error says what is wrong")
        }
    }
    return 0
}

private func check(_ result: JSON) {
    let text = result.text
    do throws(JSONSyntaxError) {
        let again = try JSON(parsing: text).text
        precondition(again == text, "a value through JSON and back is the same")
    } catch {
        // Values may nest deeper than the reader of JSON allows.
        precondition(error.reason.contains("nested deeper"), "a result is JSON: \(error)")
    }
}
