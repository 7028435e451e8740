public import JSON

/// What an attempt at a step took of the machine it ran on.
public struct StepUsage: Sendable, Hashable {
    /// Processor time of all threads, and of programs that were started; seconds.
    public var cpuSeconds: Double
    /// How long it ran; seconds.
    public var wallSeconds: Double
    /// The most memory that was resident at once; bytes.
    public var peakMemoryBytes: Int
    /// Nothing of this was spent: the result was kept, and making it had taken so much.
    public var isSaved: Bool

    public init(cpuSeconds: Double, wallSeconds: Double, peakMemoryBytes: Int, isSaved: Bool = false) {
        self.cpuSeconds = cpuSeconds
        self.wallSeconds = wallSeconds
        self.peakMemoryBytes = peakMemoryBytes
        self.isSaved = isSaved
    }

    public var json: JSON {
        .members(
            ("cpuSeconds", .double(Self.milliseconds(cpuSeconds))),
            ("wallSeconds", .double(Self.milliseconds(wallSeconds))), ("peakMemoryBytes", .integer(peakMemoryBytes)),
            ("saved", isSaved ? true : nil))
    }

    /// Nil for a document that lacks a member, or has one that no machine could give.
    public init?(json: JSON) {
        guard let cpu = json["cpuSeconds"]?.doubleValue, let wall = json["wallSeconds"]?.doubleValue,
            let memory = json["peakMemoryBytes"]?.integerValue, Self.seconds.contains(cpu),
            Self.seconds.contains(wall), (0...Self.mostBytes).contains(memory)
        else { return nil }
        self.init(
            cpuSeconds: cpu, wallSeconds: wall, peakMemoryBytes: memory, isSaved: json["saved"]?.boolValue ?? false)
    }

    /// Thirty years of one processor: sums of them stay exact.
    private static let seconds = 0.0...1e9
    /// What a number of JSON holds to the last digit everywhere.
    private static let mostBytes = 1 << 53

    private static func milliseconds(_ seconds: Double) -> Double { (seconds * 1000).rounded() / 1000 }
}
