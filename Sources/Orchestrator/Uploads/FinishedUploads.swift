import Engine
import EventPatterns
import HTTPServer
import JSON
import ObjectStorage

/// Uploads whose bytes are all there.
extension Uploads {
    /// Stores the content and starts what the upload starts, or finds that done already. The caller holds the upload.
    func finish(_ id: String) async throws(UploadError) -> Standing {
        var record = try known(id)
        if record.executionARN != nil { return standing(record, offset: record.length) }
        if !record.isStored { try await put(&record) }
        var (starts, failure) = try await decideStarts(of: &record)
        var heldBy: String?
        // One that can't be started keeps no other from being so.
        for index in starts.indices where starts[index].executionARN == nil {
            do throws(UploadError) {
                starts[index].executionARN = try await start(starts[index])
                if starts[index].executionARN == nil { heldBy = heldBy ?? starts[index].trigger }
            } catch {
                if failure == nil || error.code == .unavailable { failure = error }
            }
        }
        if failure == nil, heldBy == nil { record.executionARN = starts.first?.executionARN }
        // What is started is not asked for again while the rest waits.
        if let known = record.starts, known != starts || record.executionARN != nil {
            record.starts = starts
            try await spool.replace(record)
            records[id] = record
        }
        if let failure { throw failure }
        var result = standing(record, offset: record.length)
        result.heldBy = heldBy
        if heldBy == nil { try await spool.removePart(record) }
        return result
    }

    /// What an upload starts: decided once, and kept before anything is started. Where a trigger can't use the upload,
    /// what the others say, and why; it is decided again then, as the trigger may be mended.
    private func decideStarts(
        of record: inout UploadRecord
    ) async throws(UploadError) -> (starts: [UploadStart], failure: UploadError?) {
        if let decided = record.starts { return (decided, nil) }
        let decision = try await record.starts(by: triggers, url: store.url(for: record.key), now: now(), told: told)
        guard decision.failure == nil else { return decision }
        record.starts = decision.starts
        try await spool.replace(record)
        records[record.id] = record
        return decision
    }

    /// The execution's ARN; nil where the trigger that says so is paused.
    private func start(_ start: UploadStart) async throws(UploadError) -> String? {
        do throws(EngineError) {
            // The database may hang. A start under the same name, made again, finds the one that was made.
            guard let trigger = start.trigger else {
                return try await deadline.answer(late: EngineError.unanswered) { [runs] () async throws(EngineError) in
                    try await runs.startExecution(
                        machine: start.machine, name: start.name, input: start.input.text)
                }.executionARN
            }
            let outcome = try await deadline.answer(late: EngineError.unanswered) {
                [runs] () async throws(EngineError) in
                try await runs.startTriggered(
                    machine: start.machine, name: start.name, input: start.input.text, trigger: trigger)
            }
            switch outcome {
            case .started(let execution):
                await told(TriggerNews(.started, of: trigger, execution: execution.executionARN))
                return execution.executionARN
            case .known(let execution): return execution.executionARN
            case .paused:
                await told(TriggerNews(.held, of: trigger))
                return nil
            }
        } catch {
            if let trigger = start.trigger { await told(TriggerNews(.refused, of: trigger, reason: error.message)) }
            if error.isPassing { throw UploadError(.unavailable, error.message) }
            throw UploadError(
                .invalid, "The upload is stored, and its execution could not be started.", problems: [error.message])
        }
    }

    /// None where the engine does not say: a start finds out.
    func pausedTriggers() async -> Set<String> {
        guard records.values.contains(where: { $0.executionARN == nil && $0.isStored }) else { return [] }
        do throws(EngineError) { return try await runs.pausedTriggers() } catch { return [] }
    }

    private func put(_ record: inout UploadRecord) async throws(UploadError) {
        do {
            _ = try await store.put(
                .file(spool.path(of: record)), key: record.key, contentType: record.contentType,
                sha256: record.sha256)
        } catch  where error.code == .checksumMismatch {
            try await spool.remove(record)
            records[record.id] = nil
            throw UploadError(
                .checksumMismatch,
                "The content is not what its sha256 says, so the upload is removed: \(error.message)")
        } catch  where error.code == .noSpace {
            throw UploadError(.noSpace, error.message)
        } catch {
            throw UploadError(.unavailable, "The object store did not take the upload: \(error.message)")
        }
        record.isStored = true
        try await spool.replace(record)
        records[record.id] = record
    }
}
