import JSON

/// An expression made ready to be evaluated.
final class Program: @unchecked Sendable {
    let root: Node
    let names: NameTable
    let references: [JSONataExpression.Reference]
    let calledFunctions: Set<String>
    private let pictures: PictureCache

    /// Compiles a text. `names` holds what is numbered already, where the expression runs within another (`$eval`).
    init(_ text: String, names: NameTable, stackBytes: Int) throws(Failure) {
        let tree = try Parser.parse(text, stackBytes: stackBytes)
        var compiler = Compiler(tree, names: names, stackBytes: stackBytes)
        root = try compiler.program()
        self.names = compiler.names
        pictures = compiler.pictures
        var collector = ReferenceCollector(names: compiler.names)
        collector.visit(root)
        references = collector.references.sorted { $0.offset < $1.offset }
        calledFunctions = collector.calledFunctions
    }

    func evaluate(
        input: JSON?, bindings: [String: JSON], in environment: JSONataEnvironment
    ) throws(Failure) -> JSON? {
        let value = input.map { Value($0) } ?? .undefined
        let runtime = Runtime(
            input: value, bindings: bindings, environment: environment, names: names, pictures: pictures)
        let frame = Frame(parent: nil)
        defer {
            frame.clear()
            runtime.release()
        }
        let result = try root.evaluate(Program.wrapped(value), frame, runtime)
        return try result.json(unrepresentable: environment.dialect == .reference ? .replaced : .refused)
    }

    /// An input that is an array is one item, not a sequence of them.
    static func wrapped(_ value: Value) -> Value {
        guard value.isArray, !value.isSequence else { return value }
        let box = ArrayBox([value], isSequence: true)
        box.isOuterWrapper = true
        return .array(box)
    }
}

/// Makes nodes of a syntax tree: paths are laid out as steps, `%` finds its ancestor, calls in tail position are marked.
struct Compiler {
    let tree: SyntaxTree
    var names: NameTable
    private(set) var pictures = PictureCache()
    private var variables: [VariableNode] = []
    private var bound: Set<Int> = []
    /// Assignments seen so far, and calls that may assign.
    private var assignments = 0
    private var depth = 0
    private let stackFloor: UInt

    init(_ tree: SyntaxTree, names: NameTable, stackBytes: Int) {
        self.tree = tree
        self.names = names
        let address = stackAddress()
        stackFloor = address > UInt(stackBytes) ? address - UInt(stackBytes) : 0
        // Names known already may be bound by the expression around this one.
        bound = Set(0..<names.count)
    }

    mutating func program() throws(Failure) -> Node {
        let root = try compile(tree.root)
        if root is ParentNode || !root.seeking.isEmpty {
            throw Failure("S0217", position: root.position, token: root.typeName)
        }
        for variable in variables { variable.isGlobal = !bound.contains(variable.name) }
        return root
    }

    mutating func bindName(_ text: String) -> Int {
        let name = names.number(text)
        bound.insert(name)
        return name
    }

    private mutating func enter(_ position: Int) throws(Failure) {
        depth += 1
        if depth > JSONataLimits.maximumNesting * 2 || stackAddress() < stackFloor {
            throw Failure(
                "U1003", position: position,
                details: .init(message: "The expression nests deeper than \(JSONataLimits.maximumNesting) levels"))
        }
    }

    /// Compiles a node: down its left side by a loop, since long chains lean to the left.
    private mutating func compile(_ index: Int) throws(Failure) -> Node {
        let outer = depth
        try enter(tree.nodes[index].position)
        var spine: [Int] = []
        var leaf = index
        while hasLeftOperand(leaf) {
            spine.append(leaf)
            leaf = tree.nodes[leaf].left
        }
        var result = try self.leaf(leaf)
        for index in spine.reversed() {
            if nests(index) { try enter(tree.nodes[index].position) }
            result = try extend(result, index)
            if tree.nodes[index].keepArray { result.keepArray = true }
        }
        if let path = result as? PathNode { path.finish() }
        depth = outer
        return result
    }

