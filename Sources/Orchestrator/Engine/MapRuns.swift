import Cryptography
import DequeModule
import Encodings
import Interpreter
import JSON
import Journal

/// A child execution that waits for room among the open executions.
struct PostponedChild {
    let parent: String
    let key: ChildKey
}

/// Child executions of distributed Map states. The parent's journal says which have to exist; here they are made, as often
/// as it takes, under ids that follow from the parent's. A child's end is told to the parent until it is in the parent's
/// journal; children that a parent does not wait for any more are stopped.
extension Engine {
    /// Makes sure that a child execution which the journal has started exists and goes on, or tells its end.
    func ensureChild(entry: EntryID, index: Int, of parent: Run) {
        guard let child = parent.execution.childExecution(entry: entry, index: index) else { return }
        let key = ChildKey(child)
        parent.children.insert(key)
        let id = childID(of: parent.execution.id, key)
        // One that still runs is redriven once it has ended: ``tellParent(of:)``.
        guard runs[id] == nil, !isComingBack(id) else { return }
        if child.redrives > 0, !child.isExpress {
            guard hasRoom(for: key, of: parent) else { return }
            // It exists already, unless its parent was stopped before it could be started.
            Task { await self.tellEnd(of: id, key: key, to: parent, orElse: child) }
            return
        }
        start(child, key: key, of: parent)
    }

    /// An execution was to be taken into memory and is not there: a parent that waits for it as its child is told of its end,
    /// or has it redriven or started.
    func ensureForParent(_ id: String) {
        guard runs[id] == nil else { return }
        // Both have the same time bits.
        let time = id.prefix(13)
        for parent in runs.values where parent.execution.isOpen && parent.execution.id.hasPrefix(time) {
            for child in parent.execution.pendingChildren
            where childID(of: parent.execution.id, ChildKey(child)) == id {
                ensureChild(entry: child.entry, index: child.index, of: parent)
            }
        }
    }

    /// Whether a child may be open, too; else it waits for room.
    func hasRoom(for key: ChildKey, of parent: Run) -> Bool {
        guard runs.count >= limits.openExecutions else { return true }
        postponedChildren.append(PostponedChild(parent: parent.execution.id, key: key))
        return false
    }

    private func start(_ child: ChildExecution, key: ChildKey, of parent: Run) {
        let id = childID(of: parent.execution.id, key)
        guard hasRoom(for: key, of: parent) else { return }
        let start = ExecutionStart(
            machineARN: child.machineARN, name: child.name, definitionHash: parent.execution.start.definitionHash,
            input: child.input, seed: seed(of: id, parent: parent.execution.start.seed),
            tokenKey: parent.execution.start.tokenKey.map { SHA256.hash("\($0) \(id)").hex },
            roleARN: parent.execution.start.roleARN, parent: child.membership,
            deployment: parent.execution.start.deployment, origin: parent.execution.start.origin?.inherited,
            trace: parent.execution.traceID)
        guard let definition = definitions.find(start.definitionHash) else {
            Task { await self.loadDefinition(start.definitionHash, thenEnsure: key, of: parent) }
            return
        }
        let run = Run(
            FoldedExecution(
                Execution(id: id, start: start, definition: definition.plan, at: now), definition: definition.text))
        insert(run)
        Task { await self.begin(run, key: key, of: parent) }
    }

    private func loadDefinition(_ hash: String, thenEnsure key: ChildKey, of parent: Run) async {
        do {
            _ = try await definition(hash)
            ensureChild(entry: key.entry, index: key.index, of: parent)
        } catch {
            log.warning(
                "a child execution can't be started yet",
                metadata: ["execution": "\(parent.execution.id)", "error": "\(error)"])
            await ensureLater(key, of: parent.execution.id)
        }
    }

    /// The journal could not be read or written: looked after again, as long as the parent is there.
    func ensureLater(_ key: ChildKey, of parent: String) async {
        do { try await bootClock.sleep(for: .seconds(2)) } catch { return }
        guard !isStopping, let parent = runs[parent] else { return }
        ensureChild(entry: key.entry, index: key.index, of: parent)
    }

    private func begin(_ run: Run, key: ChildKey, of parent: Run) async {
        let name = ExecutionName(
            machine: run.machineName, name: run.execution.start.name,
            inputHash: SHA256.hash(run.execution.start.input.canonicalText).hex)
        switch await submit(.start, to: run, name: name) {
        case .committed: return
        case .stale: preconditionFailure("a new execution takes its first event")
        case .nameTaken: await tellEnd(of: run.execution.id, key: key, to: parent)
        case .refused(let reason):
            forget(run)
            guard !isStopping else { return }
            log.warning(
                "a child execution is not started yet",
                metadata: ["execution": "\(run.execution.id)", "reason": "\(reason)"])
            await ensureLater(key, of: parent.execution.id)
        }
    }

