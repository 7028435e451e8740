public import JSON
public import StatesLanguage

/// What stands in for the world while a machine is simulated: answers of tasks, items of Map states, and how the
/// execution is expected to end. Read from a file that people write; docs/simulate.md describes it.
public struct Mocks: Sendable, Hashable {
    /// The execution's input, unless another is given.
    public var input: JSON?
    /// When the virtual clock starts.
    public var start: Instant
    /// Of everything random.
    public var seed: UInt64
    /// By state name.
    public var states: [String: StateMock]
    public var expectation: Expectation

    /// 2027-01-01T00:00:00Z.
    public static let defaultStart: Instant = 1_798_761_600_000_000

    public init(
        input: JSON? = nil, start: Instant = Mocks.defaultStart, seed: UInt64 = 1, states: [String: StateMock] = [:],
        expectation: Expectation = Expectation()
    ) {
        self.input = input
        self.start = start
        self.seed = seed
        self.states = states
        self.expectation = expectation
    }

    /// What one state is answered.
    public struct StateMock: Sendable, Hashable {
        /// One a call, in their order; the last one goes on for ever, unless it says how often it holds.
        public var answers: [Answer]
        /// Instead of ``answers``, for the iteration of that number.
        public var items: [Int: [Answer]]
        /// What the ItemReader of a distributed Map state reads: an array, or an object for its members.
        public var reads: JSON?
        /// What its ResultWriter says of what it has written; nil: what the engine would say.
        public var writes: JSON?

        public init(answers: [Answer] = [], items: [Int: [Answer]] = [:], reads: JSON? = nil, writes: JSON? = nil) {
            self.answers = answers
            self.items = items
            self.reads = reads
            self.writes = writes
        }
    }

    /// What a call gives.
    public struct Answer: Sendable, Hashable {
        public var kind: Kind
        /// Seconds until then.
        public var after: Double
        /// Calls for which it holds; nil: one, or for ever where it is the last.
        public var times: Int?
        /// Where it stands in the file.
        public var place: SourcePlace

        public enum Kind: Sendable, Hashable {
            /// JSON with expressions in which `$states.input` is what the task is given.
            case result(PayloadTemplate)
            case error(String, cause: String)
            /// Neither an answer nor a sign of life.
            case never
        }

        public init(
            _ kind: Kind, after: Double = 0, times: Int? = nil, place: SourcePlace = SourcePlace(line: 1, column: 1)
        ) {
            self.kind = kind
            self.after = after
            self.times = times
            self.place = place
        }
    }

    /// How the execution is to end, and what is to have happened.
    public struct Expectation: Sendable, Hashable {
        /// `SUCCEEDED`, `FAILED` or `TIMED_OUT`.
        public var status = "SUCCEEDED"
        public var output: JSON?
        /// The output is to have these members with these values, among others.
        public var outputContains: JSON?
        public var error: String?
        public var cause: String?
        public var causeContains: String?
        public var visited: [String] = []
        public var notVisited: [String] = []
        /// Calls by state name.
        public var calls: [String: Int] = [:]
        /// On the virtual clock, from start to end.
        public var seconds: Double?

        public init() {}
    }

    /// The answer to a call, counted from 0; nil when none is left.
    static func answer(_ call: Int, of answers: [Answer]) -> Answer? {
        var first = 0
        for (index, answer) in answers.enumerated() {
            let isLast = index == answers.count - 1
            if isLast, answer.times == nil { return answer }
            first += answer.times ?? 1
            if call < first { return answer }
        }
        return nil
    }
}
