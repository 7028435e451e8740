/// The graph in the language of Graphviz.
///
/// Source: https://graphviz.org/doc/info/lang.html
extension StateGraph {
    public var dot: String {
        var writer = DOTWriter()
        writer.write(self)
        return writer.text
    }
}

private struct DOTWriter {
    var text = ""
    private var count = 0

    /// Where edges of a state begin and end. Of a state with machines inside they are cut at its frame.
    private struct Ends {
        let first: String
        let last: String
        let cluster: String?
    }

    mutating func write(_ graph: StateGraph) {
        line("digraph \(quote(graph.name)) {", 0)
        line("compound=true; rankdir=TB; label=\(quote(graph.name)); labelloc=t;", 1)
        line("node [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=11];", 1)
        line("edge [fontname=\"sans-serif\", fontsize=10];", 1)
        _ = write(graph.region, indent: 1)
        line("}", 0)
    }

    /// Writes a machine; gives the points at which it begins and ends.
    private mutating func write(_ region: StateGraph.Region, indent: Int) -> (start: String, end: String) {
        let start = next()
        line("\(start) [shape=circle, style=filled, fillcolor=black, label=\"\", width=0.15, tooltip=Start];", indent)
        var ends: [String: Ends] = [:]
        for node in region.nodes { ends[node.name] = write(node, indent) }
        var end = start
        if region.edges.contains(where: { $0.to == nil }) {
            end = next()
            line(
                "\(end) [shape=doublecircle, style=filled, fillcolor=black, label=\"\", width=0.1, tooltip=End];",
                indent)
        }
        edge(from: nil, start, to: ends[region.startAt], nil, attributes: [], indent)
        for way in region.edges {
            var attributes = way.label.isEmpty ? [] : ["label=\(quote(way.label))"]
            if way.kind == .caught { attributes += ["style=dashed", "color=\"#b3261e\""] }
            edge(
                from: ends[way.from], nil, to: way.to.flatMap { ends[$0] }, way.to == nil ? end : nil,
                attributes: attributes, indent)
        }
        return (start, end)
    }

    private mutating func edge(
        from: Ends?, _ fromPoint: String?, to: Ends?, _ toPoint: String?, attributes: [String], _ indent: Int
    ) {
        var attributes = attributes
        if let cluster = from?.cluster { attributes.append("ltail=\(cluster)") }
        if let cluster = to?.cluster { attributes.append("lhead=\(cluster)") }
        let list = attributes.isEmpty ? "" : " [\(attributes.joined(separator: ", "))]"
        line("\(fromPoint ?? from?.last ?? "") -> \(toPoint ?? to?.first ?? "")\(list);", indent)
    }

    private mutating func write(_ node: StateGraph.Node, _ indent: Int) -> Ends {
        let label = quote("\(node.name)\n\(node.line)")
        guard !node.regions.isEmpty else {
            let id = next()
            let shape =
                switch node.kind {
                case .choice: ", shape=hexagon, style=solid"
                case .fail: ", color=\"#b3261e\""
                case .succeed: ", color=\"#1d7a3a\""
                case .task, .pass, .wait, .parallel, .map: ""
                }
            line("\(id) [label=\(label)\(shape)];", indent)
            return Ends(first: id, last: id, cluster: nil)
        }
        let cluster = "cluster_" + next()
        line("subgraph \(cluster) {", indent)
        line("label=\(label); style=rounded;", indent + 1)
        var points: [(start: String, end: String)] = []
        for region in node.regions {
            let isOne = node.regions.count == 1
            if !isOne {
                line("subgraph cluster_\(next()) {", indent + 1)
                line("label=\"\"; style=dotted;", indent + 2)
            }
            points.append(write(region, indent: indent + 2))
            if !isOne { line("}", indent + 1) }
        }
        line("}", indent)
        return Ends(first: points.first?.start ?? "", last: points.first?.end ?? "", cluster: cluster)
    }

    private mutating func next() -> String {
        count += 1
        return "s\(count)"
    }

    private mutating func line(_ line: String, _ indent: Int) {
        text += String(repeating: "  ", count: indent) + line + "\n"
    }

    private func quote(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case _ where scalar.value < 0x20: quoted += " "
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
