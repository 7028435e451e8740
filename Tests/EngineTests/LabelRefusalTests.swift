import StatesLanguage
import Testing

@testable import Engine

/// A label, and what CreateStateMachine says of it before it quotes the definition.
struct RefusedLabel: Sendable, CustomTestStringConvertible {
    let label: String
    let words: String

    var testDescription: String { words }
}

@Suite("Refused labels") struct LabelRefusalTests {
    static let refused = [
        RefusedLabel(label: "", words: "['Label cannot be empty']"),
        RefusedLabel(
            label: String(repeating: "a", count: 41), words: "['Label cannot exceed 40 characters']"),
        RefusedLabel(label: "a b", words: #"["Label contains invalid character: ' '"]"#),
        RefusedLabel(label: #"a\tb"#, words: #"["Label contains invalid character: '\\t'"]"#),
        RefusedLabel(label: #"a\u008fb"#, words: #"["Label contains invalid character: '\\x8f'"]"#),
        RefusedLabel(label: #"a\u0001b"#, words: #"["Label contains invalid character: '\\x01'"]"#),
        RefusedLabel(label: #"a\"b"#, words: #"['Label contains invalid character: \'"\'']"#),
    ]

    private func definition(_ label: String) -> String {
        #"{"StartAt":"M","States":{"M":{"Type":"Map","End":true,"Label":""# + label
            + #"","ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"#
            + #""StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}}}}"#
    }

    @Test("a label is refused in words of its own, with the definition behind", arguments: refused)
    func words(refused: RefusedLabel) {
        let text = definition(refused.label)
        let faults = Definition.read(json: text).diagnostics
        #expect(
            LabelRefusal.message(for: faults, definition: text)
                == "Error=ValueError Args=\(refused.words) in definition '\(text)'.")
    }

    @Test("other faults are told as they always are")
    func others() {
        #expect(LabelRefusal.message(for: Definition.read(json: "{}").diagnostics, definition: "{}") == nil)
        #expect(Definition.read(json: definition("films_2-x")).diagnostics.isEmpty)
    }
}
