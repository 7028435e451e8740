import Postgres

extension Journal {
    /// Writes one row, durably, exactly once.
    ///
    /// Rows that wait while a batch is being written form the next one, so many executions share one flush; with nobody
    /// else waiting it is a direct commit. While PostgreSQL is down or frozen this only takes longer: the row is sent again
    /// until it is in or refused. At most one append per execution is in flight; another of the same execution waits.
    public func append(_ row: JournalRow) async -> AppendOutcome {
        await withCheckedContinuation { continuation in
            enter(row, .caller(continuation))
            startFlushing()
        }
    }

    /// As ``append(_:)`` for each of the rows, which need not be of one batch. Returns at once: the outcomes of a batch are
    /// told together, under the rows' numbers, to whom ``setReceiver(_:)`` named. Whoever sends many rows pays for one
    /// call a batch then, and not for one a row.
    public nonisolated func append(_ rows: [NumberedRow]) {
        // On the thread that will send them, so that no other has to be woken. Where all of them wait for a flush, on none of
        // them: the one that returns first is to find these rows.
        let executor = nextLink.withLock { $0?.latest?.connection.executor }
        Task(executorPreference: executor) { await self.enter(rows) }
    }

    private func enter(_ rows: [NumberedRow]) {
        for row in rows { enter(row.row, .number(row.number)) }
        tellOutcomes()
        startFlushing()
    }

    /// Who is told the outcomes of numbered rows; to be called before the first. Called on the thread that writes, which
    /// waits for it: whoever follows up on them does so in a task of its own, elsewhere.
    public func setReceiver(_ receiver: @escaping @Sendable ([NumberedOutcome]) -> Void) { self.receiver = receiver }

    private func enter(_ row: JournalRow, _ reply: Reply) {
        if let refusal = Self.refusal(row) { return answer(reply, .failed(refusal)) }
        if isClosed { return answer(reply, .superseded) }
        ticket += 1
        waiting.append(Waiting(ticket: ticket, row: row))
        unanswered[ticket] = reply
    }

    /// What PostgreSQL would refuse in every batch the row stood in, found before it is put into one.
    static func refusal(_ row: JournalRow) -> PostgresError? {
        precondition(UUIDText.bytes(row.executionID) != nil, "\(row.executionID) is not an execution id")
        precondition(row.executionID == row.executionID.lowercased(), "execution ids are lowercase: \(row.executionID)")
        precondition(row.seq >= 0, "seq \(row.seq) of execution \(row.executionID)")
        if let listing = row.listing {
            precondition(
                listing.executionID == row.executionID && listing.projectedSeq == row.seq,
                "the list line of another row than \(row.executionID) \(row.seq)")
        }
        let texts =
            [
                row.effects, row.name?.machine, row.name?.name, row.name?.inputHash, row.listing?.machine,
                row.listing?.name, row.listing?.status,
            ] + row.mapRuns
        if texts.contains(where: { $0.map(Self.holdsNull) == true }) {
            return PostgresError(
                outcome: .notSent,
                message: "row \(row.seq) of execution \(row.executionID) contains U+0000, which text cannot hold")
        }
        if row.bytes > JournalSettings.rowBytesLimit {
            return PostgresError(
                outcome: .notSent,
                message: "row \(row.seq) of execution \(row.executionID) has \(row.bytes) bytes, "
                    + "the limit is \(JournalSettings.rowBytesLimit)")
        }
        return nil
    }

    /// Over the bytes as they lie there: effects are long, and every row passes here.
    private static func holdsNull(_ text: String) -> Bool {
        text.utf8.withContiguousStorageIfAvailable { $0.contains(0) } ?? text.utf8.contains(0)
    }

    // MARK: Batches

    private func startFlushing() {
        guard !waiting.isEmpty, let link = idleLinks.popLast() else { return }
        // On the connection's thread: no other one has to be woken for a batch, nor for its answers.
        Task(executorPreference: link.latest?.connection.executor) { await self.flush(link) }
    }

    /// Writes batch after batch until nothing waits.
    private func flush(_ link: Link) async {
        while true {
            let batch = takeBatch()
            if batch.isEmpty { break }
            // What did not fit in need not wait for this one where another connection is free.
            startFlushing()
            batchNumber += 1
            let writer = "\(incarnation)/\(batchNumber)"
            await commit(batch, writer: writer, Attempt(link: link, settings: settings, clock: clock))
            for entry in batch { inFlight.remove(entry.row.executionID) }
            tellOutcomes()
        }
        idleLinks.append(link)
        if idleLinks.count == appending.count { resumeDrainWaiters() }
    }

    /// The next batch: in the order of arrival up to the bounds, one row per execution, sorted by key.
    private func takeBatch() -> [Waiting] {
        var batch: [Waiting] = []
        var left: [Waiting] = []
        // A row must not overtake an earlier one of its execution.
        var leftIDs: Set<String> = []
        var bytes = 0
        for entry in waiting {
            let id = entry.row.executionID
            let fits =
                batch.isEmpty || batch.count < settings.batchRows && bytes + entry.row.bytes <= settings.batchBytes
            if fits, !leftIDs.contains(id), inFlight.insert(id).inserted {
                batch.append(entry)
                bytes += entry.row.bytes
            } else {
                left.append(entry)
                leftIDs.insert(id)
            }
        }
        waiting = left
        return batch.sorted { ($0.row.executionID, $0.row.seq) < ($1.row.executionID, $1.row.seq) }
    }

    private func answer(_ entry: Waiting, _ outcome: AppendOutcome) {
        // Answered before: the journal was closed meanwhile.
        if let reply = unanswered.removeValue(forKey: entry.ticket) {
            answer(reply, outcome, effectsBytes: entry.row.effects.utf8.count)
        }
    }

