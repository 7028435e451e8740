public import JSON

// An execution as it stands, written out, so that loading it need not begin at its first row. Not the journal's format:
// a snapshot in a form that is not known is passed over, and the rows are folded instead.

extension Execution {
    /// Goes up with every change of what is written here, of ``Effect``'s start, or of what a member means.
    public static let snapshotVersion = 2

    /// The whole execution, without what follows from its machine.
    ///
    /// - Parameter payloads: takes the payloads; to be kept beside this.
    public func snapshot(_ payloads: inout PayloadTable) -> JSON {
        var writer = SnapshotWriter(payloads: payloads)
        defer { payloads = writer.payloads }
        let queue = runnable.places
        var document: JSON = .members(
            ("start", Effect.executionStarted(start).json), ("startedAt", .integer(startedAt)), ("at", .integer(at)),
            ("outcome", outcome.map { writer.outcome($0) }), ("stoppedAt", stoppedAt.map { .integer($0) }),
            ("events", .integer(eventCount)), ("nextScope", .integer(nextScope)), ("nextEntry", .integer(nextEntry)),
            (
                "queue",
                [
                    .integer(queue.head), .integer(queue.tail),
                    .array(queue.turns.map { [.integer($0.turn), .integer($0.scope)] }),
                ]
            ),
            ("io", entriesInIO.isEmpty ? .none : .array(entriesInIO.sorted().map { .integer($0) })),
            (
                "withChildren",
                entriesWithChildren.isEmpty ? .none : .array(entriesWithChildren.sorted().map { .integer($0) })
            ))
        // Parents before their children: a child's id is the higher.
        document["scopes"] = .array(
            scopes.values.sorted { $0.id < $1.id }.map { scope in
                writer.scope(scope, items: scope.parent.flatMap { scopes.shared($0)?.value.entry?.branches?.items })
            })
        document["remains"] = remains.map { writer.scope($0, items: nil) }
        if redriveCount > 0 || redrivenEventID > 0 {
            document["redrive"] = .members(
                ("count", .integer(redriveCount)), ("at", redrivenAt.map { .integer($0) }),
                ("event", .integer(redrivenEventID)),
                (
                    "tokens",
                    redriveTokens.isEmpty
                        ? .none : .array(redriveTokens.map { [.string($0.token), .integer($0.at)] })
                ))
        }
        return document
    }
}

private struct SnapshotWriter {
    var payloads: PayloadTable

    mutating func outcome(_ outcome: Outcome) -> JSON {
        switch outcome {
        case .succeeded(let output): ["status": "SUCCEEDED", "output": payloads.note(output)]
        case .failed(let error, let cause), .timedOut(let error, let cause), .aborted(let error, let cause):
            .members(
                ("status", .string(outcome.status)), ("error", error.map { .string($0) }),
                ("cause", cause.map { .string($0) }))
        }
    }

    /// - Parameter items: those of the Map state around it, where an item is named by its number.
    mutating func scope(_ scope: Scope, items: [JSON]?) -> JSON {
        .members(
            ("id", .integer(scope.id)), ("parent", scope.parent.map { .integer($0) }),
            ("index", scope.index == 0 ? .none : .integer(scope.index)), ("data", payloads.note(scope.data)),
            ("item", scope.item.map { self.item($0, scope.index, items) }),
            ("variables", scope.variables.isEmpty ? .none : payloads.note(.object(scope.variables))),
            ("follows", .integer(scope.follows)), ("entry", scope.entry.map { entry($0) }))
    }

    /// A payload that mostly is an item which is written already.
    private mutating func item(_ value: JSON, _ index: Int, _ items: [JSON]?) -> JSON {
        if let items, items.indices.contains(index), items[index] == value, items[index].text == value.text {
            return .string("item")
        }
        return payloads.note(value)
    }

    private mutating func entry(_ entry: Entry) -> JSON {
        .members(
            ("id", .integer(entry.id)), ("state", .string(entry.state)), ("input", payloads.note(entry.input)),
            ("at", .integer(entry.enteredAt)), ("event", .integer(entry.enteredEventID)),
            ("preceding", .integer(entry.precedingEventID)), ("phase", phase(entry.phase)),
            ("retries", entry.retries.isEmpty ? .none : pairs(entry.retries)),
            ("branches", entry.branches.map { branches($0) }),
            ("mapRuns", entry.mapRunCount == 0 ? .none : .integer(entry.mapRunCount)),
            ("lost", entry.lostWorkers.isEmpty ? .none : .array(entry.lostWorkers.map { .string($0) })),
            ("assigned", entry.assigned.isEmpty ? .none : .array(entry.assigned.map { .string($0) })),
            ("turn", entry.turn.map { .integer($0) }), ("credentials", entry.credentials.map { payloads.note($0) }),
            ("callback", entry.callbackNonce.map { .string($0) }))
    }

    private func pairs(_ numbers: [Int: Int]) -> JSON {
        .array(numbers.sorted { $0.key < $1.key }.map { [.integer($0.key), .integer($0.value)] })
    }

