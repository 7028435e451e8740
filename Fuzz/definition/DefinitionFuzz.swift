import JSON
import StatesLanguage

/// One input of libFuzzer: a definition as the wire brings it. Reading ends with a machine or with the reasons why there is
/// none, each with a place in the text; the same text is read alike twice.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDefinition(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    let lines = text.utf8.count { $0 == UInt8(ascii: "\n") } + 1
    for type in [StateMachineType.standard, .express] {
        let reading = Definition.read(json: text, type: type)
        let errors = reading.diagnostics.filter { $0.severity == .error }
        precondition((reading.machine == nil) == !errors.isEmpty, "a machine, or the reasons why there is none")
        for diagnostic in reading.diagnostics {
            precondition(!diagnostic.message.isEmpty, "every diagnostic says what is wrong")
            precondition((1...lines).contains(diagnostic.place.line), "every diagnostic lies in the text")
        }
        precondition(
            Definition.read(json: text, type: type).diagnostics == reading.diagnostics, "reading is a function")
        if let machine = reading.machine { _ = Definition.variableReferences(machine) }
    }
    return 0
}
