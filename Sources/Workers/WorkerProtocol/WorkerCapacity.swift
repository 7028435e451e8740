public import JSON

/// What a worker's machine has for its tasks. The engine books what tasks need on it, and offers no more than fits.
public struct WorkerCapacity: Sendable, Hashable {
    /// Thousandths of a core.
    public let millicores: Int
    public let memoryBytes: Int
    /// Of the disk that tasks keep their files on.
    public let scratchBytes: Int

    public init(millicores: Int, memoryBytes: Int, scratchBytes: Int) {
        self.millicores = millicores
        self.memoryBytes = memoryBytes
        self.scratchBytes = scratchBytes
    }

    public var json: JSON {
        [
            "millicores": .integer(millicores), "memoryBytes": .integer(memoryBytes),
            "scratchBytes": .integer(scratchBytes),
        ]
    }

    init(_ reader: inout MessageReader) {
        millicores = reader.integer("millicores", in: 0...WorkerProtocolLimits.millicores)
        memoryBytes = reader.integer("memoryBytes", in: 0...WorkerProtocolLimits.capacityBytes)
        scratchBytes = reader.integer("scratchBytes", in: 0...WorkerProtocolLimits.capacityBytes)
    }
}
