public import JSON

/// What a state machine is for: Standard workflows live long and are kept step by step, Express workflows are short.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
public enum StateMachineType: String, Sendable, Hashable, CaseIterable {
    case standard = "STANDARD"
    case express = "EXPRESS"
}

/// Reads state machine definitions: source tree in, checked machine or all diagnostics out.
///
/// Source: https://states-language.net/spec.html
public enum Definition {
    /// A definition's machine, or why it has none.
    public typealias Reading = (machine: StateMachine?, diagnostics: [Diagnostic])

    /// Reads a definition from the tree of a YAML or JSON file. All problems are reported, in the order of the file;
    /// there is a machine when none of them is an error.
    ///
    /// - Parameters:
    ///   - type: what the machine is for: an Express workflow may use less.
    ///   - contracts: the known steps by name, against which resources and arguments are checked; nil leaves that out.
    public static func read(
        _ tree: SourceTree, type: StateMachineType = .standard, contracts: [String: StepContractView]? = nil
    ) -> Reading {
        var reader = DefinitionReader(type: type, contracts: contracts)
        let machine = reader.machine(tree)
        if let machine { reader.lint(machine) }
        reader.checkErrorNames()
        let diagnostics = reader.diagnostics.sorted { left, right in
            (left.place, left.location, left.message) < (right.place, right.location, right.message)
        }
        let hasErrors = diagnostics.contains { $0.severity == .error }
        precondition(hasErrors || machine != nil, "a definition without errors has a machine")
        return (hasErrors ? nil : machine, diagnostics)
    }

    /// Reads a definition from JSON text, as it comes over the wire and stands in the journal.
    public static func read(
        json text: String, type: StateMachineType = .standard, contracts: [String: StepContractView]? = nil
    ) -> Reading {
        do {
            return read(try SourceTree(parsingJSON: text), type: type, contracts: contracts)
        } catch {
            let diagnostic = Diagnostic(
                .error, code: .invalidJSONDescription, message: error.reason, advice: nil, at: error.place,
                location: "/", wireLocation: nil)
            return (nil, [diagnostic])
        }
    }
}
