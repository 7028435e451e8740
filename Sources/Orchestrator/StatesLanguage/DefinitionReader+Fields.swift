import JSON

/// The names that an object of a definition may have: in both query languages, and in one of them only.
struct FieldSet {
    var both: [String]
    var jsonPath: [String] = []
    var jsonata: [String] = []

    init(_ both: [String], jsonPath: [String] = [], jsonata: [String] = []) {
        self.both = both
        self.jsonPath = jsonPath
        self.jsonata = jsonata
    }

    static func + (left: FieldSet, right: FieldSet) -> FieldSet {
        FieldSet(
            left.both + right.both, jsonPath: left.jsonPath + right.jsonPath, jsonata: left.jsonata + right.jsonata)
    }

    func known(in language: QueryLanguage) -> [String] { both + (language == .jsonPath ? jsonPath : jsonata) }

    /// Whether a name belongs to the other language only.
    func isForeign(_ name: String, in language: QueryLanguage) -> Bool {
        (language == .jsonPath ? jsonata : jsonPath).contains(name)
    }
}

/// The members of an object of a definition, checked against the names it may have.
struct ObjectFields {
    let node: DefinitionReader.Node
    let members: [SourceTree.Member]

    /// The last member of that name: a repeated one is reported when the object is opened.
    subscript(name: String) -> SourceTree.Member? { members.last { $0.key == name } }

    func has(_ name: String) -> Bool { self[name] != nil }

    func location(_ name: String) -> String { node.child(name) }

    func place(_ name: String) -> SourcePlace { self[name]?.value.place ?? node.tree.place }

    /// Where in a field's text something is wrong.
    func place(_ name: String, of error: JSONPathError, in text: String) -> SourcePlace {
        self[name]?.value.place(ofByte: error.offset, in: text) ?? node.tree.place
    }

    func keyPlace(_ name: String) -> SourcePlace { self[name]?.keyPlace ?? node.tree.place }

    func child(_ name: String) -> DefinitionReader.Node? {
        self[name].map { DefinitionReader.Node(tree: $0.value, location: location(name)) }
    }

    /// A text; a problem is noted for anything else.
    func text(_ name: String, _ reader: inout DefinitionReader) -> String? {
        guard let child = child(name) else { return nil }
        guard case .scalar(.string(let text)) = child.tree.content else {
            reader.expected("String", child)
            return nil
        }
        return text
    }

    /// An integer within bounds.
    func integer(_ name: String, in bounds: ClosedRange<Int>, _ reader: inout DefinitionReader) -> Int? {
        guard let child = child(name) else { return nil }
        guard case .scalar(.integer(let value)) = child.tree.content else {
            reader.expected("Integer", child)
            return nil
        }
        guard bounds.contains(Int(value)) else {
            let bound =
                Int(value) < bounds.lowerBound
                ? "Minimum value is \(bounds.lowerBound)" : "Maximum value is \(bounds.upperBound)"
            reader.report(bound, advice: "\(name) is \(value)", at: child.tree.place, child.location)
            return nil
        }
        return Int(value)
    }

    /// A number within bounds.
    func number(_ name: String, in bounds: ClosedRange<Double>, _ reader: inout DefinitionReader) -> Double? {
        guard let child = child(name) else { return nil }
        guard case .scalar(let scalar) = child.tree.content, let value = scalar.doubleValue else {
            reader.expected("Number", child)
            return nil
        }
        guard bounds.contains(value) else {
            let bound =
                value < bounds.lowerBound
                ? "Minimum value is \(bounds.lowerBound)" : "Maximum value is \(bounds.upperBound)"
            reader.report(bound, advice: "\(name) is \(scalar.text)", at: child.tree.place, child.location)
            return nil
        }
        return value
    }

    func bool(_ name: String, _ reader: inout DefinitionReader) -> Bool? {
        guard let child = child(name) else { return nil }
        guard case .scalar(.bool(let value)) = child.tree.content else {
            reader.expected("Boolean", child, advice: "write true or false")
            return nil
        }
        return value
    }

