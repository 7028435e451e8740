import JSON

/// What a task of a step books on its worker. An estimate: a worker that has less does the task all the same, and nothing
/// beside it.
public struct StepNeeds: Sendable, Hashable {
    /// Thousandths of a core.
    public let millicores: Int
    public let memoryBytes: Int
    /// Of the disk that the task keeps its files on.
    public let scratchBytes: Int

    public init(millicores: Int = 100, memoryBytes: Int = 128 << 20, scratchBytes: Int = 0) {
        self.millicores = millicores
        self.memoryBytes = memoryBytes
        self.scratchBytes = scratchBytes
    }

    /// What a task books that opens a film: the film lies on the disk, and what is made of it beside it.
    static func film(_ input: JSON, millicores: Int, memoryBytes: Int) -> StepNeeds {
        let bytes = min(max(input["source"]?["bytes"]?.integerValue ?? 0, 0), 1 << 46)
        return StepNeeds(millicores: millicores, memoryBytes: memoryBytes, scratchBytes: 2 * bytes + (1 << 28))
    }

    /// What an encode books: pictures above 1080 lines need more of everything, and so does each codec beside H.264.
    static func encode(_ input: JSON) -> StepNeeds {
        let isLarge = (input["media"]?["video"]?["height"]?.integerValue ?? 1080) > 1088
        let codecs = min(input["codecs"]?.arrayValue?.count ?? 0, 3)
        return film(input, millicores: isLarge ? 4000 : 2000, memoryBytes: (isLarge ? 4 << 30 : 3 << 29) + codecs << 30)
    }
}
