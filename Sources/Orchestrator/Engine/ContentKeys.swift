import StepContracts

/// Where the engine finds the content keys that tasks name.
public protocol ContentKeySource: Sendable {
    /// The key of an id.
    ///
    /// - Parameter keyID: 32 lower-case hexadecimal digits.
    /// - Throws: ``EngineError`` `.unavailable` while the keys can't be looked up.
    func contentKey(_ keyID: String) async throws(EngineError) -> ContentKeyFinding
}

/// What became of looking for a content key.
public enum ContentKeyFinding: Sendable {
    /// 16 bytes.
    case key([UInt8])
    case missing
    /// It can't be opened. A sentence for people.
    case sealed(String)
}

/// What a worker gets that asks for a content key.
public enum ContentKeyAnswer: Sendable {
    /// 16 bytes.
    case key([UInt8])
    /// The attempt is over.
    case stale
    /// The task names no such key, or there is none. A sentence for people.
    case missing(String)
    /// It can't be opened. A sentence for people.
    case sealed(String)
}

extension Engine {
    /// A content key that a live attempt's task names, for the worker that packages with it and nobody else.
    ///
    /// - Parameter keyID: 32 hexadecimal digits or a UUID.
    public func contentKey(_ keyID: String, forTask text: String) async throws(EngineError) -> ContentKeyAnswer {
        guard let attempt = try liveAttempt(ofTask: text) else { return .stale }
        let wanted = Self.plainKeyID(keyID)
        let named = (attempt.parameters["keys"]?.arrayValue ?? []).compactMap { $0["keyId"]?.stringValue }
        guard StepContract.plainResource(attempt.resource) == StepContract.package.resource,
            named.contains(where: { Self.plainKeyID($0) == wanted })
        else { return .missing("The task names no content key '\(keyID)'.") }
        guard let contentKeys else { return .missing("This engine keeps no content keys.") }
        switch try await contentKeys.contentKey(wanted) {
        case .key(let key): return .key(key)
        case .missing: return .missing("There is no content key '\(keyID)'.")
        case .sealed(let reason): return .sealed(reason)
        }
    }

    private static func plainKeyID(_ text: String) -> String {
        String(text.lowercased().filter { $0 != "-" })
    }
}
