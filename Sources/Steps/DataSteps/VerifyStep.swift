public import CatalogStore
import Cryptography
public import JSON
public import ObjectStorage
import Postgres
public import StepContracts

/// Reads the objects of published titles back from the store and compares size and SHA-256 with what the catalogue
/// recorded at their publication: one page of them, on top of what the report of the pages before says.
///
/// What is missing or damaged is no failure of the step but what it finds; a store or a database that does not answer
/// is. Titles that are published while pages follow each other may fall before the place reached: the next run has
/// them.
public struct VerifyStep: DataStep {
    private let catalogue: CatalogReader
    private let store: any ObjectStore

    public init(catalogue: CatalogReader, store: any ObjectStore) {
        self.catalogue = catalogue
        self.store = store
    }

    public var contract: StepContract { .verify }

    public func run(
        _ task: StepTask, report progress: @escaping @Sendable (StepProgress) -> Void
    ) async throws(StepFailure) -> JSON {
        let input = task.input
        let limit = try Self.limit(input, "limit", VerifyLimits.standardObjects, in: 1...VerifyLimits.objects)
        let limitBytes = try Self.limit(input, "limitBytes", VerifyLimits.standardBytes, in: 1...(1 << 50))
        var report = try VerifyReport(input["report"] ?? [:])
        let page = try await records(after: report.next, limit: limit)
        var pageBytes: Int64 = 0
        var checked = 0
        for record in page {
            progress(
                StepProgress(
                    stage: "verify", parts: [.init(name: "page", share: Double(checked) / Double(page.count))]))
            let verdict = try await verdict(on: record.object)
            report.add(record, verdict)
            pageBytes += verdict.bytesRead
            checked += 1
            if pageBytes >= Int64(limitBytes) { break }
        }
        // A full page may have been the last by chance; the page after it is then empty.
        report.next = checked < page.count || page.count == limit ? page[checked - 1].cursor : nil
        return report.json
    }

    private static func limit(
        _ input: JSON, _ name: String, _ standard: Int, in range: ClosedRange<Int>
    ) throws(StepFailure) -> Int {
        guard let value = input[name], value != .null else { return standard }
        guard let number = value.integerValue, range.contains(number) else {
            throw .parametersInvalid(
                "'\(name)' is \(value.text); it has to be a whole number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    private func records(after cursor: RecordCursor?, limit: Int) async throws(StepFailure) -> [RecordedObject] {
        do {
            return try await catalogue.recordedObjects(after: cursor, limit: limit)
        } catch {
            throw .databaseUnavailable("The catalogue can't be read: \(error.message)")
        }
    }

    // MARK: One object

    private func verdict(on object: PublishedObject) async throws(StepFailure) -> VerifyVerdict {
        do {
            let body = try await store.stream(object.key, range: nil)
            // What has another length is another content; reading it would tell nothing more.
            guard body.info.bytes == object.bytes else {
                return .damaged(bytes: body.info.bytes, sha256: nil, bytesRead: 0)
            }
            var hasher = SHA256()
            var bytes: Int64 = 0
            for try await chunk in body.chunks {
                guard !Task.isCancelled else { throw Self.stopped }
                hasher.update(chunk)
                bytes += Int64(chunk.count)
            }
            guard !Task.isCancelled else { throw Self.stopped }
            let sha256 = hasher.finalize().hex
            return bytes == object.bytes && sha256 == object.sha256
                ? .sound(bytesRead: bytes) : .damaged(bytes: bytes, sha256: sha256, bytesRead: bytes)
        } catch let failure as StepFailure {
            throw failure
        } catch let error as ObjectStorageError {
            return try Self.verdict(error, object)
        } catch is CancellationError {
            throw Self.stopped
        } catch {
            preconditionFailure("A store fails with its own error, not with \(error).")
        }
    }

    /// What the store's error says of the object; thrown where it says nothing of it.
    private static func verdict(
        _ error: ObjectStorageError, _ object: PublishedObject
    ) throws(StepFailure) -> VerifyVerdict {
        switch error.code {
        case .notFound: return .missing
        // A folder, or no content at all, where the object should lie.
        case .alreadyExists, .invalidRange: return .damaged(bytes: nil, sha256: nil, bytesRead: 0)
        case .checksumMismatch: return .damaged(bytes: nil, sha256: nil, bytesRead: object.bytes)
        case .cancelled: throw stopped
        case .noSpace: throw .resourceExhausted(error.message)
        case .invalidURL, .invalidKey, .invalidContentType, .tooLarge, .accessDenied, .storeMissing, .unavailable,
            .localFile, .refused:
            throw .storageUnavailable("\(object.key) can't be read: \(error.message)")
        }
    }

    private static let stopped = StepFailure.cancelled("the step was told to stop")
}

/// What became of one object.
enum VerifyVerdict: Sendable, Equatable {
    case sound(bytesRead: Int64)
    case missing
    /// What lies there instead, as far as that is known.
    case damaged(bytes: Int64?, sha256: String?, bytesRead: Int64)

    var bytesRead: Int64 {
        switch self {
        case .sound(let bytes), .damaged(_, _, let bytes): bytes
        case .missing: 0
        }
    }
}
