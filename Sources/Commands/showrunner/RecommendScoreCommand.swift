import ArgumentParser
import CSV
import Encodings
import Recommender
import TerminalOutput

struct RecommendScoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score", abstract: "Rank titles for profiles with a model.",
        discussion: """
            Example:
              showrunner recommend score --model model --profiles new.csv --top 100 \\
                --out rankings.csv

            Without --profiles all profiles of the training are ranked. Profiles that training has not seen are folded \
            in by their rows; rows of a profile that it has seen are added to what is known. Writes \
            user_id,item_id,rank.
            """)

    @Option(help: "The model's file.")
    var model: String
    @Option(help: "CSV file of the profiles to rank for: user_id,item_id,timestamp,weight.")
    var profiles: String?
    @Option(help: "Titles for each profile: 1 to 10000.")
    var top = 100
    @Option(help: "CSV file of the only titles to rank: item_id,title,genres,year; new ones by their features.")
    var onlyItems: String?
    @Option(help: "0 to 1: how much titles that are alike give way to each other.")
    var diversity: Float = 0
    @Option(help: "File to write the rankings to.")
    var out: String
    @OptionGroup var threads: ThreadOptions
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (1...10_000).contains(top) else { throw ValidationError("--top is 1 to 10000") }
        guard (0...1).contains(diversity) else { throw ValidationError("--diversity is 0 to 1") }
    }

    func run() throws {
        let progress = ProgressLine.forCommand(json: json)
        let threads = threads.make()
        let model = try ModelBytes.read(model, threads: threads)
        var items = NameTable(model.items)
        let ranker = try ranker(model, &items)
        let wanted = try wanted(model, items)
        let names = items.names
        let file = try WholeFile(out)
        try file.write(Array("user_id,item_id,rank\n".utf8))
        let start = ProgressLine.seconds()
        progress.show("score", done: 0, total: wanted.count)
        var rows = 0
        // Diversity chooses among more than it keeps.
        let depth = diversity > 0 ? min(10_000, top * 3) : top
        for first in stride(from: 0, to: wanted.count, by: 4096) {
            let batch = first..<min(first + 4096, wanted.count)
            let rankings = ranker.rank(batch.map { wanted.history($0, model) }, count: depth, threads: threads)
            var text: [UInt8] = []
            for (index, ranking) in zip(batch, rankings) {
                var user: [UInt8] = []
                CSV.append(wanted.name(index), to: &user)
                for (rank, one) in ranker.diversified(ranking, diversity: diversity, count: top).enumerated() {
                    text += user
                    text.append(UInt8(ascii: ","))
                    CSV.append(names[Int(one.item)], to: &text)
                    text.append(UInt8(ascii: ","))
                    text += "\(rank + 1)\n".utf8
                    rows += 1
                }
            }
            try file.write(text)
            progress.show("score", done: batch.upperBound, total: wanted.count)
        }
        try file.finish()
        progress.end()
        let seconds = ProgressLine.seconds() - start
        if json {
            Terminal.json([
                "rankings": .string(out), "profiles": .integer(Int64(wanted.count)), "rows": .integer(Int64(rows)),
                "seconds": .double(seconds),
            ])
        } else {
            Terminal.line("\(out): \(counted(rows, "row")), \(counted(wanted.count, "profile"))")
        }
    }

    private func ranker(_ model: Model, _ items: inout NameTable) throws -> Ranker {
        guard let onlyItems else { return Ranker(model) }
        var newcomers: [TitleDescription] = []
        var admitted = [Bool](repeating: false, count: model.items.count)
        for (id, title) in try RecommendTables.titles(onlyItems) {
            let bytes = Array(id.utf8)
            let number = Int(items.number(of: bytes, bytes.indices))
            if number < admitted.count {
                admitted[number] = true
            } else {
                newcomers.append(title)
                admitted.append(true)
            }
        }
        return Ranker(model, newcomers: newcomers, admitted: admitted)
    }

    /// Whom to rank for.
    private struct Wanted {
        /// Names of the profiles of a file; nil for all of the model's.
        var names: [String]?
        var known: [Int32?] = []
        var rows: InteractionMatrix?
        var count: Int
        var users: [String]

        func name(_ index: Int) -> String { names?[index] ?? users[index] }

        /// What training knew, and what the file adds: of the same title the file's word counts.
        func history(_ index: Int, _ model: Model) -> History {
            guard let rows else { return model.history(of: index) }
            var history = rows.row(index)
            if let user = known[index] {
                let told = Set(history.items)
                let before = model.history(of: Int(user))
                for (item, weight) in zip(before.items, before.weights) where !told.contains(item) {
                    history.items.append(item)
                    history.weights.append(weight)
                }
            }
            return history
        }
    }

    private func wanted(_ model: Model, _ items: NameTable) throws -> Wanted {
        guard let profiles else { return Wanted(count: model.users.count, users: model.users) }
        var (users, all) = (NameTable(), items)
        // Titles that neither the model nor --only-items has say nothing.
        let interactions = try RecommendTables.interactions(profiles, users: &users, items: &all)
            .filter { Int($0.item) < items.count }
        let trained = NameTable(model.users)
        let names = users.names
        let known = names.map { name -> Int32? in
            let bytes = Array(name.utf8)
            return trained.find(bytes, bytes.indices)
        }
        return Wanted(
            names: names, known: known,
            rows: InteractionMatrix(interactions, users: names.count, items: items.count), count: names.count,
            users: model.users)
    }
}
