extension Node {
    /// The nodes that this one is made of, in the order in which they stand there: without its predicates, stages and
    /// grouping, which belong to the items of its value.
    var operands: [Node] {
        switch self {
        case let path as PathNode: return path.steps
        case let chain as ChainNode: return [chain.first] + chain.links.map(\.right)
        case let minus as MinusNode: return [minus.operand]
        case let array as ArrayNode: return array.items
        case let range as RangeNode: return [range.lower, range.upper]
        case let object as ObjectNode: return object.grouping.pairs.flatMap { [$0.key, $0.value] }
        case let condition as ConditionNode:
            return [condition.condition, condition.then] + (condition.otherwise.map { [$0] } ?? [])
        case let fallback as FallbackNode: return [fallback.left, fallback.right]
        case let block as BlockNode: return block.expressions
        case let assignment as BindNode: return [assignment.value]
        case let lambda as LambdaNode: return [lambda.body]
        case let call as CallNode: return [call.procedure] + call.arguments
        case let partial as PartialNode: return [partial.procedure] + partial.arguments.compactMap { $0 }
        case let application as ApplyNode: return [application.left, application.right]
        case let sort as SortNode: return sort.terms.map(\.expression)
        case let transform as TransformNode:
            return [transform.pattern, transform.update] + (transform.deletion.map { [$0] } ?? [])
        default: return []
        }
    }

    /// The operand that this node calls, if it calls one.
    var called: Node? {
        switch self {
        case let call as CallNode: call.procedure
        case let partial as PartialNode: partial.procedure
        case let application as ApplyNode: application.right
        default: nil
        }
    }
}
