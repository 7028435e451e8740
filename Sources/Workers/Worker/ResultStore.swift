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

    /// The output kept under a key; nil when there is none, or when an object it refers to is gone.
    func find(_ key: String) async throws(StepFailure) -> JSON? {
        let bytes: [UInt8]
        do {
            bytes = try await store.get(documentKey(key), range: nil, maxBytes: ResultStore.maximumDocumentBytes)
        } catch {
            if error.code == .notFound { return nil }
            throw StepFailure(error)
        }
        let output: JSON
        do {
            guard let member = try JSON(parsing: bytes)["output"] else { return nil }
            output = member
        } catch {
            // A document of another release, or a damaged one: the step is run again and the document replaced.
            return nil
        }
        let objects = StepFiles.storedObjects(in: output)
        let step = max(1, objects.count / ResultStore.sampledObjects)
        for index in stride(from: 0, to: objects.count, by: step) {
            do {
                let info = try await store.head(objects[index].name)
                if let bytes = objects[index].bytes, Int64(bytes) != info.bytes { return nil }
            } catch {
                if error.code == .notFound { return nil }
                throw StepFailure(error)
            }
        }
        return output
    }

    /// Keeps an output under its key, in place of one that was not believed.
    func keep(_ output: JSON, step: String, version: Int, key: String) async throws(StepFailure) {
        let document: JSON = ["step": .string(step), "version": .integer(version), "output": output]
        do {
            do {
                _ = try await put(document, key)
            } catch  where error.code == .alreadyExists {
                try await store.delete(documentKey(key))
                _ = try await put(document, key)
            }
        } catch {
            // Somebody else has just kept a result of the same step and input: theirs is as good.
            if error.code == .alreadyExists { return }
            throw StepFailure(error)
        }
    }

    private func put(_ document: JSON, _ key: String) async throws(ObjectStorageError) -> ObjectReference {
        try await store.put(.bytes(document.utf8), key: documentKey(key), contentType: "application/json")
    }
}
