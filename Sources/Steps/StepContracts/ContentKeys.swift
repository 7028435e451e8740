/// Content keys on their way to the step that uses them. They are part of no description, comparison or document that
/// is kept.
public struct ContentKeys: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The 16 bytes of each key by its id, 32 lower-case hexadecimal digits.
    private let keys: [String: [UInt8]]

    public static let none = ContentKeys([:])

    public init(_ keys: [String: [UInt8]]) { self.keys = keys }

    public subscript(keyID: String) -> [UInt8]? { keys[keyID] }
    public var isEmpty: Bool { keys.isEmpty }
    /// The keys themselves, for whoever hands them to a child.
    public var secrets: [String: [UInt8]] { keys }

    public var description: String { "\(keys.count) content keys" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
