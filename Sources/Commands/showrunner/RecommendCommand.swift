import ArgumentParser
import DataSteps
import Recommender
import WorkerProgram

/// The recommender on files, without an engine: docs/recommendations.md.
struct RecommendCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recommend", abstract: "Train, apply and measure recommendation models on CSV files.",
        discussion: """
            Example:
              showrunner recommend train --interactions plays.csv --items titles.csv \\
                --out model --auto
              showrunner recommend score --model model --top 100 --out rankings.csv
              showrunner recommend evaluate --recommendations rankings.csv \\
                --truth watched.csv --json
            """,
        subcommands: [RecommendTrainCommand.self, RecommendScoreCommand.self, RecommendEvaluateCommand.self])
}

/// How many threads a command computes with.
struct ThreadOptions: ParsableArguments {
    @Option(help: "Threads to compute with; by default as many as there are cores. The result does not depend on it.")
    var threads: Int?

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads is 1 to 1024") }
    }

    func make() -> Threads { .dispatch(threads ?? MachineCapacity.cores) }
}
