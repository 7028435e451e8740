public import JSON
import StatesLanguage

/// What an execution is begun with; the first effect of its first journal row.
public struct ExecutionStart: Sendable, Hashable {
    public let machineARN: String
    public let name: String
    /// SHA-256 of the definition, under which the journal keeps it: the execution stays with it to its end.
    public let definitionHash: String
    public let input: JSON
    /// All randomness of the execution (jitter, States.UUID, $random, ids of Map Runs) is drawn from this.
    public let seed: UInt64
    /// A secret under which the tokens of `.waitForTaskToken` tasks are made. Apart from the seed, since what is drawn
    /// from that is seen outside and can be computed back; nil where nobody outside can answer, as in simulations.
    public let tokenKey: String?
    /// The state machine's role; shown in the history and in the context object.
    public let roleARN: String?
    /// The Map Run that this is a child execution of; nil for all others.
    public let parent: MapRunMembership?
    public let deployment: Deployment
    /// The task that started it and waits for its end (`.sync`); nil for all others.
    public let starter: WaitingTask?
    /// What started it by itself; nil where somebody asked for it.
    public let origin: ExecutionOrigin?
    /// The trace that whoever started it named: 32 hexadecimal digits. Nothing follows from it.
    public let trace: String?

    public init(
        machineARN: String, name: String, definitionHash: String, input: JSON, seed: UInt64, tokenKey: String? = nil,
        roleARN: String? = nil, parent: MapRunMembership? = nil, deployment: Deployment = Deployment(),
        starter: WaitingTask? = nil, origin: ExecutionOrigin? = nil, trace: String? = nil
    ) {
        self.trace = trace
        self.starter = starter
        self.origin = origin
        self.machineARN = machineARN
        self.name = name
        self.definitionHash = definitionHash
        self.input = input
        self.seed = seed
        self.tokenKey = tokenKey
        self.roleARN = roleARN
        self.parent = parent
        self.deployment = deployment
    }

    /// The machine's name, the last part of its ARN.
    var machineName: String { machineARN.split(separator: ":").last.map(String.init) ?? "" }

    /// The execution's ARN. The id stands in that of an EXPRESS execution, whose name may come twice.
    func arn(of id: String) -> String {
        deployment.isExpress
            ? "\(machineARN.replacingResourceType(with: "express")):\(name):\(id)"
            : "\(machineARN.replacingResourceType(with: "execution")):\(name)"
    }

    /// What the context object says of the execution and its machine.
    func context(of id: String, startedAt: Instant, redriveCount: Int = 0, redrivenAt: Instant? = nil) -> JSON {
        [
            "Execution": .members(
                ("Id", .string(arn(of: id))), ("Input", input),
                ("StartTime", .string(Timestamp.text(microseconds: startedAt))), ("Name", .string(name)),
                ("RoleArn", roleARN.map { .string($0) }), ("RedriveCount", .integer(redriveCount)),
                ("RedriveTime", redrivenAt.map { .string(Timestamp.text(microseconds: $0)) })),
            "StateMachine": ["Id": .string(machineARN), "Name": .string(machineName)],
        ]
    }

    /// What the execution runs, within its definition: the whole, or the processor of the Map state that ``parent`` names.
    /// Nil when the definition has no such state.
    public func plan(in definition: MachinePlan) -> MachinePlan? {
        guard let parent else { return definition }
        return definition.processor(at: parent.processor)
    }
}

/// One attempt of a task, as another execution knows it.
public struct WaitingTask: Sendable, Hashable {
    /// Id of the execution that the task is in.
    public let execution: String
    public let entry: EntryID
    public let nonce: String

    public init(execution: String, entry: EntryID, nonce: String) {
        self.execution = execution
        self.entry = entry
        self.nonce = nonce
    }
}

/// What makes an execution the child of a distributed Map state.
public struct MapRunMembership: Sendable, Hashable {
    /// Id of the execution that the Map state is in.
    public let execution: String
    /// The Map state's entry there.
    public let entry: EntryID
    /// Which of its children this is.
    public let index: Int
    /// Where the Map state stands in the definition: the names of the states from the outside in, and after the name of a
    /// Parallel state the number of the branch.
    public let processor: [String]
    public let mapRunARN: String
    /// The item as the context object tells it, `Map.Item.Value`; nil where it is the execution's input.
    public let item: JSON?
    /// A child that is started anew where others are redriven is another execution: which of them this is, from 0.
    public let generation: Int
    /// How many items it works on: more than one with an ItemBatcher only.
    public let itemCount: Int
    /// ``MapRun/number``.
    public let mapRunNumber: Int

    public init(
        execution: String, entry: EntryID, index: Int, processor: [String], mapRunARN: String, item: JSON? = nil,
        generation: Int = 0, itemCount: Int = 1, mapRunNumber: Int = 0
    ) {
        self.mapRunNumber = mapRunNumber
        self.itemCount = itemCount
        self.execution = execution
        self.entry = entry
        self.index = index
        self.processor = processor
        self.mapRunARN = mapRunARN
        self.item = item
        self.generation = generation
    }
}
