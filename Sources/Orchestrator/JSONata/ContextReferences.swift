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

    mutating func visit(_ node: Node?) {
        guard let node else { return }
        switch node {
        case let name as NameNode: add(name.text)
        case is ContextNode: add("$")
        case let path as PathNode: visit(path.steps.first)
        case let chain as ChainNode:
            visit(chain.first)
            for link in chain.links { visit(link.right) }
        case let minus as MinusNode: visit(minus.operand)
        case let array as ArrayNode: for item in array.items { visit(item) }
        case let range as RangeNode:
            visit(range.lower)
            visit(range.upper)
        case let object as ObjectNode:
            for pair in object.grouping.pairs {
                visit(pair.key)
                visit(pair.value)
            }
        case let condition as ConditionNode:
            visit(condition.condition)
            visit(condition.then)
            visit(condition.otherwise)
        case let fallback as FallbackNode:
            visit(fallback.left)
            visit(fallback.right)
        case let block as BlockNode: for expression in block.expressions { visit(expression) }
        case let assignment as BindNode: visit(assignment.value)
        case let lambda as LambdaNode: visit(lambda.body)
        case let call as CallNode:
            visit(call.procedure)
            for argument in call.arguments { visit(argument) }
        case let partial as PartialNode:
            visit(partial.procedure)
            for argument in partial.arguments { visit(argument) }
        case let application as ApplyNode:
            visit(application.left)
            visit(application.right)
        default: break
        }
    }
}