    private mutating func phase(_ phase: Phase) -> JSON {
        switch phase {
        case .entered: return ["is": "entered"]
        case .branching: return ["is": "branching"]
        case .waiting(let until): return ["is": "waiting", "until": .integer(until)]
        case .backingOff(let until): return ["is": "backingOff", "until": .integer(until)]
        // What an ItemReader or a ResultWriter says stands in the definition; only what was evaluated is written.
        case .readingItems(let request):
            return .members(
                ("is", "readingItems"), ("parameters", payloads.note(request.parameters)),
                ("maxItems", request.maxItems.map { .integer($0) }))
        case .writingResults(let request):
            return ["is": "writingResults", "parameters": payloads.note(request.parameters)]
        case .task(let attempt):
            return .members(
                ("is", "task"), ("resource", .string(attempt.resource)),
                ("parameters", payloads.note(attempt.parameters)),
                ("timeout", attempt.timeoutSeconds.map { .integer($0) }),
                ("heartbeat", attempt.heartbeatSeconds.map { .integer($0) }),
                ("credentials", attempt.credentials.map { payloads.note($0) }),
                ("callback", attempt.callbackNonce.map { .string($0) }), ("at", .integer(attempt.scheduledAt)),
                (
                    "started",
                    attempt.started.map { started in
                        [
                            .string(started.worker), .string(started.incarnation), .string(started.nonce),
                            .integer(started.at),
                        ]
                    }
                ), ("submitted", attempt.isSubmitted ? true : .none))
        }
    }

    private mutating func branches(_ branches: Branches) -> JSON {
        var document: JSON = [
            "total": .integer(branches.total), "next": .integer(branches.next), "failed": .integer(branches.failed),
            "maxConcurrency": .integer(branches.maxConcurrency), "tolerated": .integer(branches.toleratedFailures),
            "follows": .integer(branches.nextFollows),
        ]
        document["items"] = branches.items.map { payloads.note(.array($0)) }
        if !branches.running.isEmpty {
            document["running"] = .array(
                branches.running.sorted { $0.key < $1.key }.map { [.integer($0.key), .integer($0.value)] })
        }
        if !branches.outputs.isEmpty {
            var outputs: [JSON] = []
            for index in branches.outputs.keys.sorted() {
                guard let output = branches.outputs[index] else { continue }
                outputs.append([.integer(index), payloads.note(output)])
            }
            document["outputs"] = .array(outputs)
        }
        if !branches.broken.isEmpty {
            var broken: [JSON] = []
            for index in branches.broken.keys.sorted() {
                guard let scope = branches.broken[index] else { continue }
                broken.append([.integer(index), self.scope(scope, items: branches.items)])
            }
            document["broken"] = .array(broken)
        }
        if !branches.awaitingRedrive.isEmpty {
            document["awaiting"] = .array(branches.awaitingRedrive.map { .integer($0) })
        }
        if let mapRun = branches.mapRun { document["mapRun"] = self.mapRun(mapRun, branches.items) }
        return document
    }

    private mutating func mapRun(_ mapRun: MapRun, _ items: [JSON]?) -> JSON {
        var running: [JSON] = []
        for index in mapRun.running.keys.sorted() {
            guard let child = mapRun.running[index] else { continue }
            running.append(self.child(child, index, items))
        }
        var ended: [JSON] = []
        for index in mapRun.ended.keys.sorted() {
            guard let result = mapRun.ended[index] else { continue }
            var document = child(
                MapRun.Child(
                    input: result.input, firstItem: result.firstItem, itemCount: result.itemCount,
                    startedAt: result.startedAt, redrives: result.redrives), index, items)
            document["outcome"] = outcome(result.outcome)
            document["stoppedAt"] = .integer(result.stoppedAt)
            ended.append(document)
        }
        return .members(
            ("arn", .string(mapRun.arn)), ("number", .integer(mapRun.number)), ("nextItem", .integer(mapRun.nextItem)),
            ("running", running.isEmpty ? .none : .array(running)), ("ended", ended.isEmpty ? .none : .array(ended)),
            ("failedItems", .integer(mapRun.failedItems)),
            ("toleratedCount", mapRun.toleratedCount.map { .integer($0) }),
            ("toleratedPercentage", mapRun.toleratedPercentage.map { .double($0) }),
            ("redrives", .integer(mapRun.redriveCount)),
            (
                "pendingRedrive",
                mapRun.pendingRedrive.isEmpty ? .none : .array(mapRun.pendingRedrive.map { .integer($0) })
            ), ("hasItems", .bool(mapRun.hasItems)), ("event", .integer(mapRun.startedEventID)))
    }

    private mutating func child(_ child: MapRun.Child, _ index: Int, _ items: [JSON]?) -> JSON {
        .members(
            ("index", .integer(index)), ("input", item(child.input, child.firstItem, items)),
            ("first", .integer(child.firstItem)), ("count", child.itemCount == 1 ? .none : .integer(child.itemCount)),
            ("at", .integer(child.startedAt)), ("redrives", child.redrives == 0 ? .none : .integer(child.redrives)))
    }
}
