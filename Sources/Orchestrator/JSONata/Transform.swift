import JSON
import OrderedCollections

/// `|pattern|update, delete|`: a function that returns a changed copy.
final class TransformNode: Node, @unchecked Sendable {
    let pattern: Node
    let update: Node
    let deletion: Node?
    let cloneName: Int

    init(_ pattern: Node, _ update: Node, _ deletion: Node?, cloneName: Int, _ position: Int) {
        self.pattern = pattern
        self.update = update
        self.deletion = deletion
        self.cloneName = cloneName
        super.init(position)
    }

    override var typeName: String { "transform" }

    private static let signature: Signature? = {
        do throws(Failure) { return try Signature(parsing: "<(oa):o>") } catch {
            preconditionFailure("the signature of transformations is well formed")
        }
    }()

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        try runtime.charge(96)
        let function = Function(
            .transform(self, input: input, frame), arity: 1, signature: TransformNode.signature)
        if function.height > JSONataLimits.maximumHeight { throw Runtime.tooNested }
        return .function(function)
    }

    func apply(to object: Value, input: Value, frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        if object.isUndefined { return .undefined }
        let clone = frame.lookup(cloneName) ?? runtime.global(cloneName)
        guard case .function = clone else { throw Failure("T2013", position: position) }
        let result = try runtime.apply(clone, [object], context: .undefined, frame: frame)
        let matches = try pattern.evaluate(result, frame, runtime)
        if matches.isUndefined { return result }
        let height = result.height
        for index in 0..<matches.itemCount {
            try runtime.step()
            let match = matches.item(index)
            let change = try update.evaluate(match, frame, runtime)
            if !change.isUndefined {
                guard change.isObject else { throw Failure("T2011", position: update.position, value: change) }
                for (key, value) in change.members {
                    guard case .object(let box) = match else { continue }
                    // The objects around the match do not learn how deep it gets.
                    if value.height + height > JSONataLimits.maximumHeight { throw Runtime.tooNested }
                    // A copy, lest an object comes to hold itself.
                    try runtime.set(key, of: box, to: try value.copied(runtime))
                }
            }
            guard let deletion else { continue }
            let names = try deletion.evaluate(match, frame, runtime)
            for place in 0..<(names.isUndefined ? 0 : names.itemCount) {
                guard case .string(let name) = names.item(place) else {
                    throw Failure("T2012", position: deletion.position, value: names)
                }
                if case .object(let box) = match { box[name] = nil }
            }
        }
        return result
    }
}

extension Value {
    /// A copy that shares nothing that can change.
    func copied(_ runtime: Runtime) throws(Failure) -> Value {
        switch self {
        case .array(let box) where !box.isRange:
            try runtime.descend()
            let copy = ArrayBox([], isSequence: box.isSequence)
            copy.keepSingleton = box.keepSingleton
            copy.isConstructed = box.isConstructed
            for element in box.elements {
                try runtime.step()
                try runtime.append(try element.copied(runtime), to: copy)
            }
            runtime.ascend()
            return .array(copy)
        case .object(let box):
            try runtime.descend()
            let copy = ObjectBox()
            for (key, value) in box.members {
                try runtime.step()
                try runtime.set(key, of: copy, to: try value.copied(runtime))
            }
            runtime.ascend()
            return .object(copy)
        default: return self
        }
    }

    /// A copy all of whose objects can be changed, as writing to JSON and reading back would make it: functions become empty
    /// strings, numbers keep 15 significant digits.
    func clonedForChange(_ runtime: Runtime) throws(Failure) -> Value {
        try runtime.step()
        switch self {
        case .number(let value): return .number(try NumberText.rounded(value))
        case .function: return .string("")
        case .jsonArray, .array:
            try runtime.descend()
            let copy = ArrayBox([])
            try forEachItem { (element) throws(Failure) in
                let value = try element.clonedForChange(runtime)
                try runtime.append(value.isUndefined ? .null : value, to: copy)
            }
            runtime.ascend()
            return .array(copy)
        case .jsonObject, .object:
            try runtime.descend()
            let copy = ObjectBox()
            for (key, value) in members {
                let value = try value.clonedForChange(runtime)
                if !value.isUndefined { try runtime.set(key, of: copy, to: value) }
            }
            runtime.ascend()
            return .object(copy)
        case .undefined, .null, .bool, .string, .tuples, .tailCall: return self
        }
    }
}
