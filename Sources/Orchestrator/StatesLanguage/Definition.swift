public import JSON

/// Reads state machine definitions: source tree in, checked machine or all diagnostics out.
///
/// Source: https://states-language.net/spec.html
public enum Definition {
    /// A definition's machine, or why it has none.
    public typealias Reading = (machine: StateMachine?, diagnostics: [Diagnostic])

    /// Reads a definition from the tree of a YAML or JSON file. All problems are reported, in the order of the file;
    /// there is a machine when none of them is an error.
    ///
    /// - Parameter contracts: the known steps by name, against which resources and literal Parameters are checked; nil
    ///   leaves that out.
    public static func read(_ tree: SourceTree, contracts: [String: StepContractView]? = nil) -> Reading {
        var reader = DefinitionReader(contracts: contracts)
        let machine = reader.machine(tree)
        let diagnostics = reader.diagnostics.sorted { left, right in
            (left.place, left.location, left.message) < (right.place, right.location, right.message)
        }
        let hasErrors = diagnostics.contains { $0.severity == .error }
        precondition(hasErrors || machine != nil, "a definition without errors has a machine")
        return (hasErrors ? nil : machine, diagnostics)
    }

    /// Reads a definition from JSON text, as it comes over the wire and stands in the journal.
    public static func read(json text: String, contracts: [String: StepContractView]? = nil) -> Reading {
        do {
            return read(try SourceTree(parsingJSON: text), contracts: contracts)
        } catch {
            let diagnostic = Diagnostic(
                .error, code: .invalidJSONDescription, message: error.reason, at: error.place, location: "/")
            return (nil, [diagnostic])
        }
    }
}
