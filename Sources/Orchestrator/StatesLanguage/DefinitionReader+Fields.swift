import JSON

/// The members of an object of a definition, checked against the names it may have.
struct ObjectFields {
    let node: DefinitionReader.Node
    let members: [SourceTree.Member]

    /// The last member of that name: a repeated one is reported when the object is opened.
    subscript(name: String) -> SourceTree.Member? { members.last { $0.key == name } }

    func has(_ name: String) -> Bool { self[name] != nil }

    func location(_ name: String) -> String { node.child(name) }

    func place(_ name: String) -> SourcePlace { self[name]?.value.place ?? node.tree.place }

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
            reader.report(
                "\(name) is \(value)", advice: "write a number from \(bounds.lowerBound) to \(bounds.upperBound)",
                at: child.tree.place, child.location)
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
            let wanted =
                bounds.upperBound == .infinity
                ? "of at least \(bounds.lowerBound)" : "from \(bounds.lowerBound) to \(bounds.upperBound)"
            reader.report(
                "\(name) is \(scalar.text)", advice: "write a number \(wanted)", at: child.tree.place, child.location)
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
            return try JSONPath(text)
        } catch {
            reader.report(
                "Value is not a valid JSONPath: '\(text)'", advice: error.description, at: place(name), location(name))
            return nil
        }
    }

    /// A field that is a literal or, with `Path` behind its name, a path; at most one of both.
    func numberSource(
        _ name: String, in bounds: ClosedRange<Int>, _ reader: inout DefinitionReader
    ) -> NumberSource? {
        reader.exclude([name, name + "Path"], in: self)
        if has(name + "Path") { return path(name + "Path", &reader).map(NumberSource.path) }
        return integer(name, in: bounds, &reader).map(NumberSource.literal)
    }

    /// A text, or with `Path` behind its name a path or an intrinsic function; at most one of both.
    func textSource(_ name: String, _ reader: inout DefinitionReader) -> TextSource? {
        reader.exclude([name, name + "Path"], in: self)
        let pathName = name + "Path"
        guard let text = text(pathName, &reader) else { return text(name, &reader).map(TextSource.literal) }
        do {
            return text.hasPrefix("States.") ? .intrinsic(try IntrinsicCall(text)) : .path(try JSONPath(text))
        } catch {
            reader.report(
                "Value is not a valid JSONPath or intrinsic function call: '\(text)'", advice: error.description,
                at: place(pathName), location(pathName))
            return nil
        }
    }
}

extension DefinitionReader {
    mutating func expected(_ type: String, _ node: Node, advice: String? = nil) {
        report(
            "Expected value of type \(type)", advice: advice ?? "this is \(DefinitionReader.name(of: node.tree))",
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

    /// Opens an object: reports unknown, repeated and missing members. Nil when the node is no object or a required
    /// member misses.
    mutating func object(_ node: Node, fields: [String], required: [String] = []) -> ObjectFields? {
        guard case .mapping(let members) = node.tree.content else {
            expected("Object", node)
            return nil
        }
        var seen: [String: SourcePlace] = [:]
        for member in members {
            if let first = seen[member.key] {
                report(
                    "The field '\(member.key)' is defined twice", advice: "line \(first.line) has it already",
                    at: member.keyPlace, node.child(member.key))
            }
            seen[member.key] = member.keyPlace
            if !fields.contains(member.key) {
                let nearest = nearestName(to: member.key, among: fields)
                let known = fields.count > 30 ? nil : "known here are \(fields.sorted().joined(separator: ", "))"
                report(
                    "The field '\(member.key)' is not supported",
                    advice: nearest.map { "did you mean '\($0)'?" } ?? known, at: member.keyPlace,
                    node.child(member.key))
            }
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
                "Only one of these fields is allowed: [\(present.joined(separator: ", "))]", advice: "keep one of them",
                at: object.keyPlace(last), object.location(last))
        }
    }

    /// A payload template. Its problems are reported; nil when there are any.
    mutating func template(_ name: String, in object: ObjectFields) -> PayloadTemplate? {
        guard let node = object.child(name) else { return nil }
        var problems: [PayloadTemplate.Problem] = []
        let template = PayloadTemplate(node.tree, problems: &problems)
        for problem in problems {
            let location = problem.path.reduce(node.location) { $1.hasPrefix("[") ? $0 + $1 : $0 + "/" + $1 }
            report(problem.message, advice: problem.advice, at: problem.place, location)
        }
        return problems.isEmpty ? template : nil
    }

    /// InputPath or OutputPath: a path, or null to discard.
    mutating func selection(_ name: String, in object: ObjectFields) -> DataFlow.Selection {
        guard let node = object.child(name) else { return .whole }
        if case .scalar(.null) = node.tree.content { return .discard }
        return object.path(name, &self).map(DataFlow.Selection.path) ?? .whole
    }

    /// ResultPath: a reference path, or null to discard.
    mutating func placement(_ name: String, in object: ObjectFields) -> DataFlow.ResultPlacement {
        guard let node = object.child(name) else { return .replace }
        if case .scalar(.null) = node.tree.content { return .discard }
        guard let text = object.text(name, &self) else { return .replace }
        do {
            let path = try ReferencePath(text)
            return path.isIdentity ? .replace : .insert(path)
        } catch {
            report(
                "Value is not a Reference Path: '\(text)'", advice: error.description, at: node.tree.place,
                node.location)
            return .replace
        }
    }
}

extension DataFlow.Selection {
    /// `$`, the whole.
    static let whole: DataFlow.Selection = .path(JSONPath(text: "$", root: .input, segments: []))
}