    /// Whether the node made of this one holds the node of its left operand, rather than being one flat list with it.
    private func nests(_ index: Int) -> Bool {
        switch tree.nodes[index].kind {
        case .call, .partial, .apply, .condition, .elvis, .coalesce: true
        default: false
        }
    }

    private func hasLeftOperand(_ index: Int) -> Bool {
        switch tree.nodes[index].kind {
        case .binary, .group, .filter, .sort, .focus, .index, .apply, .call, .partial, .condition, .coalesce, .elvis:
            true
        default: false
        }
    }

    // MARK: Nodes without a left operand

    private mutating func leaf(_ index: Int) throws(Failure) -> Node {
        let node = tree.nodes[index]
        let result: Node
        switch node.kind {
        case .name(let name):
            let step = NameNode(name, node.position)
            step.keepArray = node.keepArray
            let path = PathNode([step], node.position)
            path.keepsSingleton = node.keepArray
            result = path
        case .variable(""): result = ContextNode(node.position)
        case .variable(let text):
            let variable = VariableNode(text, names.number(text), start: node.start, node.position)
            variables.append(variable)
            if text == "eval" { assignments += 1 }
            result = variable
        case .number(let value): result = NumberNode(value, node.position)
        case .string(let value): result = StringNode(value, node.position)
        case .constant(let value): result = ConstantNode(value, node.position)
        case .regex(let pattern, let flags):
            do throws(Failure) {
                result = RegexNode(try Regex(pattern: pattern, flags: flags, position: node.position), node.position)
            } catch {
                error.locate(position: node.position, token: nil)
                throw error
            }
        case .wildcard: result = WildcardNode(node.position)
        case .descendant: result = DescendantNode(node.position)
        case .parent:
            result = ParentNode(AncestorSlot(label: names.number("!\(names.count)")), node.position)
        case .minus:
            let operand = try compile(node.right)
            if let number = operand as? NumberNode, number.predicates.isEmpty {
                result = NumberNode(-number.value, node.position)
            } else {
                result = MinusNode(operand, node.position)
                Ancestry.push(operand, onto: result)
            }
        case .array:
            let items = try node.items.map { (item) throws(Failure) in try compile(item) }
            result = ArrayNode(items, node.position)
            for item in items { Ancestry.push(item, onto: result) }
        case .object:
            let pairs = try self.pairs(node.items)
            result = ObjectNode(Grouping(pairs, node.position), node.position)
            for pair in pairs {
                Ancestry.push(pair.key, onto: result)
                Ancestry.push(pair.value, onto: result)
            }
        case .block: result = try block(node)
        case .bind:
            guard case .variable(let text) = tree.nodes[node.left].kind else {
                preconditionFailure("the parser lets only variables be assigned")
            }
            let value = try compile(node.right)
            assignments += 1
            result = BindNode(bindName(text), value, node.position)
            Ancestry.push(value, onto: result)
        case .lambda(let signature):
            var parameters: [Int] = []
            for parameter in node.items {
                guard case .variable(let text) = tree.nodes[parameter].kind else {
                    preconditionFailure("the parser lets only variables be parameters")
                }
                parameters.append(bindName(text))
            }
            let body = try compile(node.right)
            Compiler.markTail(body)
            result = LambdaNode(parameters, signature, body, node.position)
        case .transform:
            let pattern = try compile(node.left)
            let update = try compile(node.right)
            let deletion = node.third >= 0 ? try compile(node.third) : nil
            result = TransformNode(pattern, update, deletion, cloneName: names.number("clone"), node.position)
        case .placeholder: throw Failure("S0201", position: node.position, token: "?")
        case .end: throw Failure("S0207", position: node.position, token: "(end)")
        case .binary, .group, .filter, .sort, .focus, .index, .apply, .call, .partial, .condition, .coalesce, .elvis:
            preconditionFailure("nodes with a left operand are compiled along the spine")
        }
        if node.keepArray { result.keepArray = true }
        return result
    }

