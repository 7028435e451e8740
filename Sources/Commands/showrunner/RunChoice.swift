import ArgumentParser
import EngineClient

/// The run that a command is about, and the engine that knows it.
struct RunChoice: ParsableArguments {
    @Argument(help: ArgumentHelp(ExecutionArgument.help))
    var execution: String
    @OptionGroup var engine: EngineOptions

    /// Looks for the run.
    func find() async throws -> FoundRun {
        let client = try engine.client()
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