    /// A child that exists and is not in memory: it has ended, or it has to be loaded.
    ///
    /// - Parameter missing: what to start where there is none after all.
    private func tellEnd(
        of id: String, key: ChildKey, to parent: Run, orElse missing: ChildExecution? = nil
    ) async {
        do {
            guard runs[id] == nil else { return }
            let restored = try await restore(id)
            guard runs[id] == nil, let parent = runs[parent.execution.id] else { return }
            guard let child = restored else {
                if let missing { start(missing, key: key, of: parent) }
                return
            }
            if child.execution.isOpen {
                try await recover(id)
            } else {
                await takeEnd(of: child, key: key, in: parent)
            }
        } catch {
            log.warning("a child execution can't be read yet", metadata: ["execution": "\(id)", "error": "\(error)"])
            await ensureLater(key, of: parent.execution.id)
        }
    }

    /// Tells an ended child's outcome to its parent. One that is not in memory asks when it is loaded.
    func tellParent(of run: Run) {
        guard let membership = run.execution.start.parent, let parent = runs[membership.execution] else { return }
        let key = ChildKey(membership)
        parent.children.remove(key)
        // The run is about to be forgotten; a redrive comes after that.
        Task { await self.takeEnd(of: run, key: key, in: parent) }
    }

    /// An ended child's outcome goes to its parent - unless the parent wants it redriven since.
    private func takeEnd(of child: Run, key: ChildKey, in parent: Run) async {
        guard let outcome = child.execution.outcome, runs[parent.execution.id] === parent,
            let wanted = parent.execution.childExecution(entry: key.entry, index: key.index),
            ChildKey(wanted) == key
        else { return }
        if !wanted.isExpress, child.execution.redriveCount < wanted.redrives, child.execution.canBeRedriven {
            parent.children.insert(key)
            await redriveChild(child, key: key, redrives: wanted.redrives, of: parent)
            return
        }
        post(
            .childExecutionEnded(
                entry: key.entry, index: key.index, outcome: outcome,
                redrives: wanted.isExpress ? wanted.redrives : child.execution.redriveCount), to: parent)
    }

    /// Whether the parent waits for this child.
    private func waits(_ parent: Run, for key: ChildKey) -> Bool {
        guard let wanted = parent.execution.childExecution(entry: key.entry, index: key.index) else { return false }
        return ChildKey(wanted) == key
    }

    /// Stops the children that their parent has given up.
    func stopAbandonedChildren(of parent: Run) {
        for key in parent.children
        where !parent.execution.isOpen || !waits(parent, for: key) {
            parent.children.remove(key)
            if let child = runs[childID(of: parent.execution.id, key)] {
                post(.stop(error: nil, cause: nil), to: child)
            }
        }
    }

    /// Whether an execution is out of memory without having ended or been given up: whoever it waits for goes on.
    func isComingBack(_ id: String) -> Bool {
        reloading.contains(id) || unreadable.contains(id) || suspects[id] != nil
    }

    /// Stops what an execution has started, of which nobody knows in memory, since nobody had loaded it.
    func stopRelatives(of ended: Run) {
        for run in runs.values {
            let start = run.execution.start
            guard (start.parent?.execution ?? start.starter?.execution) == ended.execution.id else { continue }
            // One that was redriven since goes on for whoever redrove it; and others may wait for it.
            if start.parent == nil, run.execution.redriveCount > 0 || !run.nestedWaits.isEmpty { continue }
            post(.stop(error: nil, cause: nil), to: run)
        }
    }

    /// What a loaded execution and its relatives owe each other.
    func recoverChildren(of run: Run) {
        for child in run.execution.pendingChildren { ensureChild(entry: child.entry, index: child.index, of: run) }
        guard let membership = run.execution.start.parent, run.execution.isOpen,
            !isComingBack(membership.execution)
        else { return }
        if let parent = runs[membership.execution], waits(parent, for: ChildKey(membership)) { return }
        post(.stop(error: nil, cause: nil), to: run)
    }

    /// Starts children for which there was no room, while there is.
    func startPostponedChildren() {
        while runs.count < limits.openExecutions, let next = postponedChildren.popFirst() {
            if let parent = runs[next.parent] { ensureChild(entry: next.key.entry, index: next.key.index, of: parent) }
        }
    }

    /// A child's id: the time bits of its parent's, so that it lies in the same partition of the journal, and a hash.
    func childID(of parent: String, _ key: ChildKey) -> String {
        let generation = key.generation == 0 ? "" : " \(key.generation)"
        let mapRun = key.mapRun == 0 ? "" : " run \(key.mapRun)"
        let hash = SHA256.hash("\(parent) \(key.entry) \(key.index)\(generation)\(mapRun)").bytes
        guard let time = Hex.decode(parent.replacing("-", with: "").prefix(12)) else {
            preconditionFailure("\(parent) is an execution's id")
        }
        return uuidText(time + hash.prefix(10), version: 7)
    }

    /// The child's own seed: whoever knows its id alone can't compute it.
    private func seed(of child: String, parent: UInt64) -> UInt64 {
        SHA256.hash("\(parent) \(child)").bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}
