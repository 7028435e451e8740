/// The graph in words, for those who hear it or point at its parts.
extension StateGraph {
    /// Every state and where it leads, a sentence each.
    public var description: String {
        var sentences: [String] = []
        if let comment { sentences.append(comment.hasSuffix(".") ? comment : comment + ".") }
        region.describe(into: &sentences)
        return sentences.joined(separator: " ")
    }
}

extension StateGraph.Region {
    fileprivate func describe(into sentences: inout [String]) {
        sentences.append("Starts at \(startAt).")
        for node in nodes {
            sentences.append(node.sentence)
            for edge in edges where edge.from == node.name { sentences.append(edge.sentence) }
            for (index, region) in node.regions.enumerated() {
                sentences.append(
                    node.kind == .map ? "\(node.name) runs, once an item:" : "Branch \(index + 1) of \(node.name):")
                region.describe(into: &sentences)
            }
            if !node.regions.isEmpty { sentences.append("So far \(node.name).") }
        }
    }
}

extension StateGraph.Node {
    /// The state in a sentence.
    var sentence: String {
        var text = "\(name): \(kind.rawValue)"
        if !detail.isEmpty { text += ", \(detail)" }
        text += "."
        if let comment { text += " " + (comment.hasSuffix(".") ? comment : comment + ".") }
        if !retries.isEmpty { text += " Retries \(retries.joined(separator: "; "))." }
        return text
    }
}

extension StateGraph.Edge {
    /// The way in a sentence.
    var sentence: String {
        switch (kind, to) {
        case (.next, nil): "\(from) ends the machine."
        case (.next, let to?): "\(from) leads to \(to)."
        case (.choice, let to): "\(from) leads to \(to ?? "the end") if \(label)."
        case (.otherwise, let to): "\(from) leads to \(to ?? "the end") otherwise."
        case (.caught, let to): "\(from) leads to \(to ?? "the end") after \(label)."
        }
    }
}
