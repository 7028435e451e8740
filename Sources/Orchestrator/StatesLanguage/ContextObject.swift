import JSON

/// What the context object holds, `$$` of JSONPath and `$states.context` of JSONata.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
public enum ContextObject {
    /// The members of each of its members.
    public static let members: [String: [String]] = [
        "Execution": ["Id", "Input", "Name", "RedriveCount", "RedriveTime", "RoleArn", "StartTime"],
        "State": ["EnteredTime", "Name", "RetryCount"], "StateMachine": ["Id", "Name"], "Task": ["Token"],
        "Map": ["Item"],
    ]
}

extension DefinitionReader {
    /// Warns of a way into the context object that leads nowhere.
    ///
    /// - Parameters:
    ///   - names: the members on the way.
    ///   - root: how the context object is written.
    mutating func checkContext(
        _ names: some Collection<String>, root: String, at place: SourcePlace, _ location: String
    ) {
        guard let first = names.first else { return }
        guard let members = ContextObject.members[first] else {
            return warn(first, of: root, Array(ContextObject.members.keys), at: place, location)
        }
        if let second = names.dropFirst().first, !members.contains(second) {
            warn(second, of: "\(root).\(first)", members, at: place, location)
        }
    }

    private mutating func warn(
        _ name: String, of whole: String, _ known: [String], at place: SourcePlace, _ location: String
    ) {
        report(
            .warning, .possiblyUndefinedField, "'\(whole)' holds no '\(name)'",
            advice: nearestName(to: name, among: known.sorted()).map { "did you mean '\($0)'?" }
                ?? "it holds \(known.sorted().joined(separator: ", "))",
            at: place, location)
    }
}

extension JSONPath {
    /// The names that lead into the context object, up to the first step that is no single name; none in other documents.
    var contextNames: [String] {
        guard root == .context else { return [] }
        var result: [String] = []
        for case .names(let names) in segments.prefix(while: {
            if case .names(let n) = $0 { n.count == 1 } else { false }
        }) {
            result += names
        }
        return result
    }
}
