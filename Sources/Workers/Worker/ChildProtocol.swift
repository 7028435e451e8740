import JSON
import StepContracts

/// What a child is asked to do: one line of JSON on its standard input, which the parent then keeps open. The end of
/// that input says "stop": the parent cancels, or is gone.
struct ChildRequest: Sendable, Hashable {
    /// The step's name; empty asks only whether the child can start at all.
    let step: String
    let input: JSON
    /// Local path of each object key and source URL, as the child sees it.
    let files: [String: String]
    let outputDirectory: String
    let outputPrefix: String
    let threads: Int
    let limits: AppliedLimits

    var json: JSON {
        [
            "step": .string(step), "input": input,
            "files": .object(.init(uniqueKeysWithValues: files.sorted { $0.key < $1.key }.map { ($0, .string($1)) })),
            "outputDirectory": .string(outputDirectory), "outputPrefix": .string(outputPrefix),
            "threads": .integer(threads), "limits": limits.json,
        ]
    }

    init(
        step: String, input: JSON, files: [String: String], outputDirectory: String, outputPrefix: String,
        threads: Int, limits: AppliedLimits
    ) {
        self.step = step
        self.input = input
        self.files = files
        self.outputDirectory = outputDirectory
        self.outputPrefix = outputPrefix
        self.threads = threads
        self.limits = limits
    }

    init?(json: JSON) {
        guard let step = json["step"]?.stringValue, let input = json["input"],
            let files = json["files"]?.objectValue, let outputDirectory = json["outputDirectory"]?.stringValue,
            let outputPrefix = json["outputPrefix"]?.stringValue, let threads = json["threads"]?.integerValue,
            threads > 0, let limits = json["limits"].flatMap(AppliedLimits.init(json:))
        else { return nil }
        var paths: [String: String] = [:]
        for (name, path) in files {
            guard let path = path.stringValue else { return nil }
            paths[name] = path
        }
        self.init(
            step: step, input: input, files: paths, outputDirectory: outputDirectory, outputPrefix: outputPrefix,
            threads: threads, limits: limits)
    }
}

/// What a child says: a line of JSON each on its standard output; after an output or a failure nothing more.
enum ChildReport: Sendable, Hashable {
    case progress(StepProgress)
    case output(JSON)
    case failure(StepFailure)

    /// The longest line a child may write.
    static let maximumLineBytes = 8 << 20

    var json: JSON {
        switch self {
        case .progress(let progress): ["progress": progress.json]
        case .output(let output): ["output": output]
        case .failure(let failure):
            [
                "failure": [
                    "error": .string(failure.error), "cause": .string(failure.cause),
                    "retry": .string(failure.retry.rawValue),
                ]
            ]
        }
    }

    init?(json: JSON) {
        if let progress = json["progress"].flatMap(StepProgress.init(json:)) {
            self = .progress(progress)
        } else if let output = json["output"] {
            self = .output(output)
        } else if let failure = json["failure"], let error = failure["error"]?.stringValue,
            let cause = failure["cause"]?.stringValue,
            let retry = failure["retry"]?.stringValue.flatMap(RetryClass.init(rawValue:))
        {
            self = .failure(StepFailure(error: error, cause: cause, retry: retry))
        } else {
            return nil
        }
    }
}
