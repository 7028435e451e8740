/// An amount of what a machine has to give.
public struct Resources: Sendable, Hashable {
    /// Thousandths of a core.
    public var millicores: Int
    public var memoryBytes: Int
    /// Of the disk that tasks keep their files on.
    public var scratchBytes: Int

    /// No amount may be negative.
    public init(millicores: Int = 0, memoryBytes: Int = 0, scratchBytes: Int = 0) {
        precondition(millicores >= 0 && memoryBytes >= 0 && scratchBytes >= 0, "an amount is not negative")
        self.millicores = millicores
        self.memoryBytes = memoryBytes
        self.scratchBytes = scratchBytes
    }

    /// Of everything at most as much.
    public func fits(in other: Resources) -> Bool {
        millicores <= other.millicores && memoryBytes <= other.memoryBytes && scratchBytes <= other.scratchBytes
    }

    static func + (left: Resources, right: Resources) -> Resources {
        Resources(
            millicores: left.millicores + right.millicores, memoryBytes: left.memoryBytes + right.memoryBytes,
            scratchBytes: left.scratchBytes + right.scratchBytes)
    }

    /// What is left when something is taken away: never less than nothing.
    static func - (left: Resources, right: Resources) -> Resources {
        Resources(
            millicores: max(left.millicores - right.millicores, 0),
            memoryBytes: max(left.memoryBytes - right.memoryBytes, 0),
            scratchBytes: max(left.scratchBytes - right.scratchBytes, 0))
    }

    func atMost(_ other: Resources) -> Resources {
        Resources(
            millicores: min(millicores, other.millicores), memoryBytes: min(memoryBytes, other.memoryBytes),
            scratchBytes: min(scratchBytes, other.scratchBytes))
    }
}

/// What a task books on its worker.
public struct Reservation: Sendable, Hashable {
    public var amount: Resources
    /// Whether memory and scratch are a demand: a worker that has less never gets the task. An estimate is cut down to
    /// what the worker has, so that the task then has the worker to itself. Cores are always cut down: with fewer of
    /// them a task only takes longer.
    public var isDemand: Bool

    public init(_ amount: Resources = Resources(), isDemand: Bool = false) {
        self.amount = amount
        self.isDemand = isDemand
    }

    /// What it books on a worker of this capacity; nil where the worker can never do it.
    func booked(on capacity: Resources?) -> Resources? {
        guard let capacity else { return amount }
        if isDemand, amount.memoryBytes > capacity.memoryBytes || amount.scratchBytes > capacity.scratchBytes {
            return nil
        }
        return amount.atMost(capacity)
    }
}
