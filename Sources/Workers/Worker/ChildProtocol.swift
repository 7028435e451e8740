import Encodings
import JSON
import StepContracts

/// What a child is asked to do: one line of JSON on its standard input, which the parent then keeps open. The end of
/// that input says "stop": the parent cancels, or is gone.
struct ChildRequest: Sendable {
    /// The step's name; empty asks only whether the child can start at all.
    let step: String
    let input: JSON
    /// Local path of each object key and source URL, as the child sees it.
    let files: [String: String]
    let outputDirectory: String
    let outputPrefix: String
    let threads: Int
    /// Over a pipe, where nobody else reads: not among arguments and not in the environment.
    let contentKeys: ContentKeys
    let limits: AppliedLimits

    var json: JSON {
        [
            "step": .string(step), "input": input,
            "files": .object(.init(uniqueKeysWithValues: files.sorted { $0.key < $1.key }.map { ($0, .string($1)) })),
            "outputDirectory": .string(outputDirectory), "outputPrefix": .string(outputPrefix),
            "threads": .integer(threads), "limits": limits.json,
            "contentKeys": .object(
                .init(
                    uniqueKeysWithValues: contentKeys.secrets.sorted { $0.key < $1.key }.map {
                        ($0.key, .string(Hex.encode($0.value)))
                    })),
        ]
    }

    init(
        step: String, input: JSON, files: [String: String], outputDirectory: String, outputPrefix: String,
        threads: Int, contentKeys: ContentKeys, limits: AppliedLimits
    ) {
        self.step = step
        self.input = input
        self.files = files
        self.outputDirectory = outputDirectory
        self.outputPrefix = outputPrefix
        self.threads = threads
        self.contentKeys = contentKeys
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
        var keys: [String: [UInt8]] = [:]
        for (id, key) in json["contentKeys"]?.objectValue ?? [:] {
            guard let bytes = key.stringValue.flatMap({ Hex.decode($0) }) else { return nil }
            keys[id] = bytes
        }
        self.init(
            step: step, input: input, files: paths, outputDirectory: outputDirectory, outputPrefix: outputPrefix,
            threads: threads, contentKeys: ContentKeys(keys), limits: limits)
    }
}

/// What a child says: a line of JSON each on its standard output; after an output or a failure nothing more.
enum ChildReport: Sendable, Hashable {
    case progress(StepProgress)
    /// What the step has taken so far: at the beginning, every second, and just before its outcome.
    case usage(StepUsage)
    case output(JSON)
    case failure(StepFailure)

    /// The longest line a child may write.
    static let maximumLineBytes = 8 << 20

    var json: JSON {
        switch self {
        case .progress(let progress): ["progress": progress.json]
        case .usage(let usage): ["usage": usage.json]
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
        } else if let usage = json["usage"].flatMap(StepUsage.init(json:)) {
            self = .usage(usage)
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
