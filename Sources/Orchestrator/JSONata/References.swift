/// Collects what an expression uses and does not bind itself.
struct ReferenceCollector {
    private(set) var references: [JSONataExpression.Reference] = []
    private(set) var calledFunctions: Set<String> = []
    private let names: NameTable
    private var scopes: [Set<Int>] = [[]]

    init(names: NameTable) { self.names = names }

    private func isBound(_ name: Int) -> Bool { scopes.contains { $0.contains(name) } }

    private mutating func bind(_ name: Int?) {
        if let name { scopes[scopes.count - 1].insert(name) }
    }

    private mutating func inScope(_ body: (inout ReferenceCollector) -> Void) {
        scopes.append([])
        body(&self)
        scopes.removeLast()
    }

    private mutating func use(_ variable: VariableNode, path: [String]) {
        if isBound(variable.name) { return }
        // A function of the language, unless fields are taken from it: those it has not.
        if path.isEmpty, BuiltinTable.isFunction(variable.text) { return }
        references.append(.init(variable: variable.text, path: path, offset: variable.start))
    }

    mutating func visit(_ node: Node) {
        if let variable = node.called as? VariableNode, !isBound(variable.name) {
            calledFunctions.insert(variable.text)
        }
        switch node {
        case let variable as VariableNode: use(variable, path: [])
        case let path as PathNode: visitPath(path)
        case let block as BlockNode:
            inScope { scope in for expression in block.expressions { scope.visit(expression) } }
        case let assignment as BindNode:
            // A function may call itself by the name it is about to get.
            if assignment.value is LambdaNode { bind(assignment.name) }
            visit(assignment.value)
            bind(assignment.name)
        case let lambda as LambdaNode:
            inScope { scope in
                for parameter in lambda.parameters { scope.bind(parameter) }
                scope.visit(lambda.body)
            }
        default: for operand in node.operands { visit(operand) }
        }
        visitAttachments(node)
    }

    private mutating func visitAttachments(_ node: Node) {
        bind(node.focus)
        bind(node.index)
        for predicate in node.predicates { visit(predicate) }
        for stage in node.stages {
            switch stage {
            case .filter(let predicate): visit(predicate)
            case .index(let name): bind(name)
            }
        }
        for pair in node.group?.pairs ?? [] {
            visit(pair.key)
            visit(pair.value)
        }
    }

    private mutating func visitPath(_ path: PathNode) {
        var rest = path.steps[...]
        if let variable = rest.first as? VariableNode {
            var fields: [String] = []
            if variable.stages.isEmpty, variable.predicates.isEmpty, variable.group == nil, variable.focus == nil {
                for case let name as NameNode in rest.dropFirst().prefix(while: { $0 is NameNode }) {
                    fields.append(name.text)
                    // What comes after a predicate is a field of some of the items.
                    if !name.isPlain { break }
                }
            }
            use(variable, path: fields)
            visitAttachments(variable)
            rest = rest.dropFirst()
        }
        for step in rest { visit(step) }
    }
}
