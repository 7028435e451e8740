public import Packaging
public import StepContracts

/// What content keys are asked for.
public struct KeyRequest: Sendable, Hashable {
    /// Names the film to whoever makes keys: 1 to 64 letters, digits, `-` and `_`, the same for the same film.
    public let contentID: String
    public let scheme: ProtectionScheme
    /// One key is made for each; none stands there twice.
    public let labels: [KeyLabel]

    public init(contentID: String, scheme: ProtectionScheme, labels: [KeyLabel]) {
        self.contentID = contentID
        self.scheme = scheme
        self.labels = labels
    }
}

/// A new content key. Its bytes are part of no description.
public struct MadeKey: Sendable, CustomStringConvertible, CustomReflectable {
    public let keyID: KeyID
    public let label: KeyLabel
    /// 16 bytes.
    public let key: [UInt8]
    /// The constant vector that the maker demands for `cbcs`: 16 bytes, and no secret.
    public let vector: [UInt8]?
    /// What the maker wants players to be told; nil where that follows from the key's id.
    public let signalling: [ProtectionSystem: SystemSignalling]?

    /// - Precondition: key and vector have 16 bytes.
    public init(
        keyID: KeyID, label: KeyLabel, key: [UInt8], vector: [UInt8]? = nil,
        signalling: [ProtectionSystem: SystemSignalling]? = nil
    ) {
        precondition(key.count == 16, "a content key has 16 bytes, not \(key.count)")
        precondition(vector.map { $0.count == 16 } != false, "a constant vector has 16 bytes")
        self.keyID = keyID
        self.label = label
        self.key = key
        self.vector = vector
        self.signalling = signalling
    }

    public var description: String { "MadeKey(\(keyID), \(label.rawValue))" }
    public var customMirror: Mirror { Mirror(self, children: ["keyID": keyID, "label": label]) }
}

/// Where content keys come from.
public protocol KeyProvider: Sendable {
    /// One key for each label, in the order of the request.
    ///
    /// - Throws: failures that never contain a key.
    func keys(for request: KeyRequest) async throws(StepFailure) -> [MadeKey]
}