    func array(_ name: String, _ reader: inout DefinitionReader) -> [DefinitionReader.Node]? {
        guard let child = child(name) else { return nil }
        guard case .sequence(let elements) = child.tree.content else {
            reader.expected("Array", child)
            return nil
        }
        return elements.enumerated().map { index, element in
            DefinitionReader.Node(tree: element, location: "\(child.location)[\(index)]")
        }
    }

    /// A path.
    func path(_ name: String, _ reader: inout DefinitionReader) -> JSONPath? {
        guard let text = text(name, &reader) else { return nil }
        do {
            let path = try JSONPath(text)
            reader.note(.path(path), at: place(name), location(name))
            return path
        } catch {
            reader.report(
                "Value is not a valid JSONPath: '\(text)'", advice: self[name].map { error.advice(in: $0.value) },
                at: place(name, of: error, in: text),
                location(name))
            return nil
        }
    }

    /// A path that names one place. The service was seen to refuse the context object in the numbers of a Map only.
    func referencePath(_ name: String, _ reader: inout DefinitionReader) -> JSONPath? {
        guard let path = path(name, &reader) else { return nil }
        let mayReadContext = ["SecondsPath", "TimeoutSecondsPath", "HeartbeatSecondsPath"].contains(name)
        if !path.isReference || path.readsContext && !mayReadContext {
            reader.report(
                "Value is not a Reference Path",
                advice: "'\(path.text)' must name one place, without '$$', '*', '..', ',', ':', '?' and functions",
                at: place(name), location(name))
        }
        return path
    }

    /// An expression, where a text of a JSONata state is one. A text that is none is a problem.
    func expression(_ name: String, _ reader: inout DefinitionReader) -> QueryExpression? {
        guard let child = child(name), let text = text(name, &reader) else { return nil }
        switch ExpressionText(text) {
        case .expression(let expression, let offset):
            reader.note(expression, in: child.tree, offset: offset, child.location)
            return expression
        case .plain:
            reader.report(
                "JSONata expression strings must start with '{%' and end with '%}'.",
                advice: "write the expression between '{%' and '%}'", at: child.tree.place, child.location)
        case .invalid(let problem):
            reader.report(problem, in: child.tree, child.location)
        }
        return nil
    }

    /// Whether the field holds a text in a state where that means an expression.
    private func isExpression(_ name: String, _ reader: DefinitionReader) -> Bool {
        guard reader.language == .jsonata, case .scalar(.string) = self[name]?.value.content else { return false }
        return true
    }

    /// A field that is a literal, or an expression (JSONata), or, with `Path` behind its name, a path (JSONPath).
    func numberSource(
        _ name: String, in bounds: ClosedRange<Int>, _ reader: inout DefinitionReader
    ) -> NumberSource? {
        if isExpression(name, reader) { return expression(name, &reader).map(NumberSource.expression) }
        let pathName = name + "Path"
        if reader.language == .jsonPath {
            reader.exclude([name, pathName], in: self)
            if has(pathName) { return referencePath(pathName, &reader).map(NumberSource.path) }
        }
        return integer(name, in: bounds, &reader).map(NumberSource.literal)
    }

    /// A percentage; see ``numberSource(_:in:_:)``.
    func percentageSource(_ name: String, _ reader: inout DefinitionReader) -> PercentageSource? {
        if isExpression(name, reader) { return expression(name, &reader).map(PercentageSource.expression) }
        let pathName = name + "Path"
        if reader.language == .jsonPath {
            reader.exclude([name, pathName], in: self)
            if has(pathName) { return referencePath(pathName, &reader).map(PercentageSource.path) }
        }
        return number(name, in: 0...100, &reader).map(PercentageSource.literal)
    }

