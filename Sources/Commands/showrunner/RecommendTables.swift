import Recommender

/// The tables of `showrunner recommend`. docs/recommendations.md has their columns.
enum RecommendTables {
    typealias Reading = (_ done: Int, _ total: Int) -> Void

    /// Interactions in the order of the file, with numbers for the names; new names get new numbers.
    static func interactions(
        _ path: String, users: inout NameTable, items: inout NameTable, progress: Reading = { _, _ in }
    ) throws -> [Interaction] {
        var interactions: [Interaction] = []
        var (knownUsers, knownItems) = (users, items)
        try CSVTable.read(
            path, columns: ["user_id", "item_id", "timestamp", "weight"], required: 2, progress: progress
        ) { row in
            let user = row.name(0, "user_id")
            let item = row.name(1, "item_id")
            let time = row.integer(2, "timestamp") ?? 0
            let weight = row.number(3, "weight") ?? 1
            if time < 0 { row.refuse(2, "timestamp is negative") }
            if abs(weight) > 1e9 { row.refuse(3, "weight is beyond a thousand million") }
            guard let user, let item, row.problems.isEmpty else { return }
            interactions.append(
                Interaction(
                    user: knownUsers.number(of: row.bytes, user), item: knownItems.number(of: row.bytes, item),
                    time: time, weight: Float(weight)))
        }
        (users, items) = (knownUsers, knownItems)
        return interactions
    }

    /// Titles with their descriptions, in the order of the file. A title that comes twice must say the same.
    static func titles(_ path: String) throws -> [(id: String, title: TitleDescription)] {
        var titles: [(id: String, title: TitleDescription)] = []
        var known = NameTable()
        var lines: [Int] = []
        try CSVTable.read(path, columns: ["item_id", "title", "genres", "year"], required: 1) { row in
            guard let id = row.name(0, "item_id") else { return }
            let year = row.integer(3, "year")
            let genres = row.text(2).split(separator: "|").map(String.init)
            let title = TitleDescription(
                title: row.text(1), genres: genres, year: year.flatMap { Int(exactly: $0) })
            let number = Int(known.number(of: row.bytes, id))
            if number < titles.count {
                if titles[number].title != title {
                    row.refuse(0, "the item is described otherwise in line \(lines[number])")
                }
                return
            }
            titles.append((row.text(0), title))
            lines.append(row.line)
        }
        return titles
    }
}
