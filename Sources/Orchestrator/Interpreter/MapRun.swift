import HashTreeCollections
public import JSON
public import StatesLanguage

/// The Map Run of a distributed Map state: children that are executions of their own.
public struct MapRun: Sendable, Hashable {
    public let arn: String
    /// The number of the next item to give to a child; without an ItemBatcher the number of the next child.
    public internal(set) var nextItem = 0
    /// Child executions that were started and whose end is not known, with their inputs.
    public internal(set) var running: TreeDictionary<Int, Child> = [:]
    /// Child executions that have ended.
    public internal(set) var ended: TreeDictionary<Int, ChildResult> = [:]
    /// Items whose child executions have failed.
    public internal(set) var failedItems = 0
    /// ToleratedFailureCount and ToleratedFailurePercentage, where the state has them.
    public internal(set) var toleratedCount: Int?
    public internal(set) var toleratedPercentage: Double?
    /// Which Map Run of its state's entry this is, from 0: a Retry starts another.
    public let number: Int
    /// How often the Map Run has been redriven.
    public internal(set) var redriveCount = 0
    /// Child executions that did not succeed and wait for being redriven, the last first.
    public internal(set) var pendingRedrive: [Int] = []
    /// Whether the items are there: at once, unless an ItemReader brings them.
    var hasItems: Bool
    /// The history's MapRunStarted.
    let startedEventID: Int

    init(
        arn: String, number: Int, toleratedCount: Int?, toleratedPercentage: Double?, hasItems: Bool,
        startedEventID: Int
    ) {
        self.arn = arn
        self.number = number
        self.hasItems = hasItems
        self.toleratedCount = toleratedCount
        self.toleratedPercentage = toleratedPercentage
        self.startedEventID = startedEventID
    }

    /// A child execution that runs.
    public struct Child: Sendable, Hashable {
        public let input: JSON
        /// The first of its items, and how many they are: more than one with an ItemBatcher only.
        public let firstItem: Int
        public let itemCount: Int
        public let startedAt: Instant
        /// How often it has been redriven by its Map Run.
        public let redrives: Int
    }

    /// A child execution that has ended.
    public struct ChildResult: Sendable, Hashable {
        public let input: JSON
        public let outcome: Outcome
        public let firstItem: Int
        public let itemCount: Int
        public let startedAt: Instant
        public let stoppedAt: Instant
        public let redrives: Int

        init(_ child: Child, outcome: Outcome, stoppedAt: Instant) {
            self.input = child.input
            self.outcome = outcome
            self.firstItem = child.firstItem
            self.itemCount = child.itemCount
            self.startedAt = child.startedAt
            self.stoppedAt = stoppedAt
            self.redrives = child.redrives
        }

        var hasSucceeded: Bool { if case .succeeded = outcome { true } else { false } }
    }
}

/// A child execution that has to exist: the engine starts it, as often as it takes, under its name.
public struct ChildExecution: Sendable, Hashable {
    /// Entry of the Map state.
    public let entry: EntryID
    public let index: Int
    /// Name of the child execution; the same whenever it is asked for.
    public let name: String
    /// `arn:aws:states:REGION:ACCOUNT:stateMachine:MACHINE/LABEL`, from which the child's own ARN is made.
    public let machineARN: String
    public let input: JSON
    /// ExecutionType EXPRESS.
    public let isExpress: Bool
    /// How often its Map Run has redriven it. A STANDARD child that has been redriven less is redriven, an EXPRESS child
    /// is another execution each time: ``MapRunMembership/generation``.
    public let redrives: Int
    /// For the child's ``ExecutionStart``.
    public let membership: MapRunMembership
}

/// What an ItemReader asks for, evaluated.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
public struct ItemReadRequest: Sendable, Hashable {
    /// `arn:aws:states:::s3:getObject` or `arn:aws:states:::s3:listObjectsV2`.
    public let resource: String
    /// Bucket, Key, Prefix and what else the service takes.
    public let parameters: JSON
    public let inputType: ItemReader.InputType?
    public let csv: ItemReader.CSVFormat?
    public let manifestType: String?
    public let loadsAndFlattens: Bool
    public let itemsPointer: String?
    /// No more than these are wanted; nil: all.
    public let maxItems: Int?

    init(_ reader: ItemReader, parameters: JSON, maxItems: Int?) {
        resource = reader.resource
        self.parameters = parameters
        inputType = reader.inputType
        csv = reader.csv
        manifestType = reader.manifestType
        loadsAndFlattens = reader.loadsAndFlattens
        itemsPointer = reader.itemsPointer
        self.maxItems = maxItems
    }

    public var bucket: String? { parameters["Bucket"]?.stringValue }
    public var key: String? { parameters["Key"]?.stringValue }
    public var prefix: String? { parameters["Prefix"]?.stringValue }
}

/// What a ResultWriter asks for, evaluated. ``Execution/childResults(of:)`` has what is to be written.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
public struct ResultWriteRequest: Sendable, Hashable {
    /// `arn:aws:states:::s3:putObject`.
    public let resource: String
    /// Bucket and Prefix.
    public let parameters: JSON
    public let transformation: ResultWriter.Transformation
    public let outputType: ResultWriter.OutputType
    public let mapRunARN: String

    /// Nil for a writer that writes nothing: it only shapes the state's result.
    init?(_ writer: ResultWriter, parameters: JSON, mapRunARN: String) {
        guard let resource = writer.resource else { return nil }
        self.resource = resource
        self.parameters = parameters
        transformation = writer.transformation
        outputType = writer.outputType
        self.mapRunARN = mapRunARN
    }

