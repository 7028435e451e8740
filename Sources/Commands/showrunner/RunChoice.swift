import ArgumentParser
import EngineClient

/// The run that a command is about, and the engine that knows it.
struct RunChoice: ParsableArguments {
    @Argument(help: ArgumentHelp(ExecutionArgument.help))
    var execution: String
    @OptionGroup var engine: EngineOptions

    /// Looks for the run.
    ///
    /// - Parameter change: why something is changed about it; nil where nothing is.
    func find(_ change: ChangeReason? = nil) async throws -> FoundRun {
        let client = try engine.client(change)
        return FoundRun(client: client, arn: try await ExecutionArgument.arn(of: execution, client))
    }
}

/// A run, as the engine names it.
struct FoundRun {
    let client: EngineClient
    let arn: String

    /// Its document among the console's endpoints.
    var path: String { "/console/api/runs/\(EngineClient.segment(arn))" }
}
