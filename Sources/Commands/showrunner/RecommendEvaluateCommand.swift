import ArgumentParser
import Encodings
import JSON
import Recommender
import TerminalOutput

struct RecommendEvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Measure rankings against what profiles did watch.",
        discussion: """
            Example:
              showrunner recommend evaluate --recommendations rankings.csv \\
                --truth watched.csv --json

            Prints recall@20, recall@50, ndcg@100, coverage@20 and novelty@20. Coverage is the share of the titles of \
            both files, or of --items; novelty is judged by who watched what in --truth, or in --interactions.
            """)

    @Option(help: "CSV file: user_id,item_id,rank.")
    var recommendations: String
    @Option(help: "CSV file: user_id,item_id.")
    var truth: String
    @Option(help: "CSV file of the catalogue: item_id.")
    var items: String?
    @Option(help: "CSV file of what was watched before: user_id,item_id.")
    var interactions: String?
    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        var (users, titles) = (NameTable(), NameTable())
        var watched: [Set<Int32>] = []
        try CSVTable.read(truth, columns: ["user_id", "item_id"], required: 2) { row in
            guard let user = row.name(0, "user_id"), let item = row.name(1, "item_id") else { return }
            let number = Int(users.number(of: row.bytes, user))
            if number == watched.count { watched.append([]) }
            watched[number].insert(titles.number(of: row.bytes, item))
        }
        let measured = watched.count
        guard measured > 0 else { throw CommandFailure("\(truth) has no row: there is nothing to measure against") }
        let rankings = try rankings(&users, &titles)
        watched += [Set<Int32>](repeating: [], count: rankings.count - measured)
        var catalogue = titles.count
        if let items { catalogue = try RecommendTables.titles(items).count }
        let (audience, population) = try audience(watched, measured, &titles)
        let metrics = Metrics(
            rankings: rankings, truth: watched, catalogue: catalogue, audience: audience, population: population)
        let members: [(String, Double)] = [
            ("recall@20", metrics.recallAt20), ("recall@50", metrics.recallAt50), ("ndcg@100", metrics.ndcgAt100),
            ("coverage@20", metrics.coverageAt20), ("novelty@20", metrics.noveltyAt20),
        ]
        if json {
            var object = JSON.object([:])
            for (name, value) in members { object[name] = .double(value) }
            Terminal.json(object)
        } else {
            Terminal.table(members.map { [$0.0, decimal($0.1, places: 4)] })
        }
    }

    /// Titles for each profile, best first.
    private func rankings(_ users: inout NameTable, _ titles: inout NameTable) throws -> [[Int32]] {
        struct Row {
            let rank: Int64
            let item: Int32
            let line: Int
        }
        var rows = [[Row]](repeating: [], count: users.count)
        var (knownUsers, knownTitles) = (users, titles)
        try CSVTable.read(recommendations, columns: ["user_id", "item_id", "rank"], required: 3) { row in
            let user = row.name(0, "user_id")
            let item = row.name(1, "item_id")
            let rank = row.integer(2, "rank") ?? 0
            if rank < 1, row.problems.isEmpty { row.refuse(2, "rank is not 1 or more") }
            guard let user, let item, row.problems.isEmpty else { return }
            let number = Int(knownUsers.number(of: row.bytes, user))
            if number == rows.count { rows.append([]) }
            rows[number].append(Row(rank: rank, item: knownTitles.number(of: row.bytes, item), line: row.line))
        }
        (users, titles) = (knownUsers, knownTitles)
        var problems: [String] = []
        var rankings: [[Int32]] = []
        for row in rows {
            // Lines decide among equal ranks, which are refused anyway.
            let sorted = row.sorted { ($0.rank, $0.line) < ($1.rank, $1.line) }
            for (before, after) in zip(sorted, sorted.dropFirst()) where before.rank == after.rank {
                problems.append("\(after.line):1: the profile has this rank in line \(before.line) already")
            }
            var seen: [Int32: Int] = [:]
            for one in row {
                if let line = seen.updateValue(one.line, forKey: one.item) {
                    problems.append("\(one.line):1: the profile has this item in line \(line) already")
                }
            }
            rankings.append(sorted.map(\.item))
        }
        if !problems.isEmpty {
            throw CSVTable.refused(recommendations, Array(problems.prefix(CSVTable.problemLimit)))
        }
        return rankings
    }

    /// By how many profiles each title was watched, and how many profiles there are.
    private func audience(
        _ watched: [Set<Int32>], _ measured: Int, _ titles: inout NameTable
    ) throws -> (counts: [Int32], population: Int) {
        guard let interactions else {
            var counts = [Int32](repeating: 0, count: titles.count)
            for set in watched { for item in set { counts[Int(item)] += 1 } }
            return (counts, measured)
        }
        var users = NameTable()
        let all = try RecommendTables.interactions(interactions, users: &users, items: &titles)
        let matrix = InteractionMatrix(all, users: users.count, items: titles.count)
        var counts = [Int32](repeating: 0, count: titles.count)
        for column in matrix.columns { counts[Int(column)] += 1 }
        return (counts, users.count)
    }
}
