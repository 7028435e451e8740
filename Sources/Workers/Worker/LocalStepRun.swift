import Cryptography
import Glibc
public import JSON
public import Logging
public import StepContracts

/// Runs one step on one file of this machine, without engine and object store: what the media commands do. The step
/// runs in the same sandboxed child as for the engine, and its result is kept in the output directory in the same way.
public struct LocalStepRun: Sendable {
    private let contract: StepContract
    private let threads: Int
    private let childCommand: [String]
    private let sandbox: SandboxMode
    private let limits: ChildLimits
    private let logger: Logger

    /// - Parameter childCommand: the program that runs one step (see ``StepChild``) and its arguments.
    public init(
        _ contract: StepContract, threads: Int, childCommand: [String], sandbox: SandboxMode = .auto,
        limits: ChildLimits = ChildLimits(), logger: Logger
    ) {
        self.contract = contract
        self.threads = threads
        self.childCommand = childCommand
        self.sandbox = sandbox
        self.limits = limits
        self.logger = logger
    }

    public struct Result: Sendable, Hashable {
        /// The step's output; each file it made is a string, its path.
        public let output: JSON
        /// Whether an earlier run had made it.
        public let isCached: Bool
    }

    /// Cancelling the surrounding task ends the step and leaves nothing behind.
    ///
    /// - Parameters:
    ///   - input: The step's input without `source`.
    ///   - directory: Where files go that the step makes. Files of the same names are replaced, all or none of them
    ///     being there when this returns. Nil for steps that make none; their results are not kept.
    public func run(
        file: String, input: JSON, directory: String?, usesResults: Bool,
        report: @escaping @Sendable (StepProgress) -> Void
    ) async throws(StepFailure) -> Result {
        let scratchParent = directory ?? temporaryDirectory()
        do {
            try makeDirectories(scratchParent)
            try ScratchDirectory.sweep(scratchParent)
        } catch {
            throw .resourceExhausted(error.message)
        }
        report(StepProgress(stage: "read"))
        let source = try await measure(file)
        var input = input
        let reference: JSON = [
            "url": .string(file), "bytes": .integer(source.bytes), "sha256": .string(source.sha256),
        ]
        // Contracts differ in whether the source is a bare address or what is known of it.
        let isBare = contract.input.contains { $0.name == "source" && $0.kind == .string }
        input["source"] = isBare ? .string(file) : reference
        let key = ResultStore.key(
            identity: StepFiles.resultIdentity(
                step: contract.name, version: contract.version, input: input, digests: [file: source.sha256]))
        if usesResults, let directory, let output = try await find(key, in: directory) {
            report(StepProgress(stage: "cached"))
            return Result(output: placed(output, in: directory), isCached: true)
        }

        let scratch = try ScratchDirectory(in: scratchParent)
        let made: Swift.Result<JSON, StepFailure>
        do throws(StepFailure) {
            made = .success(
                try await make(input, file: file, key: key, scratch: scratch, directory: directory, report: report))
        } catch {
            made = .failure(error)
        }
        do {
            try scratch.remove()
        } catch {
            throw .resourceExhausted(error.message)
        }
        let output = try made.get()
        return Result(output: directory.map { placed(output, in: $0) } ?? output, isCached: false)
    }

    private func make(
        _ input: JSON, file: String, key: String, scratch: ScratchDirectory, directory: String?,
        report: @escaping @Sendable (StepProgress) -> Void
    ) async throws(StepFailure) -> JSON {
        let settled: Sandbox
        do {
            settled = try await Sandbox.settle(
                sandbox, command: childCommand, limits: limits, scratch: scratch.path, logger: logger)
        } catch {
            throw .crashed(error.message)
        }
        let output = try await StepProcess(command: childCommand, sandbox: settled, limits: limits).run(
            StepProcess.Job(
                step: contract.name, input: input, files: [file: absolute(file)], outputDirectory: scratch.output,
                linkDirectory: scratch.links, outputPrefix: "", threads: threads, timeoutSeconds: nil), report: report)
        guard let directory else { return output }
        let names = StepFiles.outputFiles(in: output)
        var record: [JSON] = []
        for name in names {
            try OutputFiles.check(name, in: scratch.output)
            let measured = try await measure("\(scratch.output)/\(name)")
            record.append([
                "file": .string(name), "bytes": .integer(measured.bytes), "sha256": .string(measured.sha256),
            ])
        }
        for name in names {
            if let slash = name.lastIndex(of: "/") {
                do {
                    try makeDirectories("\(directory)/\(name[..<slash])")
                } catch {
                    throw .resourceExhausted(error.message)
                }
            }
            guard rename("\(scratch.output)/\(name)", "\(directory)/\(name)") == 0 else {
                throw .resourceExhausted("\(directory)/\(name) cannot be written: \(systemReason(errno))")
            }
        }
        try keep(["output": output, "files": .array(record)], key, in: directory)
        return output
    }

    // MARK: - Kept results

    private func documentPath(_ key: String, in directory: String) -> String {
        "\(directory)/.showrunner-results/\(key).json"
    }

    /// An earlier output whose files still have the content it recorded.
    private func find(_ key: String, in directory: String) async throws(StepFailure) -> JSON? {
        guard let text = readSmallFile(documentPath(key, in: directory)) else { return nil }
        let document: JSON
        do {
            document = try JSON(parsing: text)
        } catch {
            // Damaged: the step is run again, and the document replaced.
            return nil
        }
        guard let output = document["output"], let files = document["files"]?.arrayValue else { return nil }
        for file in files {
            guard let name = file["file"]?.stringValue, access("\(directory)/\(name)", R_OK) == 0 else { return nil }
            let measured = try await measure("\(directory)/\(name)")
            guard file["sha256"]?.stringValue == measured.sha256 else { return nil }
        }
        return output
    }

    private func keep(_ document: JSON, _ key: String, in directory: String) throws(StepFailure) {
        do {
            try makeDirectories("\(directory)/.showrunner-results")
        } catch {
            throw .resourceExhausted(error.message)
        }
        let path = documentPath(key, in: directory)
        let bytes = document.utf8
        let descriptor = open("\(path).new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw .resourceExhausted("\(path).new cannot be written: \(systemReason(errno))")
        }
        defer { close(descriptor) }
        guard write(descriptor, bytes, bytes.count) == bytes.count, rename("\(path).new", path) == 0 else {
            throw .resourceExhausted("\(path) cannot be written: \(systemReason(errno))")
        }
    }

    /// The output with each file it names as a path.
    private func placed(_ output: JSON, in directory: String) -> JSON {
        let paths = StepFiles.outputFiles(in: output).map { ($0, JSON.string("\(directory)/\($0)")) }
        return StepFiles.replacingFiles(in: output, by: Dictionary(uniqueKeysWithValues: paths))
    }

    // MARK: - Files

    private func measure(_ path: String) async throws(StepFailure) -> BroughtFile {
        let result = await onOwnThread { isCancelled -> Swift.Result<BroughtFile, StepFailure> in
            do throws(StepFailure) {
                return .success(try FileBringer.measure(path, called: path, isCancelled: isCancelled))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// A sandbox is told where a file is from the root, whatever the working directory.
    private func absolute(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private func temporaryDirectory() -> String { getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp" }
}
