import JSON

/// What is known of a state that could not be read: enough to say nothing wrong about those that could.
struct BrokenState {
    /// All states to which it may lead.
    let targets: [String]
    /// All variables that it may assign.
    let assigned: Set<String>

    /// The names in whatever is called Assign in a part of a definition, with and without the suffix of a path.
    static func assignedNames(in tree: SourceTree) -> Set<String> {
        switch tree.content {
        case .scalar: return []
        case .sequence(let elements):
            return elements.reduce(into: []) { $0.formUnion(assignedNames(in: $1)) }
        case .mapping(let members):
            return members.reduce(into: []) { names, member in
                if member.key == "Assign", case .mapping(let assigned) = member.value.content {
                    for name in assigned.map(\.key) {
                        names.insert(name)
                        if name.hasSuffix(".$") { names.insert(String(name.dropLast(2))) }
                    }
                }
                names.formUnion(assignedNames(in: member.value))
            }
        }
    }
}
