extension StepContract {
    public static let verify = StepContract(
        name: "verify", version: 1,
        summary:
            "Reads objects of published titles back from the store and compares them with the catalogue, a page at a time.",
        runner: .dataWorker, heartbeatSeconds: 30,
        input: [
            StepField("report", .object, required: false, "what verify gave for the page before; none starts anew"),
            StepField(
                "limit", .number, required: false, "objects of this page at most, 1 to \(VerifyLimits.objects); 500"),
            StepField(
                "limitBytes", .number, required: false,
                "ends the page once so many bytes have been read; \(VerifyLimits.standardBytes)"),
        ],
        output: [
            StepField("titles", .number, "titles of which something has been checked, all pages together"),
            StepField("objects", .number, "objects checked"),
            StepField("bytes", .number, "bytes of theirs that were read"),
            StepField("missing", .number, "objects that are not in the store"),
            StepField("damaged", .number, "objects of another size or SHA-256 than recorded"),
            StepField(
                "problems", .array,
                "the first \(VerifyLimits.problems) of these: problem, titleId, key, expected, found"),
            StepField("summary", .string, "one sentence that says so"),
            StepField("next", .string, required: false, "where the next page begins; none after the last"),
        ], needs: { _ in StepNeeds(millicores: 500, memoryBytes: 1 << 28) })

    public static let approve = StepContract(
        name: "approve", version: 1,
        summary: "Asks a person: with '.waitForTaskToken' its task then waits for the answer.",
        runner: .dataWorker,
        input: [
            StepField("question", .string, "what is to be decided, a sentence"),
            StepField("details", .any, required: false, "what helps to decide"),
        ],
        output: [
            StepField("question", .string, "what was asked"),
            StepField("details", .any, required: false, "what was given to decide by"),
        ], errors: [StepErrorName.rejected])

    /// The steps that the data worker does.
    public static let data: [StepContract] = [.verify, .approve] + recommendations
}

/// What one task of ``StepContract/verify`` may do, and how much its report may hold.
public enum VerifyLimits {
    /// Objects in one page.
    public static let objects = 10_000
    /// Objects in one page where the input does not say.
    public static let standardObjects = 500
    /// Bytes after which a page ends where the input does not say: minutes, at the speed of a disk or a network.
    public static let standardBytes = 8 << 30
    /// Problems told one by one; the rest is counted. With keys of 1 KiB they stay below half of what a state's data
    /// may hold.
    public static let problems = 50
}
