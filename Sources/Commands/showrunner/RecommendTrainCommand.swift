import ArgumentParser
import Cryptography
import Encodings
import JSON
import Recommender
import TerminalOutput

struct RecommendTrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Train a model on interactions and descriptions of titles.",
        discussion: """
            Example:
              showrunner recommend train --interactions plays.csv --items titles.csv \\
                --out model --auto

            Interactions have the columns user_id,item_id,timestamp,weight, titles item_id,title,genres,year. The same \
            files and the same --seed give the same model, byte by byte. Exit codes: 0 done, 2 a file that is missing \
            or malformed, 1 anything else.
            """)

    @Option(help: "CSV file: user_id,item_id,timestamp,weight.")
    var interactions: String
    @Option(help: "CSV file: item_id,title,genres,year.")
    var items: String?
    @Option(help: "File to write the model to.")
    var out: String
    @Flag(help: "Search for the best settings on held-out profiles.")
    var auto = false
    @Option(help: "Where all that is drawn comes from.")
    var seed: UInt64 = 1
    @Option(help: "Length of the vectors without --auto: a multiple of 8 up to 512.")
    var dimensions = 64
    @Option(help: "Epochs without --auto.")
    var epochs = 10
    @OptionGroup var threads: ThreadOptions
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard dimensions % 8 == 0, (8...512).contains(dimensions) else {
            throw ValidationError("--dimensions is a multiple of 8 from 8 to 512")
        }
        guard (1...1000).contains(epochs) else { throw ValidationError("--epochs is 1 to 1000") }
    }

    func run() throws {
        let progress = ProgressLine.forCommand(json: json)
        let start = ProgressLine.seconds()
        let data = try read(progress)
        let threads = threads.make()
        var recipe = Recipe(factors: FactorSettings(dimensions: dimensions, epochs: epochs))
        var trials: [Trial] = []
        var holdout = JSON.null
        if auto {
            var tuning = Tuning(data, seed: seed, threads: threads) { step in
                progress.show(step.stage, done: step.done, total: step.total)
            }
            tuning.search()
            recipe = tuning.recipe
            trials = tuning.trials
            if !trials.isEmpty { holdout = tuning.isTemporal ? "temporal" : "random" }
        }
        let model = Model.train(data, recipe: recipe, seed: seed, threads: threads) { step in
            progress.show(step.stage, done: step.done, total: step.total)
        }
        let bytes = ModelFile.encode(model, digest: ModelBytes.digest)
        try ModelBytes.write(bytes, to: out)
        progress.end()
        report(data, model, trials, holdout, seconds: ProgressLine.seconds() - start, bytes: bytes.count)
    }

    private func read(_ progress: ProgressLine) throws -> TrainingData {
        let described = try items.map { try RecommendTables.titles($0) } ?? []
        var (users, names) = (NameTable(), NameTable())
        let all = try RecommendTables.interactions(interactions, users: &users, items: &names) { done, total in
            progress.show("read", done: done >> 20, total: max(1, total >> 20))
        }
        guard !all.isEmpty else {
            throw CommandFailure("\(interactions) has no interaction: there is nothing to learn")
        }
        let watched = names.count
        var titles = [TitleDescription?](repeating: nil, count: watched)
        for (id, title) in described {
            let bytes = Array(id.utf8)
            let number = Int(names.number(of: bytes, bytes.indices))
            if number < titles.count { titles[number] = title } else { titles.append(title) }
        }
        let matrix = InteractionMatrix(all, users: users.count, items: watched)
        return TrainingData(users: users.names, items: names.names, titles: titles, interactions: matrix)
    }

    private func report(
        _ data: TrainingData, _ model: Model, _ trials: [Trial], _ holdout: JSON, seconds: Double, bytes: Int
    ) {
        let recipe = model.recipe
        let blend = recipe.blend
        if json {
            Terminal.json([
                "model": .string(out), "bytes": .integer(Int64(bytes)), "seconds": .double(seconds),
                "profiles": .integer(Int64(data.users.count)), "titles": .integer(Int64(data.items.count)),
                "interactions": .integer(Int64(data.interactions.count)), "holdout": holdout,
                "trials": .array(
                    trials.map { trial in
                        [
                            "name": .string(trial.name), "ndcg@100": .double(trial.ndcgAt100),
                            "recall@20": .double(trial.recallAt20),
                        ]
                    }),
                "recipe": [
                    "weights": .string("\(recipe.weighting)"),
                    "dimensions": .integer(Int64(recipe.factors.dimensions)),
                    "epochs": .integer(Int64(recipe.factors.epochs)),
                    "regularization": .double(Double(recipe.factors.regularization)),
                    "unobserved": .double(Double(recipe.factors.unobservedWeight)),
                    "linearRegularization": .double(Double(recipe.linearRegularization)),
                    "neighbours": .string("\(recipe.neighbours.measure)"),
                    "damping": .double(Double(recipe.neighbours.damping)),
                    "contentEvidence": .double(Double(recipe.contentEvidence)),
                    "contentRegularization": .double(Double(recipe.contentRegularization)),
                    "blend": [
                        "factors": .double(Double(blend.factors)), "linear": .double(Double(blend.linear)),
                        "neighbours": .double(Double(blend.neighbours)),
                        "popularity": .double(Double(blend.popularity)),
                    ],
                ],
            ])
            return
        }
        if !trials.isEmpty {
            Terminal.table(
                [["ndcg@100", "recall@20", "tried"]]
                    + trials.map { [decimal($0.ndcgAt100, places: 4), decimal($0.recallAt20, places: 4), $0.name] })
        }
        Terminal.line(
            "\(out): \(bytes) bytes, \(counted(data.users.count, "profile")), \(counted(data.items.count, "title")), "
                + "\(counted(data.interactions.count, "interaction")), \(Int(seconds.rounded())) s")
        let shares = [
            ("factors", blend.factors), ("linear", blend.linear), ("neighbours", blend.neighbours),
            ("popularity", blend.popularity),
        ]
        Terminal.line(
            "joined from "
                + shares.map { "\($0) \(decimal(Double($1), places: 4))" }.joined(separator: ", "))
    }
}
