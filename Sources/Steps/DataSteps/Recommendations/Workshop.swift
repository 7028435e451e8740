public import CatalogStore
import Cryptography
import Foundation
import Glibc
import JSON
public import ObjectStorage
import Postgres
import Recommender
import StepContracts
import Synchronization

/// What the steps of the retraining share: the catalogue, the object store, and the processors.
public struct Workshop: Sendable {
    let catalogue: CatalogReader
    let interactions: InteractionTable
    let generations: GenerationTable
    let store: any ObjectStore

    /// - Parameters:
    ///   - read: reads the catalogue.
    ///   - write: changes generations, and deletes events that are not needed any more.
    public init(read: @escaping CatalogReader.Query, write: @escaping CatalogReader.Query, store: any ObjectStore) {
        catalogue = CatalogReader(query: read)
        interactions = InteractionTable(query: write)
        generations = GenerationTable(query: write)
        self.store = store
    }

    /// Where everything lies that a retraining makes, under the name of its content.
    static let prefix = "recommendations/"

    enum Kind: String {
        case extract, model, rankings
    }

    /// Stores bytes under the name of their content: whoever makes the same again finds them there.
    func put(_ bytes: [UInt8], _ kind: Kind) async throws(StepFailure) -> JSON {
        let sha256 = SHA256.hash(bytes).hex
        do {
            let reference = try await store.put(
                .bytes(bytes), key: "\(Self.prefix)\(kind.rawValue)/\(sha256)",
                contentType: "application/octet-stream", sha256: sha256)
            return [
                "key": .string(reference.key), "bytes": .integer(reference.bytes),
                "sha256": .string(reference.sha256),
            ]
        } catch {
            throw Self.failure(error)
        }
    }

    /// The object that a member of a step's input names, checked against its digest.
    func get(_ input: JSON, _ name: String) async throws(StepFailure) -> [UInt8] {
        let reference = try Self.reference(input[name] ?? .null, name)
        do {
            let bytes = try await store.get(reference.key, range: nil, maxBytes: ModelFile.limit)
            guard SHA256.hash(bytes).hex == reference.sha256 else {
                throw StepFailure.sourceInvalid("the object \(reference.key) has another content than its name says")
            }
            return bytes
        } catch let error as ObjectStorageError {
            throw Self.failure(error)
        } catch let failure as StepFailure {
            throw failure
        } catch {
            preconditionFailure("A store fails with its own error, not with \(error).")
        }
    }

    static func reference(_ value: JSON, _ name: String) throws(StepFailure) -> ObjectReference {
        guard let key = value["key"]?.stringValue, key.hasPrefix(prefix), ObjectKey.problem(in: key) == nil,
            let sha256 = value["sha256"]?.stringValue, let bytes = value["bytes"]?.integerValue
        else { throw .parametersInvalid("'\(name)' names no object of a retraining") }
        return ObjectReference(key: key, bytes: Int64(bytes), sha256: sha256)
    }

    static func failure(_ error: ObjectStorageError) -> StepFailure {
        switch error.code {
        case .cancelled: .cancelled("the step was told to stop")
        case .noSpace: .resourceExhausted(error.message)
        case .notFound:
            .parametersInvalid("an object is not there any more: \(error.message)")
        default: .storageUnavailable(error.message)
        }
    }

    /// Turns the database's failure into the step's.
    func asking<Value>(
        _ body: () async throws(PostgresError) -> Value
    ) async throws(StepFailure) -> Value {
        do {
            return try await body()
        } catch {
            throw .databaseUnavailable("The catalogue does not answer: \(error.message)")
        }
    }

    func extract(_ input: JSON, _ name: String) async throws(StepFailure) -> Extract {
        let bytes = try await get(input, name)
        return try await compute { () throws(StepFailure) in
            do { return try ExtractFile.decode(bytes) } catch {
                throw .parametersInvalid("'\(name)' can't be used: \(error)")
            }
        }
    }

    func model(_ input: JSON, _ name: String) async throws(StepFailure) -> Model {
        let bytes = try await get(input, name)
        return try await compute { () throws(StepFailure) in
            do { return try ModelFile.decode(bytes, digest: Self.digest) } catch {
                throw .parametersInvalid("'\(name)' can't be used: \(error)")
            }
        }
    }

    static func digest(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var hasher = SHA256()
        hasher.update(bytes)
        return hasher.finalize().bytes
    }

    // MARK: Computing

    /// Runs what keeps processors busy on a thread of its own.
    func compute<Value: Sendable>(
        _ work: @escaping @Sendable () throws(StepFailure) -> Value
    ) async throws(StepFailure) -> Value {
        try await compute { (_) throws(StepFailure) in try work() }
    }

    /// The same for work that asks whether the step was told to stop, and then may end early.
    func compute<Value: Sendable>(
        _ work: @escaping @Sendable (_ isStopped: @escaping @Sendable () -> Bool) throws(StepFailure) -> Value
    ) async throws(StepFailure) -> Value {
        let stopped = Stopped()
        let result: Result<Value, StepFailure> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let thread = Thread {
                    do throws(StepFailure) {
                        continuation.resume(returning: .success(try work { stopped.isSet.load(ordering: .relaxed) }))
                    } catch {
                        continuation.resume(returning: .failure(error))
                    }
                }
                thread.stackSize = 8 << 20
                thread.start()
            }
        } onCancel: {
            stopped.isSet.store(true, ordering: .relaxed)
        }
        if stopped.isSet.load(ordering: .relaxed) { throw .cancelled("the step was told to stop") }
        return try result.get()
    }

    private final class Stopped: Sendable {
        let isSet = Atomic<Bool>(false)
    }

    /// As many threads as there are processors.
    static let threads = Threads.dispatch(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))

    /// Processor time of this process so far, in seconds.
    static func cpuSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// Members of a step's input.
struct StepInput {
    let document: JSON

    func integer(_ name: String, _ standard: Int?, in range: ClosedRange<Int>) throws(StepFailure) -> Int {
        let value = document[name] ?? .null
        if value == .null, let standard { return standard }
        // Languages of queries know only one kind of number.
        let whole = value.integerValue ?? value.doubleValue.flatMap { Int(exactly: $0) }
        guard let whole, range.contains(whole) else {
            throw .parametersInvalid(
                "'\(name)' is \(value.text); it has to be a whole number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return whole
    }

    func number(_ name: String, _ standard: Double, in range: ClosedRange<Double>) throws(StepFailure) -> Double {
        guard let value = document[name], value != .null else { return standard }
        guard let number = value.doubleValue, range.contains(number) else {
            throw .parametersInvalid(
                "'\(name)' is \(value.text); it has to be a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func text(_ name: String) throws(StepFailure) -> String {
        guard let text = document[name]?.stringValue, (1...1024).contains(text.utf8.count) else {
            throw .parametersInvalid("'\(name)' is no text of 1 to 1024 bytes")
        }
        return text
    }

    /// RFC 3339, as Unix seconds, rounded down.
    func moment(_ name: String) throws(StepFailure) -> Int64 {
        let text = try text(name)
        for fraction in [false, true] {
            let style = Date.ISO8601FormatStyle(includingFractionalSeconds: fraction)
            do { return Int64(try style.parse(text).timeIntervalSince1970.rounded(.down)) } catch { continue }
        }
        throw .parametersInvalid("'\(name)' is '\(text.prefix(64))'; it has to be a moment as in RFC 3339")
    }

    static func text(moment: Int64) -> String {
        Date(timeIntervalSince1970: TimeInterval(moment)).formatted(.iso8601)
    }
}