    /// A text, or an expression (JSONata), or with `Path` behind its name a path or an intrinsic function (JSONPath).
    func textSource(_ name: String, _ reader: inout DefinitionReader) -> TextSource? {
        let pathName = name + "Path"
        if reader.language == .jsonata {
            guard let child = child(name), let literal = text(name, &reader) else { return nil }
            switch ExpressionText(literal) {
            case .plain: return .literal(literal)
            case .expression(let expression, let offset):
                reader.note(expression, in: child.tree, offset: offset, child.location)
                return .expression(expression)
            case .invalid(let problem):
                reader.report(problem, in: child.tree, child.location)
                return nil
            }
        }
        reader.exclude([name, pathName], in: self)
        guard let text = text(pathName, &reader) else { return text(name, &reader).map(TextSource.literal) }
        do {
            if text.hasPrefix("States.") {
                let call = try IntrinsicCall(text)
                reader.note(.call(call), at: place(pathName), location(pathName))
                return .intrinsic(call)
            }
            let path = try JSONPath(text)
            reader.note(.path(path), at: place(pathName), location(pathName))
            return .path(path)
        } catch {
            reader.report(
                "Value is not a valid JSONPath or intrinsic function call: '\(text)'",
                advice: self[pathName].map { error.advice(in: $0.value) }, at: place(pathName, of: error, in: text),
                location(pathName))
            return nil
        }
    }
}

extension DefinitionReader {
    mutating func expected(_ type: String, _ node: Node, advice: String? = nil) {
        report(
            "Expected value of type [\(type.uppercased())]",
            advice: advice ?? "this is \(DefinitionReader.name(of: node.tree))",
            at: node.tree.place, node.location)
    }

    private static func name(of tree: SourceTree) -> String {
        switch tree.content {
        case .mapping: "an object"
        case .sequence: "an array"
        case .scalar(.null): "null"
        case .scalar(.bool): "a boolean"
        case .scalar(.integer), .scalar(.double): "a number"
        case .scalar(.string): "a text"
        case .scalar(.array), .scalar(.object): preconditionFailure("a scalar holds no structure")
        }
    }

    /// A text out of a few.
    mutating func oneOf(_ name: String, _ words: [String], in object: ObjectFields) -> String? {
        guard let text = object.text(name, &self) else { return nil }
        if words.contains(text) { return text }
        let nearest = nearestName(to: text, among: words)
        report(
            "Value should be one of the following: [\(words.joined(separator: ", "))]",
            advice: nearest.map { "\(name) is '\(text)'; did you mean '\($0)'?" } ?? "\(name) is '\(text)'",
            at: object.place(name), object.location(name))
        return nil
    }

    /// Opens an object: reports unknown, repeated and missing members. Nil when the node is no object or a required
    /// member misses.
    mutating func object(_ node: Node, fields: FieldSet, required: [String] = []) -> ObjectFields? {
        guard case .mapping(let members) = node.tree.content else {
            expected("Object", node)
            return nil
        }
        let known = fields.known(in: language)
        var seen: [String: SourcePlace] = [:]
        for member in members {
            if let first = seen[member.key] {
                report(
                    "The field '\(member.key)' is defined twice", advice: "line \(first.line) has it already",
                    at: member.keyPlace, node.child(member.key))
            }
            seen[member.key] = member.keyPlace
            if known.contains(member.key) { continue }
            if fields.isForeign(member.key, in: language) {
                let other: QueryLanguage = language == .jsonPath ? .jsonata : .jsonPath
                if isDowngraded { continue }
                report(
                    .schemaValidationFailed,
                    "The QueryLanguage is set to '\(language.rawValue)', but field '\(member.key)' is only supported"
                        + " for the '\(other.rawValue)' QueryLanguage",
                    advice: DefinitionReader.counterparts[member.key].map { "use \($0)" }
                        ?? "set QueryLanguage, or drop the field", at: member.keyPlace, node.child(member.key),
                    wireLocation: node.location)
                continue
            }
            let nearest = nearestName(to: member.key, among: known)
            let list = known.count > 30 ? nil : "known here are \(known.sorted().joined(separator: ", "))"
            report(
                .schemaValidationFailed, "Field '\(member.key)' is not supported",
                advice: nearest.map { "did you mean '\($0)'?" } ?? list,
                at: member.keyPlace, node.child(member.key), wireLocation: node.location)
        }
        let missing = required.filter { seen[$0] == nil }
        if !missing.isEmpty {
            report(
                "These fields are required: [\(missing.joined(separator: ", "))]", at: node.tree.place, node.location)
        }
        return missing.isEmpty ? ObjectFields(node: node, members: members) : nil
    }

