import Glibc
import Logging

extension Sandbox {
    /// Finds out what this machine allows, by starting a child that only says hello.
    ///
    /// - Throws: ``WorkerError``: the sandbox is required and refused, or no child starts at all.
    static func settle(
        _ mode: SandboxMode, command: [String], limits: ChildLimits, scratch: String, logger: Logger
    ) async throws(WorkerError) -> Sandbox {
        guard let program = command.first, access(program, X_OK) == 0 else {
            throw WorkerError(.child, "the program for child processes, \(command.first ?? "(none)"), cannot be run")
        }
        var refusal: String?
        if mode != .off {
            let searchPath = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
            if let sandbox = bubblewrap(searchPath: searchPath) {
                let trouble = try await tryOut(sandbox, command: command, limits: limits, scratch: scratch)
                guard let trouble else { return sandbox }
                refusal = trouble
            } else {
                refusal = "bwrap is not installed"
            }
        }
        if let refusal {
            if mode == .required { throw WorkerError(.sandbox, "no sandbox: \(refusal)") }
            logger.warning(
                "no sandbox: media files are opened in child processes with resource limits only",
                metadata: ["reason": "\(refusal)"])
        }
        let sandbox = Sandbox.limitsOnly(reason: refusal)
        if let trouble = try await tryOut(sandbox, command: command, limits: limits, scratch: scratch) {
            throw WorkerError(.child, "no child process can be run: \(trouble)")
        }
        return sandbox
    }

    /// Nil when a child ran, else why not.
    private static func tryOut(
        _ sandbox: Sandbox, command: [String], limits: ChildLimits, scratch: String
    ) async throws(WorkerError) -> String? {
        let directory: ScratchDirectory
        do {
            directory = try ScratchDirectory(in: scratch)
        } catch {
            throw WorkerError(.scratch, error.cause)
        }
        let trouble: String?
        do {
            try await StepProcess(command: command, sandbox: sandbox, limits: limits).probe(in: directory)
            trouble = nil
        } catch {
            trouble = error.cause
        }
        try directory.remove()
        return trouble
    }
}
