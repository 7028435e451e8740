import Cryptography
import DequeModule
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
        let key = ChildKey(entry: entry, index: index)
        guard let child = parent.execution.childExecution(entry: entry, index: index) else { return }
        parent.children.insert(key)
        let id = childID(of: parent.execution.id, key)
        guard runs[id] == nil, !reloading.contains(id) else { return }
        guard runs.count < limits.openExecutions else {
            postponedChildren.append(PostponedChild(parent: parent.execution.id, key: key))
            return
        }
        let start = ExecutionStart(
            machineARN: child.machineARN, name: child.name, definitionHash: parent.execution.start.definitionHash,
            input: child.input, seed: seed(of: id, parent: parent.execution.start.seed),
            tokenKey: parent.execution.start.tokenKey.map { SHA256.hash("\($0) \(id)").hex },
            roleARN: parent.execution.start.roleARN, parent: child.membership,
            deployment: parent.execution.start.deployment)
        guard let definition = definitions.find(start.definitionHash) else {
            Task { await self.loadDefinition(start.definitionHash, thenEnsure: key, of: parent) }
            return
        }
        let run = Run(
            execution: Execution(id: id, start: start, machine: definition.machine, at: now),
            definition: definition.text, seq: 0)
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
    private func ensureLater(_ key: ChildKey, of parent: String) async {
        do { try await Task.sleep(for: .seconds(2)) } catch { return }
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
    private func tellEnd(of id: String, key: ChildKey, to parent: Run) async {
        do {
            guard runs[id] == nil, let child = try await restore(id), runs[id] == nil else { return }
            if let outcome = child.execution.outcome {
                guard let parent = runs[parent.execution.id] else { return }
                post(.childExecutionEnded(entry: key.entry, index: key.index, outcome: outcome), to: parent)
            } else {
                try await recover(id)
            }
        } catch {
            log.warning("a child execution can't be read yet", metadata: ["execution": "\(id)", "error": "\(error)"])
            await ensureLater(key, of: parent.execution.id)
        }
    }

    /// Tells an ended child's outcome to its parent. One that is not in memory asks when it is loaded.
    func tellParent(of run: Run) {
        guard let membership = run.execution.start.parent, let outcome = run.execution.outcome,
            let parent = runs[membership.execution]
        else { return }
        parent.children.remove(ChildKey(entry: membership.entry, index: membership.index))
        post(
            .childExecutionEnded(entry: membership.entry, index: membership.index, outcome: outcome), to: parent)
    }

    /// Stops the children that their parent has given up.
    func stopAbandonedChildren(of parent: Run) {
        for key in parent.children
        where !parent.execution.isOpen || parent.execution.childExecution(entry: key.entry, index: key.index) == nil {
            parent.children.remove(key)
            if let child = runs[childID(of: parent.execution.id, key)] {
                post(.stop(error: nil, cause: nil), to: child)
            }
        }
    }

    /// What a loaded execution and its relatives owe each other.
    func recoverChildren(of run: Run) {
        for child in run.execution.pendingChildren { ensureChild(entry: child.entry, index: child.index, of: run) }
        guard let membership = run.execution.start.parent, run.execution.isOpen,
            !reloading.contains(membership.execution), !unreadable.contains(membership.execution)
        else { return }
        let parent = runs[membership.execution]
        if parent?.execution.childExecution(entry: membership.entry, index: membership.index) == nil {
            post(.stop(error: nil, cause: nil), to: run)
        }
    }

    /// Starts children for which there was no room, while there is.
    func startPostponedChildren() {
        while runs.count < limits.openExecutions, let next = postponedChildren.popFirst() {
            if let parent = runs[next.parent] { ensureChild(entry: next.key.entry, index: next.key.index, of: parent) }
        }
    }

    /// A child's id: the time bits of its parent's, so that it lies in the same partition of the journal, and a hash.
    func childID(of parent: String, _ key: ChildKey) -> String {
        let hash = SHA256.hash("\(parent) \(key.entry) \(key.index)").bytes
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
