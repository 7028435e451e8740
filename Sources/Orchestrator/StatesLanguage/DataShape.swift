import JSON

/// What is known of a value before the machine runs.
indirect enum DataShape: Equatable {
    case unknown
    /// Null, a boolean, a number or a text.
    case scalar
    /// The elements in order, where their number is known.
    case array([DataShape]?)
    /// A closed object has the members that stand here and no others.
    case object([String: DataShape], isClosed: Bool)

    init(_ value: JSON) {
        switch value {
        case .null, .bool, .integer, .double, .string: self = .scalar
        case .array(let elements): self = .array(elements.map(DataShape.init))
        case .object(let members):
            self = .object(
                Dictionary(members.map { ($0.key, DataShape($0.value)) }, uniquingKeysWith: { $1 }), isClosed: true)
        }
    }

    /// What may be there when either may be.
    func joined(_ other: DataShape) -> DataShape {
        if self == other { return self }
        switch (self, other) {
        case (.array, .array): return .array(nil)
        case (.object(let left, let isLeftClosed), .object(let right, let isRightClosed)):
            var members = left
            for (name, shape) in right { members[name] = members[name].map { $0.joined(shape) } ?? shape }
            // A member of one that the other does not rule out may be anything.
            if !isLeftClosed { for name in right.keys where left[name] == nil { members[name] = .unknown } }
            if !isRightClosed { for name in left.keys where right[name] == nil { members[name] = .unknown } }
            return .object(members, isClosed: isLeftClosed && isRightClosed)
        default: return .unknown
        }
    }

    /// What a path finds.
    enum Finding {
        case shape(DataShape)
        /// There is no such member or element; what there is instead.
        case nothing(name: String, among: [String]?)
    }

    func finding(_ path: [Step]) -> Finding {
        guard let step = path.first else { return .shape(self) }
        switch (step, self) {
        case (_, .unknown): return .shape(.unknown)
        case (.field, .array): return .shape(.unknown)
        case (.name(let name), .object(let members, let isClosed)),
            (.field(let name), .object(let members, let isClosed)):
            if let member = members[name] { return member.finding(Array(path.dropFirst())) }
            return isClosed ? .nothing(name: name, among: members.keys.sorted()) : .shape(.unknown)
        case (.index(let index), .array(let elements)):
            guard let elements else { return .shape(.unknown) }
            let resolved = index < 0 ? elements.count + index : index
            if elements.indices.contains(resolved) { return elements[resolved].finding(Array(path.dropFirst())) }
            return .nothing(name: "[\(index)]", among: nil)
        case (.name(let name), .scalar), (.name(let name), .array), (.field(let name), .scalar):
            return .nothing(name: name, among: nil)
        case (.index(let index), .scalar), (.index(let index), .object): return .nothing(name: "[\(index)]", among: nil)
        case (.rest, _): return .shape(.unknown)
        }
    }

    enum Step {
        case name(String)
        /// A name that goes into the elements of an array by itself.
        case field(String)
        case index(Int)
        /// Something that finds one or many or none.
        case rest
    }

    /// The shape with another put in at a place; objects are made on the way.
    func setting(_ shape: DataShape, at path: ArraySlice<ReferencePath.Step>) -> DataShape {
        guard let step = path.first else { return shape }
        guard case .name(let name) = step else { return .unknown }
        switch self {
        case .object(var members, let isClosed):
            members[name] = (members[name] ?? (isClosed ? .object([:], isClosed: true) : .unknown))
                .setting(shape, at: path.dropFirst())
            return .object(members, isClosed: isClosed)
        case .unknown:
            return .object([name: DataShape.unknown.setting(shape, at: path.dropFirst())], isClosed: false)
        case .scalar, .array: return .unknown
        }
    }
}

extension JSONPath {
    /// The path as steps over shapes; nil where it begins with a variable or the context.
    var shapeSteps: [DataShape.Step]? {
        guard root == .input else { return nil }
        return segments.map { segment in
            switch segment {
            case .names(let names) where names.count == 1: .name(names[0])
            case .indices(let indices) where indices.count == 1: .index(indices[0])
            case .names, .indices, .slice, .wildcard, .filter, .descendants, .function: .rest
            }
        }
    }
}