    private func answer(_ reply: Reply, _ outcome: AppendOutcome, effectsBytes: Int = 0) {
        switch reply {
        case .caller(let continuation): continuation.resume(returning: outcome)
        case .number(let number):
            untold.append(NumberedOutcome(number: number, outcome: outcome, effectsBytes: effectsBytes))
        }
    }

    private func tellOutcomes() {
        guard !untold.isEmpty else { return }
        guard let receiver else { preconditionFailure("nobody is told the outcomes of numbered rows") }
        let outcomes = untold
        untold = []
        receiver(outcomes)
    }

    /// Sends the rows until each is in or refused, always the same rows under the same writer.
    private func commit(_ batch: [Waiting], writer: String, _ attempt: Attempt) async {
        var attempt = attempt
        var open = batch
        while !open.isEmpty, !hasGivenUp {
            do throws(PostgresError) {
                open = try await commitOnce(open, writer: writer, &attempt)
                appendTrouble = nil
                if !open.isEmpty {
                    // Who is answered need not wait for the others.
                    tellOutcomes()
                    // Nothing stood against what is left, and it did not go in: somebody was between the two looks.
                    await attempt.pause.wait()
                }
            } catch {
                if endsForHistory() {
                    for entry in open { answer(entry, .superseded) }
                    return
                }
                if error.isPermanent {
                    appendTrouble = nil
                    await refuse(open, error, writer: writer, attempt)
                    return
                }
                appendTrouble = error.message
                await attempt.note(error, rows: open.count, log)
            }
        }
    }

    /// One try. Answers the rows that are decided, returns the others.
    private func commitOnce(
        _ open: [Waiting], writer: String, _ attempt: inout Attempt
    ) async throws(PostgresError) -> [Waiting] {
        let rows = open.map(\.row)
        let live = try await attempt.open()
        let (sql, parameters) = Batch.statement(for: rows, incarnation: incarnation, writer: writer)
        let result = try await attempt.query(live, sql, parameters)
        var written: [String: Int64] = [:]
        for row in result { written[row.text("execution_id")] = row.int("seq") }
        var missing: [Waiting] = []
        for entry in open {
            if written[entry.row.executionID] == entry.row.seq {
                answer(entry, .committed)
            } else {
                missing.append(entry)
            }
        }
        if missing.isEmpty { return [] }
        // The others need not wait until it is known what stands in the way of these.
        tellOutcomes()
        return try await settle(missing, writer: writer, live, &attempt)
    }

    /// Answers the rows that did not go in by what stands in their place; returns those in whose place nothing does.
    private func settle(
        _ missing: [Waiting], writer: String, _ live: Link.Live, _ attempt: inout Attempt
    ) async throws(PostgresError) -> [Waiting] {
        var absent: [Waiting] = []
        let verdicts = try await attempt.query(
            live, Batch.verdictSQL, Batch.verdictParameters(missing.map(\.row), incarnation: incarnation))
        for row in verdicts {
            let entry = missing[Int(row.int("ordinal")) - 1]
            switch Verdict(row, writer: writer) {
            case .ours: answer(entry, .committed)
            case .nameTaken(let id, let hash): answer(entry, .nameTaken(executionID: id, inputHash: hash))
            case .theirs: answer(entry, .superseded)
            case .leaseLost:
                answer(entry, .superseded)
                noteLeaseLoss()
            case .absent: absent.append(entry)
            }
        }
        return absent
    }

    /// PostgreSQL refuses the batch for what it holds. Each row is sent alone, so that only the culprit fails.
    private func refuse(_ open: [Waiting], _ error: PostgresError, writer: String, _ attempt: Attempt) async {
        if open.count > 1 {
            for entry in open {
                await commit([entry], writer: writer, attempt)
                tellOutcomes()
            }
            return
        }
        // An earlier try of unknown outcome may have gone in before the refusal's cause came about, and "will not go in"
        // is only true once the process that works on it has ended.
        var attempt = attempt
        while !hasGivenUp {
            do throws(PostgresError) {
                let live = try await attempt.open()
                let isCertain = !attempt.isDoubtful
                let absent = try await settle(open, writer: writer, live, &attempt)
                if absent.isEmpty { return }
                if isCertain {
                    for entry in absent { answer(entry, .failed(error)) }
                    return
                }
                await attempt.pause.wait()
            } catch {
                if endsForHistory() {
                    for entry in open { answer(entry, .superseded) }
                    return
                }
                await attempt.note(error, rows: open.count, log)
            }
        }
    }

    // MARK: Closing

    /// Closes the journal: refuses new rows, waits until the rows given to it are decided, at most until `deadline`, and
    /// closes the connections. Rows undecided by then are answered with `.superseded`.
    public func close(deadline: Duration) async {
        isClosed = true
        resumeLeaseLossWaiters()
        if idleLinks.count < appending.count {
            let timer = Task {
                try await self.clock.sleep(for: deadline)
                self.resumeDrainWaiters()
            }
            await withCheckedContinuation { drainWaiters.append($0) }
            timer.cancel()
        }
        hasGivenUp = true
        waiting = []
        let undecided = unanswered
        unanswered = [:]
        for reply in undecided.values { answer(reply, .superseded) }
        tellOutcomes()
        for link in appending + [publishing, reading, figuring, auditing, keeping, control] { await link.close() }
    }

    private func resumeDrainWaiters() {
        let waiters = drainWaiters
        drainWaiters = []
        for waiter in waiters { waiter.resume() }
    }
}
