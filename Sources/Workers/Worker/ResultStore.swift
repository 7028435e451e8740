import Cryptography
import JSON
import ObjectStorage
import StepContracts

/// Results of steps, kept under the hash of everything that made them.
struct ResultStore: Sendable {
    let store: any ObjectStore

    /// Of a long result's objects so many are asked for before the result is believed.
    private static let sampledObjects = 16
    private static let maximumDocumentBytes = 16 << 20

    /// The key of a result, from ``StepFiles/resultIdentity(step:version:input:digests:)``.
    static func key(identity: String) -> String { SHA256.hash(identity).hex }

    private func documentKey(_ key: String) -> String { "results/\(key).json" }

    /// What a look for a kept result finds.
    enum Finding: Sendable {
        /// `usage`: what making it took, where that was kept; saved, unless it was made for the one who asks.
        case output(JSON, usage: StepUsage?)
        case nothing
        /// A result, but an object it refers to is gone.
        case gone(key: String)
    }

    /// Looks for the output kept under a key.
    /// - Parameter asker: for whom; see ``keep(_:usage:maker:step:version:key:identity:subject:)``.
    func find(_ key: String, asker: String) async throws(StepFailure) -> Finding {
        // A document of another release, or a damaged one: the step is run again and the document replaced.
        guard let document = try await document(documentKey(key)), let output = document["output"] else {
            return .nothing
        }
        let objects = StepFiles.storedObjects(in: output)
        let step = max(1, objects.count / ResultStore.sampledObjects)
        for index in stride(from: 0, to: objects.count, by: step) {
            do {
                let info = try await store.head(objects[index].name)
                if let bytes = objects[index].bytes, Int64(bytes) != info.bytes {
                    return .gone(key: objects[index].name)
                }
            } catch {
                if error.code == .notFound { return .gone(key: objects[index].name) }
                throw StepFailure(error)
            }
        }
        var usage = document["usage"].flatMap(StepUsage.init(json:))
        // An attempt that is lost with its result kept has told nobody what it took: the next one does.
        usage?.isSaved = document["maker"]?.stringValue != asker
        return .output(output, usage: usage)
    }

    private func document(_ key: String) async throws(StepFailure) -> JSON? {
        let bytes: [UInt8]
        do {
            bytes = try await store.get(key, range: nil, maxBytes: ResultStore.maximumDocumentBytes)
        } catch {
            if error.code == .notFound { return nil }
            throw StepFailure(error)
        }
        return JSON.kept(bytes)
    }

    /// Keeps an output under its key, in place of one that was not believed.
    /// - Parameters:
    ///   - usage: what making it took; nil where that is not known.
    ///   - maker: the entry on whose behalf it was made, the same for all its attempts.
    ///   - identity: what the key was made of.
    ///   - subject: what it is about (see ``StepFiles/subject(of:content:)``), for ``changes(from:step:subject:)``.
    func keep(
        _ output: JSON, usage: StepUsage?, maker: String, step: String, version: Int, key: String, identity: String,
        subject: String?
    ) async throws(StepFailure) {
        let document: JSON = .members(
            ("step", .string(step)), ("version", .integer(version)), ("output", output), ("usage", usage?.json),
            ("maker", .string(maker)))
        try await replace(document, documentKey(key))
        guard let subject else { return }
        try await replace(["identity": .string(identity)], lastKey(step, subject))
    }

    /// In what an identity differs from that of the result kept last for the same content; nil when there is none.
    func changes(
        from identity: String, step: String, subject: String?
    ) async throws(StepFailure) -> [StepReuse.Change]? {
        guard let subject, let last = try await document(lastKey(step, subject))?["identity"]?.stringValue,
            let before = JSON.kept(Array(last.utf8)), let now = JSON.kept(Array(identity.utf8))
        else { return nil }
        return StepReuse.changes(from: before, to: now)
    }

    private func lastKey(_ step: String, _ subject: String) -> String { "results/last/\(step)/\(subject).json" }

    /// Puts a document in the place of another. Of several who do so at the same time one has the last word, which is as
    /// good as the others'.
    private func replace(_ document: JSON, _ key: String) async throws(StepFailure) {
        do {
            if try await put(document, key) { return }
            try await store.delete(key)
            _ = try await put(document, key)
        } catch {
            throw StepFailure(error)
        }
    }

    /// False where another document stands there.
    private func put(_ document: JSON, _ key: String) async throws(ObjectStorageError) -> Bool {
        do {
            _ = try await store.put(.bytes(document.utf8), key: key, contentType: "application/json")
            return true
        } catch {
            guard error.code == .alreadyExists else { throw error }
            return false
        }
    }
}

extension JSON {
    /// A kept document; nil for one of another release or a damaged one, which counts as none and is replaced.
    static func kept(_ bytes: [UInt8]) -> JSON? {
        do { return try JSON(parsing: bytes) } catch { return nil }
    }
}
