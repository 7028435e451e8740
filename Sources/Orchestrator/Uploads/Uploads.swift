import Cryptography
import Encodings
public import Engine
public import EventPatterns
import Glibc
public import HTTPServer
import Hummingbird
import JSON
public import ObjectStorage

/// Resumable uploads that become executions.
///
/// The bytes gather in a spool directory. When all are there, the file goes into the object store under
/// `uploads/ID/FILENAME`, an execution named `upload-ID` is started on it, and only then the upload counts as done.
/// Each of these steps can be repeated, so that a crash between any two of them costs nothing: the next HEAD, PATCH or
/// start of the engine takes the upload on from where it was.
public actor Uploads {
    public struct Limits: Sendable {
        /// Bytes of one upload at most.
        public var maximumBytes: Int64
        /// Uploads that are not complete at the same time.
        public var maximumOpen: Int
        /// An upload to which nothing was written for so long is removed; so is the memory of a complete one.
        public var lifetime: Duration
        /// Bytes of the file system that uploads leave free.
        public var reservedBytes: Int64

        public init(
            maximumBytes: Int64 = 256 << 30, maximumOpen: Int = 1000, lifetime: Duration = .seconds(7 * 86_400),
            reservedBytes: Int64 = 256 << 20
        ) {
            self.maximumBytes = maximumBytes
            self.maximumOpen = maximumOpen
            self.lifetime = lifetime
            self.reservedBytes = reservedBytes
        }
    }

    /// How an upload stands.
    struct Standing: Sendable, Equatable {
        let id: String
        let length: Int64
        /// Bytes that are kept for good.
        let offset: Int64
        let header: String?
        /// Set when the execution is started.
        let executionARN: String?
        /// The trigger that has to be resumed before the execution of a complete upload is started.
        var heldBy: String?
    }

    /// Bytes gathered in memory before they go to the disk in one piece.
    private static let pieceBytes = 1 << 20
    /// Bytes after which a long request is synced in between, so that no crash costs more.
    private static let syncBytes = 64 << 20

    nonisolated let limits: Limits
    let spool: Spool
    let store: any ObjectStore
    let runs: any RunService & TriggeredStarts
    let triggers: [Trigger]
    let told: @Sendable (TriggerNews) async -> Void
    let deadline: AnswerDeadline
    let now: @Sendable () -> Int64
    var records: [String: UploadRecord] = [:]
    /// Uploads that a request or the sweep works on: only one may.
    private var busy: Set<String> = []
    /// Bytes known to be on the disk, of uploads that are written to.
    private var synced: [String: Int64] = [:]
    /// Bytes promised to creations that are being put in place.
    private var promised: Int64 = 0

    /// Opens the spool directory, makes it if need be, and takes up the uploads in it.
    ///
    /// - Parameters:
    ///   - directory: on a disk that survives a restart; its parent exists.
    ///   - triggers: which of them are about uploads they say themselves.
    ///   - told: hears what came of each upload for each of these triggers.
    ///   - deadline: how long whoever has sent the last part waits for each of the executions that the upload starts. The
    ///     next request, or the sweep, finds them started.
    ///   - now: seconds since 1970, by the clock that stamps files.
    public init(
        directory: String, store: any ObjectStore, runs: any RunService & TriggeredStarts, triggers: [Trigger] = [],
        limits: Limits = Limits(), told: @escaping @Sendable (TriggerNews) async -> Void = { _ in },
        deadline: AnswerDeadline = AnswerDeadline(),
        now: @escaping @Sendable () -> Int64 = { Int64(time(nil)) }
    ) async throws(UploadError) {
        spool = try Spool(directory: directory)
        self.store = store
        self.runs = runs
        self.triggers = triggers.filter { $0.source == .upload }
        self.told = told
        self.limits = limits
        self.deadline = deadline
        self.now = now
        for record in try await spool.load() { records[record.id] = record }
    }

    // MARK: The verbs of the protocol

    /// Makes room for an upload of a known length.
    func create(length: Int64, header: String?) async throws(UploadError) -> Standing {
        guard length <= limits.maximumBytes else {
            throw UploadError(
                .tooLarge, "An upload may have \(limits.maximumBytes) bytes at most, this one has \(length).")
        }
        let metadata = try UploadMetadata(header: header)
        guard records.values.count(where: { $0.executionARN == nil }) < limits.maximumOpen else {
            throw UploadError(.tooMany, "\(limits.maximumOpen) uploads are open already.")
        }
        promised += length
        defer { promised -= length }
        try await checkSpace()
        let id = Self.randomID()
        let key = "uploads/\(id)/\(metadata.filename)"
        var input: JSON = [
            "source": .string(store.url(for: key)), "title": .string(metadata.title),
            "metadata": metadata.metadata, "protection": .string(metadata.protection),
        ]
        if let ladder = metadata.ladder { input["ladder"] = .string(ladder) }
        if !metadata.codecs.isEmpty { input["codecs"] = .array(metadata.codecs.map { .string($0) }) }
        if !metadata.reuse { input["reuse"] = false }
        let record = UploadRecord(
            id: id, length: length, header: header, key: key, contentType: ContentType.forKey(key),
            sha256: metadata.sha256, machine: metadata.workflow, input: input)
        try await spool.create(record)
        records[id] = record
        return Standing(id: id, length: length, offset: 0, header: header, executionARN: nil)
    }

    /// How an upload stands; one whose bytes are all there is finished first.
    func standing(_ id: String) async throws(UploadError) -> Standing {
        let record = try known(id)
        if record.executionARN != nil { return standing(record, offset: record.length) }
        guard busy.insert(id).inserted else {
            // Somebody writes: what is certain by now.
            if let offset = synced[id] { return standing(record, offset: offset) }
            return standing(record, offset: try await spool.length(record) ?? 0)
        }
        defer { busy.remove(id) }
        let offset = try await keptBytes(of: record)
        guard offset == record.length else { return standing(record, offset: offset) }
        return try await finish(id)
    }

    /// Appends a request's content, keeping whatever arrives, and finishes the upload if that was all.
    ///
    /// - Parameters:
    ///   - offset: where the client believes the upload to stand.
    ///   - declared: bytes the content will have, where the client says.
    ///   - checksum: what the content's digest must be. Then all of it is kept, or nothing.
    func append(
        _ content: RequestBody, to id: String, at offset: Int64, declared: Int64?, checksum: UploadChecksum? = nil
    ) async throws(UploadError) -> Standing {
        let record = try known(id)
        guard busy.insert(id).inserted else {
            throw UploadError(.busy, "Another request writes to the upload \(id) at this moment.")
        }
        defer {
            busy.remove(id)
            synced[id] = nil
        }
        var kept = try await keptBytes(of: record)
        synced[id] = kept
        guard offset == kept else {
            throw UploadError(
                .wrongOffset, "The upload \(id) stands at byte \(kept), not at \(offset).", offset: kept)
        }
        guard (declared ?? 0) <= record.length - kept else { throw Self.tooLong(record) }
        if record.executionARN == nil, kept < record.length {
            let file = try await spool.open(record)
            if let checksum {
                kept = try await gather(content, into: file, from: kept, record: record, checksum)
            } else {
                kept = try await gather(content, into: file, from: kept, record: record)
            }
        }
        guard kept == record.length else { return standing(record, offset: kept) }
        return try await finish(id)
    }

    /// Removes an upload. An execution that was started on it goes on.
    func terminate(_ id: String) async throws(UploadError) {
        let record = try known(id)
        guard busy.insert(id).inserted else {
            throw UploadError(.busy, "Another request writes to the upload \(id) at this moment.")
        }
        defer { busy.remove(id) }
        try await spool.remove(record)
        records[id] = nil
    }

    /// What a sweep did.
    struct Sweep: Sendable, Equatable {
        /// Uploads that are gone.
        var removed: [String] = []
        /// Uploads that are complete and could not be finished, with the reason.
        var postponed: [String: UploadError] = [:]
        /// Uploads that are complete and whose execution is refused, with the reason: until somebody changes a machine or
        /// a trigger it will be again.
        var refused: [String: UploadError] = [:]
        /// Uploads that are complete and wait for a trigger to be resumed, with its name.
        var held: [String: String] = [:]
    }

    /// Removes uploads that nobody has written to for longer than their lifetime, and finishes those whose bytes are
    /// all there but whose client never came back. Those whose execution is refused all their lifetime long go with it.
    @discardableResult
    func sweep() async throws(UploadError) -> Sweep {
        var sweep = Sweep()
        let paused = await pausedTriggers()
        for id in records.keys.sorted() {
            guard let record = records[id], busy.insert(id).inserted else { continue }
            defer { busy.remove(id) }
            if let trigger = record.heldBy(paused) {
                sweep.held[id] = trigger
                continue
            }
            let age = now() - (try await spool.lastChange(record))
            if record.executionARN == nil, try await keptBytes(of: record) == record.length {
                // However old: its bytes were acknowledged.
                do {
                    if let trigger = try await finish(id).heldBy { sweep.held[id] = trigger }
                } catch  where error.code == .checksumMismatch {
                    sweep.removed.append(id)
                } catch  where error.code == .invalid {
                    sweep.refused[id] = error
                    guard .seconds(age) > limits.lifetime else { continue }
                    try await spool.remove(record)
                    records[id] = nil
                    sweep.removed.append(id)
                } catch {
                    sweep.postponed[id] = error
                }
            } else if .seconds(age) > limits.lifetime {
                try await spool.remove(record)
                records[id] = nil
                sweep.removed.append(id)
            }
        }
        return sweep
    }

    /// Bytes kept of an upload, without an attempt to finish it.
    func bytesKept(_ id: String) async throws(UploadError) -> Int64 {
        let record = try known(id)
        return record.executionARN == nil ? try await spool.length(record) ?? 0 : record.length
    }

    /// When an upload that is written to now expires, in seconds since 1970.
    func expiry() -> Int64 { now() + limits.lifetime.components.seconds }

    // MARK: Parts of them

    func known(_ id: String) throws(UploadError) -> UploadRecord {
        guard let record = records[id] else {
            throw UploadError(.notFound, "There is no upload \(id.prefix(80)); it may have expired.")
        }
        return record
    }

    func standing(_ record: UploadRecord, offset: Int64) -> Standing {
        Standing(
            id: record.id, length: record.length, offset: offset, header: record.header,
            executionARN: record.executionARN)
    }

    /// Bytes an upload has, all of them on the disk for good: after a crash of the process the file may be ahead of
    /// what was synced.
    private func keptBytes(of record: UploadRecord) async throws(UploadError) -> Int64 {
        if record.executionARN != nil { return record.length }
        try await spool.dropUnverified(record)
        let file = try await spool.open(record)
        try await file.sync()
        return try await file.length()
    }

    /// The same for content with a checksum. Until that is known to be right the bytes beyond the offset are nobody's,
    /// and a mark on the disk says so.
    private func gather(
        _ content: RequestBody, into file: SpoolFile, from offset: Int64, record: UploadRecord,
        _ checksum: UploadChecksum
    ) async throws(UploadError) -> Int64 {
        try await spool.markUnverified(record, from: offset)
        let seen = SeenBytes(checksum.digest)
        do throws(UploadError) {
            let end = try await gather(content, into: file, from: offset, record: record, seen: seen)
            guard seen.finish() == checksum.expected else {
                throw UploadError(
                    .partChecksumMismatch,
                    "The \(end - offset) bytes of the request are not what its Upload-Checksum says; they are dropped.",
                    offset: offset)
            }
            try await spool.acceptUnverified(record)
            synced[record.id] = end
            return end
        } catch {
            try await spool.dropUnverified(record)
            throw error
        }
    }

    /// - Parameter seen: is shown all bytes; then none of them counts before the caller says so.
    private func gather(
        _ content: RequestBody, into file: SpoolFile, from offset: Int64, record: UploadRecord,
        seen: SeenBytes? = nil
    ) async throws(UploadError) -> Int64 {
        var kept = offset
        var sinceSync = 0
        var piece: [UInt8] = []
        var end: UploadError?
        do {
            for try await buffer in content {
                guard kept + Int64(piece.count + buffer.readableBytes) <= record.length else {
                    end = Self.tooLong(record)
                    break
                }
                piece.append(contentsOf: buffer.readableBytesView)
                guard piece.count >= Self.pieceBytes else { continue }
                seen?.take(piece)
                try await file.write(piece, at: kept)
                kept += Int64(piece.count)
                sinceSync += piece.count
                piece.removeAll(keepingCapacity: true)
                if sinceSync >= Self.syncBytes {
                    try await file.sync()
                    if seen == nil { synced[record.id] = kept }
                    sinceSync = 0
                }
            }
        } catch let error as UploadError {
            throw error
        } catch {
            end = UploadError(.cut, "The connection ended before the request did: \(error).")
        }
        if !piece.isEmpty {
            seen?.take(piece)
            try await file.write(piece, at: kept)
            kept += Int64(piece.count)
        }
        try await file.sync()
        if seen == nil { synced[record.id] = kept }
        if let end { throw end }
        return kept
    }

    private static func tooLong(_ record: UploadRecord) -> UploadError {
        UploadError(.tooLarge, "The upload \(record.id) has \(record.length) bytes; the content goes beyond its end.")
    }

    /// Whether the bytes still to come of all uploads have a place, and beside them the copy in a store on the same
    /// file system.
    private func checkSpace() async throws(UploadError) {
        var needed = promised
        for record in records.values where record.executionARN == nil {
            needed += record.length - (try await spool.length(record) ?? 0)
        }
        let path: String?
        do {
            path = try store.localPath("uploads/probe")
        } catch {
            throw UploadError(.unavailable, error.message)
        }
        if let path, try await spool.sharesFileSystem(with: path) {
            needed += promised + records.values.reduce(0) { $0 + ($1.executionARN == nil ? $1.length : 0) }
        }
        let free = try await spool.freeBytes() - limits.reservedBytes
        guard needed <= free else {
            throw UploadError(
                .noSpace,
                "The uploads under way need \(needed) bytes with this one; the disk has \(max(free, 0)) for them.")
        }
    }

    /// It cannot be guessed.
    private static func randomID() -> String { uuidText(randomBytes(16), version: 4) }
}

/// A digest of what goes by. Unchecked: the request that brings the bytes is the only one that touches it, one piece after
/// the other.
private final class SeenBytes: @unchecked Sendable {
    private var digest: RunningDigest?

    init(_ digest: MessageDigest) { self.digest = RunningDigest(digest) }

    func take(_ bytes: [UInt8]) { digest?.update(bytes) }

    /// Once, at the end.
    func finish() -> [UInt8] {
        guard let digest = digest.take() else { preconditionFailure("a digest is finished once") }
        return digest.finalize()
    }
}
