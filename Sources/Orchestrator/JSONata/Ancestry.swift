/// Finds, for each `%`, the step that reaches the item it means, and lets that step keep the item.
enum Ancestry {
    /// Hands what a part still looks for to the node around it.
    static func push(_ part: Node, onto node: Node) {
        node.seeking += part.seeking
        if let parent = part as? ParentNode { node.seeking.append(parent.slot) }
    }

    /// Looks for what the last step of a path seeks in the steps before it.
    static func resolve(_ path: PathNode) throws(Failure) {
        guard let last = path.steps.last else { return }
        var slots = last.seeking
        if let parent = last as? ParentNode { slots.append(parent.slot) }
        for slot in slots {
            var index = path.steps.count - 2
            while slot.level > 0 {
                guard index >= 0 else {
                    path.seeking.append(slot)
                    break
                }
                var step = path.steps[index]
                index -= 1
                // Steps that bind the item to a variable stay where they are: they count once.
                while index >= 0, step.focus != nil, path.steps[index].focus != nil {
                    step = path.steps[index]
                    index -= 1
                }
                try seek(slot, in: step)
            }
        }
    }

    /// Goes one step back with what a `%` seeks.
    static func seek(_ slot: AncestorSlot, in node: Node) throws(Failure) {
        switch node {
        case is NameNode, is WildcardNode:
            slot.level -= 1
            guard slot.level == 0 else { return }
            if let known = node.ancestor {
                slot.label = known.label
            }
            node.ancestor = slot
            node.isTuple = true
        case is ParentNode: slot.level += 1
        case let block as BlockNode:
            guard let last = block.expressions.last else { return }
            block.isTuple = true
            try seek(slot, in: last)
        case let path as PathNode:
            path.isTuple = true
            var index = path.steps.count - 1
            repeat {
                try seek(slot, in: path.steps[index])
                index -= 1
            } while slot.level > 0 && index >= 0
            path.finish()
        default: throw Failure("S0217", position: node.position, token: node.typeName)
        }
    }
}