    /// Reports members of which only one may stand.
    mutating func exclude(_ names: [String], in object: ObjectFields) {
        let present = names.filter { object.has($0) }
        if present.count > 1, let last = present.last {
            report(
                .schemaValidationFailed,
                "There should only be one of the following fields: [\(present.joined(separator: ", "))]",
                advice: "keep one of them", at: object.keyPlace(last), object.location(last),
                wireLocation: object.node.location)
        }
    }

    /// What stands for a field in the other query language.
    private static let counterparts = [
        "InputPath": "expressions over $states.input", "Parameters": "Arguments", "ResultSelector": "Output",
        "ResultPath": "Output", "OutputPath": "Output", "Arguments": "Parameters",
        "Output": "ResultSelector, ResultPath and OutputPath", "Items": "ItemsPath", "ItemsPath": "Items",
        "Condition": "Variable with an operator", "Variable": "Condition", "SecondsPath": "Seconds",
        "TimestampPath": "Timestamp", "ErrorPath": "Error", "CausePath": "Cause", "Result": "Output",
        "TimeoutSecondsPath": "TimeoutSeconds", "HeartbeatSecondsPath": "HeartbeatSeconds",
        "MaxConcurrencyPath": "MaxConcurrency", "ToleratedFailureCountPath": "ToleratedFailureCount",
        "ToleratedFailurePercentagePath": "ToleratedFailurePercentage", "MaxItemsPath": "MaxItems",
        "MaxItemsPerBatchPath": "MaxItemsPerBatch", "MaxInputBytesPerBatchPath": "MaxInputBytesPerBatch",
    ]

    /// A payload template in the state's language. Its problems are reported; nil when there are any.
    mutating func template(_ name: String, in object: ObjectFields) -> PayloadTemplate? {
        guard let node = object.child(name) else { return nil }
        var templates = PayloadTemplateReader(language: language)
        let template = PayloadTemplate(node.tree, reader: &templates)
        var isUsable = true
        for problem in templates.problems {
            diagnostics.append(
                Diagnostic(
                    problem.severity, code: problem.code, message: problem.message, advice: problem.advice,
                    at: problem.place, location: node.location + problem.path))
            if problem.severity == .error { isUsable = false }
        }
        for use in templates.uses {
            switch use.content {
            case .expression(let expression):
                note(expression, in: use.tree, offset: use.offset, node.location + use.path)
            case .path, .call, .assignment: note(use.content, at: use.tree.place, node.location + use.path)
            }
        }
        return isUsable ? template : nil
    }

    /// A payload template that must be an object, such as Assign; an expression may not stand for the whole.
    mutating func objectTemplate(_ name: String, in object: ObjectFields) -> PayloadTemplate? {
        guard let node = object.child(name) else { return nil }
        guard case .mapping = node.tree.content else {
            expected("Object", node)
            return nil
        }
        return template(name, in: object)
    }

    /// InputPath or OutputPath: a path, or null to discard.
    mutating func selection(_ name: String, in object: ObjectFields) -> PathFlow.Selection {
        guard let node = object.child(name) else { return .whole }
        if case .scalar(.null) = node.tree.content { return .discard }
        return object.path(name, &self).map(PathFlow.Selection.path) ?? .whole
    }

    /// ResultPath: a reference path, or null to discard.
    mutating func placement(_ name: String, in object: ObjectFields) -> PathFlow.ResultPlacement {
        guard let node = object.child(name) else { return .replace }
        if case .scalar(.null) = node.tree.content { return .discard }
        guard let text = object.text(name, &self) else { return .replace }
        do {
            let path = try ReferencePath(text)
            return path.isIdentity ? .replace : .insert(path)
        } catch {
            report(
                "Value is not a Reference Path", advice: "'\(text)': \(error.advice(in: node.tree))",
                at: node.tree.place(ofByte: error.offset, in: text), node.location)
            return .replace
        }
    }
}

extension PathFlow.Selection {
    /// `$`, the whole.
    static let whole: PathFlow.Selection = .path(JSONPath(text: "$", root: .input, segments: []))
}
