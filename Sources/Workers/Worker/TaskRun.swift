import Cryptography
import JSON
import Logging
import StepContracts
import WorkerProtocol

/// Does tasks in children: look for a kept result, bring the files, run the step in a child, store what it made, keep
/// the result.
struct ChildRunner: TaskRunner {
    /// Of the steps that the child program can run, by name.
    let contracts: [String: StepContract]
    let configuration: WorkerConfiguration
    let process: StepProcess
    let engine: EngineClient
    let contents: ContentReports

    var steps: [String] { contracts.keys.sorted() }

    func outcome(
        of offer: TaskOffer, logger: Logger, meter: UsageMeter, report: @escaping @Sendable (StepProgress) -> Void
    ) async -> TaskOutcome {
        await TaskRun(
            offer: offer, contract: contracts[offer.step], configuration: configuration, process: process,
            engine: engine, contents: contents, logger: logger, meter: meter, report: report
        ).outcome()
    }
}

/// One task that is done in a child.
private struct TaskRun: Sendable {
    let offer: TaskOffer
    /// Nil when this worker has no such step.
    let contract: StepContract?
    let configuration: WorkerConfiguration
    let process: StepProcess
    let engine: EngineClient
    let contents: ContentReports
    let logger: Logger
    let meter: UsageMeter
    let report: @Sendable (StepProgress) -> Void

    func outcome() async -> TaskOutcome {
        do throws(StepFailure) {
            guard let contract else { throw .unknownStep(offer.step) }
            let problems = contract.problems(withInput: offer.input)
            guard problems.isEmpty else { throw .parametersInvalid(problems.joined(separator: "; ")) }
            let scratch = try ScratchDirectory(in: configuration.scratch)
            let outcome = await outcome(contract, scratch)
            do {
                try scratch.remove()
            } catch {
                // The outcome stands all the same; the next start sweeps the directory away.
                logger.error("a scratch directory stays behind", metadata: ["error": "\(error)"])
            }
            return outcome
        } catch {
            return .failure(error)
        }
    }

    private func outcome(_ contract: StepContract, _ scratch: ScratchDirectory) async -> TaskOutcome {
        do throws(StepFailure) {
            return try await run(contract, scratch)
        } catch {
            return .failure(error)
        }
    }

    private func run(_ contract: StepContract, _ scratch: ScratchDirectory) async throws(StepFailure) -> TaskOutcome {
        let references = try StepFiles.references(in: offer.input)
        let bringer = FileBringer(
            store: configuration.store, sources: configuration.sources,
            allowsLocalSources: configuration.allowsLocalSources,
            maximumSourceBytes: configuration.maximumSourceBytes, scratch: scratch,
            scratchParent: configuration.scratch)
        let results = ResultStore(store: configuration.store)

        // A source that nobody has read yet has to be read to know what it is; all else may wait for the look-up.
        var brought: [String: BroughtFile] = [:]
        for (index, reference) in references.enumerated() where reference.sha256 == nil {
            report(StepProgress(stage: "fetch"))
            brought[reference.name] = try await bringer.bring(reference, as: String(index))
        }
        let identity = StepFiles.resultIdentity(
            step: contract.name, version: contract.version, input: offer.input,
            digests: brought.mapValues(\.sha256))
        let key = ResultStore.key(identity: identity)
        let content = references.compactMap { $0.sha256 ?? brought[$0.name]?.sha256 }.first
        let job = Job(
            contract: contract, references: references, identity: identity, key: key, content: content,
            subject: StepFiles.subject(of: offer.input, content: content))
        let claim = ResultClaim(
            store: configuration.store, key: key, holder: offer.idempotencyKey, nonce: SHA256.hash(offer.token).hex)
        guard configuration.usesResults, offer.input[StepReuse.member]?.boolValue != false else {
            let who = configuration.usesResults ? "The run" : "The worker's configuration"
            return try await make(job, brought, bringer, results, scratch, reuse: .notAsked(who: who))
        }
        var finding = try await results.find(key, asker: offer.idempotencyKey)
        if case .output(let output, let usage) = finding { return reused(output, usage, brought, job, .reused) }
        let isHeld = try await claim.acquire(
            waiting: { report(StepProgress(stage: "wait")) },
            isMade: { () async throws(StepFailure) in
                finding = try await results.find(key, asker: offer.idempotencyKey)
                if case .output = finding { return true }
                return false
            })
        if !isHeld {
            guard case .output(let output, let usage) = finding else {
                preconditionFailure("what is not to be made is there")
            }
            return reused(output, usage, brought, job, .waited)
        }
        let files = brought
        return try await claim.hold(logger: logger) { () async throws(StepFailure) in
            // Whoever held the claim before may have ended in between.
            switch try await results.find(key, asker: offer.idempotencyKey) {
            case .output(let output, let usage): return reused(output, usage, files, job, .waited)
            case .gone(let object):
                return try await make(job, files, bringer, results, scratch, reuse: .gone(key: object))
            case .nothing:
                let changes = try await results.changes(from: identity, step: contract.name, subject: job.subject)
                return try await make(
                    job, files, bringer, results, scratch, reuse: changes.map { .changed($0) } ?? .first)
            }
        }
    }

