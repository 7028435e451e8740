import JSON
import JSONata

/// What is known of the data at each point of one state, in the order in which its fields apply.
struct Shapes {
    private let state: State
    private let entry: DataShape
    /// What InputPath selects.
    private let selected: DataShape
    /// What the state works on.
    let effective: DataShape
    /// What its work gives, as the fields behind it see it.
    private let result: DataShape
    /// What OutputPath selects from.
    private let placed: DataShape
    let output: DataShape

    init(_ state: State, entry: DataShape, result: DataShape?) {
        self.state = state
        self.entry = entry
        switch state.dataFlow {
        case .jsonPath(let flow):
            let selected = Shapes.selection(flow.inputPath, from: entry)
            let effective = flow.parameters.map { Shapes.template($0.node, root: selected) } ?? selected
            let result = result ?? effective
            let shaped = flow.resultSelector.map { Shapes.template($0.node, root: result) } ?? result
            let placed: DataShape
            switch state.kind {
            // They have no result to place.
            case .choice, .wait, .succeed, .fail: placed = effective
            case .pass, .task, .parallel, .map: placed = Shapes.placing(shaped, into: entry, flow.resultPath)
            }
            self.selected = selected
            self.effective = effective
            self.result = result
            self.placed = placed
            output = Shapes.selection(flow.outputPath, from: placed)
        case .jsonata(let flow):
            selected = entry
            effective =
                flow.arguments.map { Shapes.template($0.node, input: entry, result: .unknown, error: .unknown) }
                ?? entry
            self.result = result ?? .unknown
            placed = result ?? entry
            output =
                flow.output.map {
                    Shapes.template($0.node, input: entry, result: result ?? .unknown, error: .unknown)
                } ?? placed
        }
    }

    /// The error output: https://states-language.net/spec.html#error-output
    private static let error = DataShape.object(["Error": .scalar, "Cause": .scalar], isClosed: true)

    /// What a catcher hands on.
    func caught(_ catcher: Catcher) -> DataShape {
        switch state.dataFlow {
        case .jsonPath: Shapes.placing(Shapes.error, into: entry, catcher.resultPath)
        case .jsonata:
            catcher.output.map { Shapes.template($0.node, input: entry, result: .unknown, error: Shapes.error) }
                ?? Shapes.error
        }
    }

    /// What a template of a choice rule gives.
    func template(_ template: PayloadTemplate) -> DataShape {
        Shapes.template(template.node, input: entry, result: .unknown, error: .unknown)
    }

    /// What each item is that goes to a Map's processor.
    func item(of map: MapState) -> DataShape {
        guard map.batcher == nil, let selector = map.itemSelector else { return .unknown }
        return switch state.dataFlow {
        case .jsonPath: Shapes.template(selector.node, root: selected)
        case .jsonata: Shapes.template(selector.node, input: entry, result: .unknown, error: .unknown)
        }
    }

    /// What `$` names in a field of a JSONPath state; nil where that is not for certain.
    func document(of field: String) -> DataShape? {
        switch field {
        case "InputPath": entry
        case "ResultSelector": result
        case "OutputPath": placed
        case "Choices": effective
        case "Error", "ErrorPath", "Cause", "CausePath": entry
        // Where items are read from a store, it selects within what was read.
        case "ItemsPath": if case .map(let map) = state.kind, map.reader != nil { nil } else { selected }
        case "Assign", "Catch", "ResultPath": nil
        default: selected
        }
    }

    /// The path that an expression is, and what it is taken from; nil where it is more than a path.
    func wholePath(_ expression: QueryExpression, isCaught: Bool) -> ([DataShape.Step], DataShape)? {
        guard let (root, steps) = Shapes.path(expression) else { return nil }
        switch root {
        case "input": return (steps, entry)
        case "result": return isCaught ? nil : (steps, result)
        case "errorOutput": return isCaught ? (steps, Shapes.error) : nil
        default: return nil
        }
    }

    // MARK: -

    private static func selection(_ selection: PathFlow.Selection, from root: DataShape) -> DataShape {
        switch selection {
        case .discard: .object([:], isClosed: true)
        case .path(let path): value(path, root: root)
        }
    }

    private static func placing(
        _ shape: DataShape, into raw: DataShape, _ placement: PathFlow.ResultPlacement
    ) -> DataShape {
        switch placement {
        case .replace: shape
        case .discard: raw
        case .insert(let path): raw.setting(shape, at: path.steps[...])
        }
    }

    private static func value(_ path: JSONPath, root: DataShape) -> DataShape {
        guard let steps = path.shapeSteps, case .shape(let shape) = root.finding(steps) else { return .unknown }
        return shape
    }

    private static func template(_ node: PayloadTemplate.Node, root: DataShape) -> DataShape {
        template(node) { leaf in
            if case .path(let path, _) = leaf { value(path, root: root) } else { .unknown }
        }
    }

    private static func template(
        _ node: PayloadTemplate.Node, input: DataShape, result: DataShape, error: DataShape
    ) -> DataShape {
        template(node) { leaf in
            guard case .expression(let expression, _) = leaf, let (root, steps) = path(expression) else {
                return .unknown
            }
            let shapes = ["input": input, "result": result, "errorOutput": error]
            guard let shape = shapes[root], case .shape(let found) = shape.finding(steps) else { return .unknown }
            return found
        }
    }

    private static func template(
        _ node: PayloadTemplate.Node, leaf: (PayloadTemplate.Node) -> DataShape
    ) -> DataShape {
        switch node {
        case .literal(let value): return DataShape(value)
        case .path, .call, .expression: return leaf(node)
        case .array(let nodes): return .array(nodes.map { template($0, leaf: leaf) })
        case .object(let members):
            var shapes: [String: DataShape] = [:]
            for member in members { shapes[member.name] = template(member.value, leaf: leaf) }
            return .object(shapes, isClosed: true)
        }
    }

    /// `$states.input.a.b`: the word behind `$states` and the names behind that.
    private static func path(_ expression: QueryExpression) -> (String, [DataShape.Step])? {
        guard let reference = expression.references.first, expression.references.count == 1,
            reference.variable == "states", reference.offset == 0, let root = reference.path.first,
            expression.text == "$states." + reference.path.joined(separator: ".")
        else { return nil }
        return (root, reference.path.dropFirst().map(DataShape.Step.field))
    }
}