    private mutating func block(_ node: SyntaxTree.Node) throws(Failure) -> Node {
        let before = assignments
        let expressions = try node.items.map { (item) throws(Failure) in try compile(item) }
        let result = BlockNode(expressions, bindsInside: assignments > before, node.position)
        for expression in expressions {
            Ancestry.push(expression, onto: result)
            if expression.isConstructor { result.isConstructor = true }
            if let path = expression as? PathNode, path.steps[0].isConstructor { result.isConstructor = true }
        }
        return result
    }

    private mutating func pairs(_ items: [Int]) throws(Failure) -> [(key: Node, value: Node)] {
        var pairs: [(key: Node, value: Node)] = []
        for index in stride(from: 0, to: items.count, by: 2) {
            let key = try compile(items[index])
            pairs.append((key, try compile(items[index + 1])))
        }
        return pairs
    }

    /// Marks the calls whose value is the function's value.
    private static func markTail(_ node: Node) {
        switch node {
        case let call as CallNode where call.predicates.isEmpty && call.group == nil && !call.keepArray:
            call.isTail = true
        case let condition as ConditionNode where condition.predicates.isEmpty && condition.group == nil:
            markTail(condition.then)
            if let otherwise = condition.otherwise { markTail(otherwise) }
        case let block as BlockNode where block.predicates.isEmpty && block.group == nil && !block.keepArray:
            if let last = block.expressions.last { markTail(last) }
        default: break
        }
    }

    // MARK: Nodes with a left operand

    private mutating func extend(_ left: Node, _ index: Int) throws(Failure) -> Node {
        let node = tree.nodes[index]
        switch node.kind {
        case .binary(.dot): return try path(left, node)
        case .binary(.range):
            let right = try compile(node.right)
            let result = RangeNode(left, right, node.position)
            Ancestry.push(left, onto: result)
            Ancestry.push(right, onto: result)
            return result
        case .binary(let symbol):
            let right = try compile(node.right)
            let link = ChainNode.Link(symbol: symbol, right: right, position: node.position)
            if let chain = left as? ChainNode, chain.links[0].symbol.leftPower == symbol.leftPower {
                chain.add(link)
                Ancestry.push(right, onto: chain)
                return chain
            }
            let result = ChainNode(left, link)
            Ancestry.push(left, onto: result)
            Ancestry.push(right, onto: result)
            return result
        case .filter: return try filter(left, node)
        case .group:
            if left.group != nil { throw Failure("S0210", position: node.position) }
            left.group = Grouping(try pairs(node.items), node.position)
            return left
        case .sort(let descending):
            let path = left as? PathNode ?? PathNode([left], left.position)
            var terms: [(expression: Node, isDescending: Bool)] = []
            for (term, isDescending) in zip(node.items, descending) { terms.append((try compile(term), isDescending)) }
            let sort = SortNode(terms, node.position)
            for term in terms { Ancestry.push(term.expression, onto: sort) }
            path.steps.append(sort)
            try Ancestry.resolve(path)
            return path
        case .focus: return try focus(left, node)
        case .index: return try self.index(left, node)
        case .apply:
            let right = try compile(node.right)
            let result = ApplyNode(left, right, node.position)
            result.keepArray = left.keepArray || right.keepArray
            return result
        case .call:
            let arguments = try node.items.map { (item) throws(Failure) in try compile(item) }
            let result = CallNode(left, arguments, node.position)
            if let function = left as? VariableNode { pictures.readLiterals(function.text, arguments) }
            for argument in arguments { Ancestry.push(argument, onto: result) }
            return result
        case .partial:
            var arguments: [Node?] = []
            for item in node.items {
                if case .placeholder = tree.nodes[item].kind {
                    arguments.append(nil)
                } else {
                    arguments.append(try compile(item))
                }
            }
            let result = PartialNode(left, arguments, node.position)
            for case let argument? in arguments { Ancestry.push(argument, onto: result) }
            return result
        case .condition:
            let then = try compile(node.right)
            let otherwise = node.third >= 0 ? try compile(node.third) : nil
            let result = ConditionNode(left, then, otherwise, node.position)
            Ancestry.push(left, onto: result)
            Ancestry.push(then, onto: result)
            if let otherwise { Ancestry.push(otherwise, onto: result) }
            return result
        case .elvis, .coalesce:
            let isElvis = if case .elvis = node.kind { true } else { false }
            let right = try compile(node.right)
            let result = FallbackNode(isElvis ? .elvis : .coalesce, left, right, node.position)
            Ancestry.push(left, onto: result)
            Ancestry.push(right, onto: result)
            return result
        default: preconditionFailure("only nodes with a left operand lie on the spine")
        }
    }

