import OrderedCollections

/// A place in a text file, both counted from 1 as editors and compilers count.
public struct SourcePlace: Sendable, Hashable, Comparable {
    public let line: Int
    public let column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public static func < (left: SourcePlace, right: SourcePlace) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// A document as its author wrote it: values of the JSON data model, each with its place, members in order and
/// repeated members kept, so that a reader can point at every mistake.
public struct SourceTree: Sendable, Hashable {
    public struct Member: Sendable, Hashable {
        public let key: String
        public let keyPlace: SourcePlace
        public let value: SourceTree

        public init(key: String, keyPlace: SourcePlace, value: SourceTree) {
            self.key = key
            self.keyPlace = keyPlace
            self.value = value
        }
    }

    public enum Content: Sendable, Hashable {
        case scalar(JSON)
        case sequence([SourceTree])
        case mapping([Member])
    }

    public let content: Content
    public let place: SourcePlace
    /// Where the text of a scalar begins, behind its quote, if it stands in the file character by character; nil where
    /// something is escaped, folded or taken from an anchor.
    public let textPlace: SourcePlace?

    public init(_ content: Content, at place: SourcePlace, text textPlace: SourcePlace? = nil) {
        self.content = content
        self.place = place
        self.textPlace = textPlace
    }

    /// The place of a character of the text, counted from 0 in Unicode scalars; the scalar's own where that can't be told.
    public func place(ofCharacter offset: Int) -> SourcePlace {
        textPlace.map { SourcePlace(line: $0.line, column: $0.column + offset) } ?? place
    }

    /// The value without places; of repeated members the last counts.
    public var json: JSON {
        switch content {
        case .scalar(let value): return value
        case .sequence(let elements): return .array(elements.map(\.json))
        case .mapping(let members):
            var object: OrderedDictionary<String, JSON> = [:]
            for member in members { object[member.key] = member.value.json }
            return .object(object)
        }
    }

    /// The last member of that name, where this is a mapping.
    public subscript(key: String) -> Member? {
        if case .mapping(let members) = content { members.last { $0.key == key } } else { nil }
    }
}
