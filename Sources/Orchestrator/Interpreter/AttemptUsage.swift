/// What the work of an attempt took, as its worker told.
public struct AttemptUsage: Sendable, Hashable {
    /// Processor time of all its threads.
    public var cpuMilliseconds: Int
    public var wallMilliseconds: Int
    public var peakMemoryBytes: Int
    /// Nothing of this was spent: the result was kept from another run, which it had cost so much.
    public var isSaved: Bool

    public init(cpuMilliseconds: Int, wallMilliseconds: Int, peakMemoryBytes: Int, isSaved: Bool) {
        self.cpuMilliseconds = cpuMilliseconds
        self.wallMilliseconds = wallMilliseconds
        self.peakMemoryBytes = peakMemoryBytes
        self.isSaved = isSaved
    }
}