    /// What a task comes down to.
    private struct Job: Sendable {
        let contract: StepContract
        let references: [FileReference]
        let identity: String
        let key: String
        /// The digest of the first file.
        let content: String?
        /// See ``StepFiles/subject(of:content:)``.
        let subject: String?
    }

    private func reused(
        _ output: JSON, _ usage: StepUsage?, _ brought: [String: BroughtFile], _ job: Job, _ reuse: StepReuse
    ) -> TaskOutcome {
        if let usage { meter.note(usage) }
        report(StepProgress(stage: "cached"))
        logger.info("result found", metadata: ["result": "\(job.key)"])
        var found = withSource(output, brought)
        if case .object = found {
            found[StepFiles.cachedMember] = true
            found[StepReuse.member] = reuse.document(result: job.key)
        }
        return .success(found, isCached: true)
    }

    private func make(
        _ job: Job, _ alreadyBrought: [String: BroughtFile], _ bringer: FileBringer, _ results: ResultStore,
        _ scratch: ScratchDirectory, reuse: StepReuse
    ) async throws(StepFailure) -> TaskOutcome {
        var brought = alreadyBrought
        let missing = job.references.filter { brought[$0.name] == nil }
        try ScratchDirectory.checkSpace(
            in: configuration.scratch,
            bytes: ScratchDirectory.reserveBytes + missing.reduce(0) { $0 + bringer.scratchBytes($1) })
        for (index, reference) in job.references.enumerated() where brought[reference.name] == nil {
            report(StepProgress(stage: "fetch"))
            brought[reference.name] = try await bringer.bring(reference, as: String(index))
        }

        let prefixes = outputPrefixes(job.key)
        let contentKeys = try await engine.contentKeys(of: offer)
        if let url = StepFiles.openSource(offer.input), let source = brought[url] {
            try await contents.tell(source.sha256, of: offer)
        }
        report(StepProgress(stage: "start"))
        var input = offer.input
        input[StepReuse.member] = nil
        let made: JSON
        do throws(StepFailure) {
            made = try await process.run(
                StepProcess.Job(
                    step: job.contract.name, input: input, files: brought.mapValues(\.path),
                    outputDirectory: scratch.output, linkDirectory: scratch.links, outputPrefix: prefixes[0],
                    threads: configuration.threads, timeoutSeconds: offer.timeoutSeconds, contentKeys: contentKeys),
                report: report, used: meter.note)
        } catch {
            throw error.naming(content: job.content)
        }
        var kept: JSON?
        for prefix in prefixes where kept == nil {
            kept = try await OutputFiles(store: configuration.store, directory: scratch.output, prefix: prefix)
                .keep(OutputFiles.moved(made, from: prefixes[0], to: prefix), report: report)
        }
        guard var output = kept else { throw .crashed("a result differs from the one already stored") }
        // Where the source lies is no part of the result: the same content elsewhere gives the same result.
        if StepFiles.openSource(offer.input) != nil { output["source"] = nil }
        try await results.keep(
            output, usage: meter.usage, maker: offer.idempotencyKey, step: job.contract.name,
            version: job.contract.version, key: job.key, identity: job.identity, subject: job.subject)
        var told = withSource(output, brought)
        if case .object = told { told[StepReuse.member] = reuse.document(result: job.key) }
        return .success(told, isCached: false)
    }

    /// Adds what is now known of a source that the input named without checksum.
    private func withSource(_ output: JSON, _ brought: [String: BroughtFile]) -> JSON {
        guard let url = StepFiles.openSource(offer.input), let file = brought[url] else { return output }
        var output = output
        output["source"] = [
            "url": .string(url), "bytes": .integer(file.bytes), "sha256": .string(file.sha256),
        ]
        return output
    }

    /// Where the files may lie, the best place first.
    ///
    /// The first is the same for each attempt: steps give the same bytes each time, so that an attempt completes what one
    /// that was killed has left. Only where something else stands there, as by another release, the files lie under a name
    /// of their attempt, for no object is ever replaced. What viewers fetch has a short name, which says nothing of the
    /// title.
    private func outputPrefixes(_ key: String) -> [String] {
        let prefix = offer.step == "package" ? "media/\(key.prefix(32))" : "work/\(key)"
        return [prefix, "\(prefix)-\(SHA256.hash(offer.token).hex.prefix(8))"]
    }
}

extension StepFailure {
    /// Names the content that a child came to grief with, by its digest, so that it is found again whatever it was called.
    func naming(content digest: String?) -> StepFailure {
        guard let digest,
            [StepErrorName.stepCrashed, StepErrorName.resourceExhausted, "States.Timeout"].contains(error)
        else { return self }
        return StepFailure(error: error, cause: "\(cause); its file has the SHA-256 \(digest)", retry: retry)
    }
}