    private mutating func path(_ left: Node, _ node: SyntaxTree.Node) throws(Failure) -> Node {
        let path: PathNode
        if let known = left as? PathNode {
            path = known
        } else {
            path = PathNode([left], left.position)
            if let parent = left as? ParentNode { path.seeking = [parent.slot] }
        }
        let rest = try compile(node.right)
        let added: [Node]
        if let other = rest as? PathNode {
            added = other.steps
            // What the steps inside could not find is looked for in the steps before them.
        } else {
            rest.stages += rest.predicates.map { .filter($0) }
            rest.predicates = []
            added = [rest]
        }
        let isFirst = path.steps.count == 1
        path.steps.append(contentsOf: added)
        let fresh = isFirst ? 0 : path.steps.count - added.count
        for index in fresh..<path.steps.count {
            let step = path.steps[index]
            if let number = step as? NumberNode {
                throw Failure("S0213", position: step.position, token: NumberText.text(number.value))
            }
            if let constant = step as? ConstantNode {
                let token = Failure.shown(constant.value)?.text ?? ""
                throw Failure("S0213", position: step.position, token: token)
            }
            if let text = step as? StringNode {
                let name = NameNode(text.text, step.position)
                name.stages = step.stages
                name.predicates = step.predicates
                name.keepArray = step.keepArray
                name.focus = step.focus
                name.index = step.index
                name.isTuple = step.isTuple
                path.steps[index] = name
            }
            if step.keepArray { path.keepsSingleton = true }
        }
        if let first = path.steps[0] as? ArrayNode { first.isConstructor = true }
        if let last = path.steps[path.steps.count - 1] as? ArrayNode { last.isConstructor = true }
        try Ancestry.resolve(path)
        return path
    }

    private mutating func filter(_ left: Node, _ node: SyntaxTree.Node) throws(Failure) -> Node {
        let path = left as? PathNode
        let step = path.map { $0.steps[$0.steps.count - 1] } ?? left
        if step.group != nil { throw Failure("S0209", position: node.position) }
        let predicate = try compile(node.right)
        if predicate is ParentNode || !predicate.seeking.isEmpty {
            for slot in predicate.seeking {
                if slot.level == 1 { try Ancestry.seek(slot, in: step) } else { slot.level -= 1 }
            }
            Ancestry.push(predicate, onto: step)
        }
        if path != nil { step.stages.append(.filter(predicate)) } else { step.predicates.append(predicate) }
        return left
    }

    private mutating func focus(_ left: Node, _ node: SyntaxTree.Node) throws(Failure) -> Node {
        let path = left as? PathNode
        let step = path.map { $0.steps[$0.steps.count - 1] } ?? left
        if !step.stages.isEmpty || !step.predicates.isEmpty { throw Failure("S0215", position: node.position) }
        if step is SortNode { throw Failure("S0216", position: node.position) }
        if node.keepArray { step.keepArray = true }
        guard case .variable(let text) = tree.nodes[node.right].kind else {
            preconditionFailure("the parser lets only variables be bound")
        }
        step.focus = bindName(text)
        step.isTuple = true
        return left
    }

    private mutating func index(_ left: Node, _ node: SyntaxTree.Node) throws(Failure) -> Node {
        guard case .variable(let text) = tree.nodes[node.right].kind else {
            preconditionFailure("the parser lets only variables be bound")
        }
        let name = bindName(text)
        let path: PathNode
        if let known = left as? PathNode {
            path = known
        } else {
            path = PathNode([left], left.position)
            left.stages += left.predicates.map { .filter($0) }
            left.predicates = []
        }
        let step = path.steps[path.steps.count - 1]
        if step.stages.isEmpty { step.index = name } else { step.stages.append(.index(name)) }
        step.isTuple = true
        return path
    }
}
