public import Interpreter
public import JSON
public import OrderedCollections
import StepContracts

/// What the attempts of an execution took, as far as their workers told, by state. What children of Map Runs took is told of
/// those: they are executions of their own. What a worker took for a task that then waits for its token is not among it: the
/// attempt ends with whoever answers the token.
public struct RunUsage: Sendable, Hashable {
    /// By the state's name, in the order in which they were first told of; those that were measured.
    public private(set) var states: OrderedDictionary<String, UsageSum> = [:]

    public init() {}

    /// What attempts at states took, one after the other.
    public init(_ attempts: [(state: String, usage: AttemptUsage)]) {
        for (state, usage) in attempts { add(usage, of: state) }
    }

    mutating func add(_ usage: AttemptUsage, of state: String) { states[state, default: UsageSum()].add(usage) }

    /// Of all states together.
    public var total: UsageSum { states.values.reduce(into: UsageSum()) { $0.add($1) } }

    /// The members of the total, and `states`, each with its `state`.
    public var json: JSON {
        var document = total.json
        document["states"] = .array(
            states.map { state, sum in
                var line: JSON = ["state": .string(state)]
                for (name, value) in sum.json.objectValue ?? [:] { line[name] = value }
                return line
            })
        return document
    }
}

/// What several attempts took together.
public struct UsageSum: Sendable, Hashable {
    /// Attempts that spent something.
    public private(set) var attempts = 0
    public private(set) var cpuMilliseconds = 0
    public private(set) var wallMilliseconds = 0
    /// The most that one of them had.
    public private(set) var peakMemoryBytes = 0
    /// Results that were kept from other runs, and what it had taken to make them.
    public private(set) var reused = 0
    public private(set) var savedCPUMilliseconds = 0
    public private(set) var savedWallMilliseconds = 0

    mutating func add(_ usage: AttemptUsage) {
        if usage.isSaved {
            reused += 1
            savedCPUMilliseconds += usage.cpuMilliseconds
            savedWallMilliseconds += usage.wallMilliseconds
        } else {
            attempts += 1
            cpuMilliseconds += usage.cpuMilliseconds
            wallMilliseconds += usage.wallMilliseconds
            peakMemoryBytes = max(peakMemoryBytes, usage.peakMemoryBytes)
        }
    }

    mutating func add(_ other: UsageSum) {
        for member in Self.sums { self[keyPath: member] += other[keyPath: member] }
        peakMemoryBytes = max(peakMemoryBytes, other.peakMemoryBytes)
    }

    public var json: JSON {
        [
            "cpuSeconds": .double(Double(cpuMilliseconds) / 1000),
            "wallSeconds": .double(Double(wallMilliseconds) / 1000), "peakMemoryBytes": .integer(peakMemoryBytes),
            "attempts": .integer(attempts), "reused": .integer(reused),
            "savedCpuSeconds": .double(Double(savedCPUMilliseconds) / 1000),
            "savedWallSeconds": .double(Double(savedWallMilliseconds) / 1000),
        ]
    }

    private static let sums: [WritableKeyPath<UsageSum, Int> & Sendable] = [
        \.attempts, \.cpuMilliseconds, \.wallMilliseconds, \.reused, \.savedCPUMilliseconds, \.savedWallMilliseconds,
    ]
}

extension RunUsage {
    /// A list for each state: its name, and its sums with the peak of memory at the end.
    var snapshot: JSON { .array(states.map { .array([.string($0.key)] + $0.value.snapshot) }) }

    /// What was made before anything was measured has none.
    init(snapshot: JSON?) throws(SnapshotError) {
        self.init()
        for line in snapshot?.arrayValue ?? [] {
            guard let state = line[0]?.stringValue else { throw SnapshotError(reason: "usage without a state") }
            states[state] = try UsageSum(snapshot: (line.arrayValue ?? []).dropFirst())
        }
    }
}

extension UsageSum {
    fileprivate var snapshot: [JSON] { Self.sums.map { .integer(self[keyPath: $0]) } + [.integer(peakMemoryBytes)] }

    fileprivate init(snapshot: ArraySlice<JSON>) throws(SnapshotError) {
        let numbers = snapshot.compactMap(\.integerValue)
        guard numbers.count == Self.sums.count + 1 else { throw SnapshotError(reason: "usage without its sums") }
        for (member, number) in zip(Self.sums, numbers) { self[keyPath: member] = number }
        peakMemoryBytes = numbers[Self.sums.count]
    }
}

extension AttemptUsage {
    /// As a worker told it.
    init(_ usage: StepUsage) {
        self.init(
            cpuMilliseconds: Int((usage.cpuSeconds * 1000).rounded()),
            wallMilliseconds: Int((usage.wallSeconds * 1000).rounded()), peakMemoryBytes: usage.peakMemoryBytes,
            isSaved: usage.isSaved)
    }
}
