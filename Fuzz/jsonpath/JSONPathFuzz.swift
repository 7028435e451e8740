import JSON
import StatesLanguage

/// One input of libFuzzer: a JSONPath or an intrinsic function, and after a zero byte the document it reads. Whatever it is,
/// it is refused with a reason or has a value, none, or an error; a definite path names one value.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSONPath(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = UnsafeBufferPointer(start: start, count: count)
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    let text = String(decoding: parts[0], as: UTF8.self)
    var document: JSON = ["a": [1, ["b": "text"], nil, 2.5], "c": ["d": true]]
    if parts.count > 1 {
        do throws(JSONSyntaxError) { document = try JSON(parsing: Array(parts[1])) } catch { return 0 }
    }
    let scope = EvaluationScope(
        input: document, context: ["Execution": ["Id": "x"]], variables: ["v": document], seed: 1,
        digest: { _, bytes in String(bytes.count, radix: 16) })
    do throws(JSONPathError) {
        let path = try JSONPath(text)
        do throws(EvaluationError) {
            let value = try path.match(in: scope)
            precondition(path.isDefinite || value == nil || value?.arrayValue != nil, "indefinite paths give arrays")
        } catch {
            precondition(!error.error.isEmpty && !error.cause.isEmpty, "every error says what is wrong")
        }
    } catch {
        precondition(!error.reason.isEmpty, "every refusal has a reason")
    }
    do throws(JSONPathError) {
        let call = try IntrinsicCall(text)
        do throws(EvaluationError) { _ = try call.evaluate(in: scope) } catch {
            precondition(!error.error.isEmpty && !error.cause.isEmpty, "every error says what is wrong")
        }
    } catch {
        precondition(!error.reason.isEmpty, "every refusal has a reason")
    }
    return 0
}