    public var bucket: String? { parameters["Bucket"]?.stringValue }
    public var prefix: String? { parameters["Prefix"]?.stringValue }
}

/// Input or output of a Map Run that the engine moves to or from the object store.
public enum PendingIO: Sendable, Hashable {
    case readItems(entry: EntryID, ItemReadRequest)
    case writeResults(entry: EntryID, ResultWriteRequest)
}

extension Entry {
    var isDistributedMap: Bool {
        if case .map(let map) = plan.state.kind, case .distributed = map.mode { true } else { false }
    }

    /// Whether the child executions of this Map state are EXPRESS executions.
    public var runsExpressChildren: Bool {
        guard case .map(let map) = plan.state.kind, case .distributed(let isExpress) = map.mode else { return false }
        return isExpress
    }
}

extension Execution {
    /// What is being read and written for open entries, in order of entry: the engine does it, after a recovery too, and
    /// answers by an event.
    public var pendingIO: [PendingIO] {
        entriesInIO.sorted().map { id in
            switch entry(id)?.phase {
            case .readingItems(let request): .readItems(entry: id, request)
            case .writingResults(let request): .writeResults(entry: id, request)
            case .entered, .waiting, .task, .backingOff, .branching, nil:
                preconditionFailure("entry \(id) reads and writes nothing")
            }
        }
    }

    /// Child executions that were started by the journal and whose end it does not have. Costs as much as there are: what
    /// one row changes is told by its effects.
    public var pendingChildren: [ChildExecution] {
        entriesWithChildren.sorted().flatMap { id in
            guard let running = entry(id)?.branches?.mapRun?.running else {
                preconditionFailure("entry \(id) has no Map Run")
            }
            return running.keys.sorted().compactMap { childExecution(entry: id, index: $0) }
        }
    }

    /// A child execution that has been started and whose end is not known; nil when there is none.
    public func childExecution(entry id: EntryID, index: Int) -> ChildExecution? {
        guard let scope = scopeOfEntry[id], let entry = scopes.shared(scope)?.value.entry,
            let mapRun = entry.branches?.mapRun, let child = mapRun.running[index],
            case .map(let map) = entry.plan.state.kind
        else { return nil }
        let isExpress = entry.runsExpressChildren
        let item = child.itemCount == 1 && map.batcher == nil ? entry.branches?.items?[child.firstItem] : nil
        let generation = isExpress ? child.redrives : 0
        return ChildExecution(
            entry: id, index: index, name: childName(of: id, mapRun, index: index, generation: generation),
            machineARN: childMachineARN(mapRun.arn), input: child.input, isExpress: isExpress,
            redrives: child.redrives,
            membership: MapRunMembership(
                execution: self.id, entry: id, index: index, processor: processorPath(of: scope),
                mapRunARN: mapRun.arn, item: item == child.input ? nil : item, generation: generation,
                itemCount: child.itemCount, mapRunNumber: mapRun.number))
    }

    private func childName(of entry: EntryID, _ mapRun: MapRun, index: Int, generation: Int) -> String {
        identifier(for: entry, draw: 2_000_000 + index + mapRun.number << 40, redrives: generation)
    }

    /// The ended children of a Map Run, in their order.
    public func childResults(of id: EntryID) -> [(child: ChildDescription, result: MapRun.ChildResult)] {
        guard let entry = entry(id), let mapRun = entry.branches?.mapRun else { return [] }
        let isExpress = entry.runsExpressChildren
        return mapRun.ended.keys.sorted().compactMap { index in
            mapRun.ended[index].map { result in
                let name = childName(of: id, mapRun, index: index, generation: isExpress ? result.redrives : 0)
                let machine = childMachineARN(mapRun.arn)
                return (
                    child: ChildDescription(
                        name: name, machineARN: machine,
                        arn: machine.replacingResourceType(with: "execution") + ":" + name),
                    result: result
                )
            }
        }
    }

    /// Names and ARNs of a child execution.
    public struct ChildDescription: Sendable, Hashable {
        public let name: String
        public let machineARN: String
        public let arn: String
    }

    /// `mapRun:MACHINE/LABEL:ID` names the children's machine `stateMachine:MACHINE/LABEL`.
    private func childMachineARN(_ mapRunARN: String) -> String {
        let parts = mapRunARN.split(separator: ":", omittingEmptySubsequences: false).dropLast()
        return parts.joined(separator: ":").replacingResourceType(with: "stateMachine")
    }

    /// The ARN of the Map Run that an entry starts.
    func mapRunARN(for entry: EntryID, attempt: Int, label: String?) -> String {
        let id = identifier(for: entry, draw: 1_000_000 + attempt, redrives: redriveCount)
        let label = label ?? identifier(for: 0, draw: entry)
        return start.machineARN.replacingResourceType(with: "mapRun") + "/\(label):\(id)"
    }

    /// Where a scope's Map state stands in the definition.
    func processorPath(of scope: ScopeID) -> [String] {
        guard var here = scopes[scope], let entry = here.entry else {
            preconditionFailure("scope \(scope) is in no state")
        }
        var path = [entry.state]
        while let parent = here.parent, let outer = scopes[parent], let around = outer.entry {
            // What lies inside a Parallel state is in one of its branches.
            if case .parallel = around.plan.state.kind { path.insert(String(here.index), at: 0) }
            path.insert(around.state, at: 0)
            here = outer
        }
        return (start.parent?.processor ?? []) + path
    }
}
