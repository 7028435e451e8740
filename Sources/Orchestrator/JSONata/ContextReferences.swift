extension JSONataExpression {
    /// The names of fields that the expression takes from its context, and `$` where it takes the context itself, each
    /// once and in the order in which they stand there. Only the first step of a path is taken from the context; what
    /// stands in a predicate, a sort term or a grouping belongs to the items of its path, while the body of a function has
    /// the context of the expression around it.
    ///
    /// Step Functions evaluates without a context and refuses such expressions.
    public var contextReferences: [String] {
        var collector = ContextCollector()
        collector.visit(program.root)
        return collector.names
    }
}

private struct ContextCollector {
    private(set) var names: [String] = []

    private mutating func add(_ name: String) {
        if !names.contains(where: { $0.sameCodeUnits(as: name) }) { names.append(name) }
    }

    mutating func visit(_ node: Node) {
        switch node {
        case let name as NameNode: add(name.text)
        case is ContextNode: add("$")
        case let path as PathNode: visit(path.steps[0])
        case is SortNode, is TransformNode: break
        default: for operand in node.operands { visit(operand) }
        }
    }
}
