/// The graph as a Mermaid flowchart, which Markdown on many sites draws.
///
/// Source: https://mermaid.js.org/syntax/flowchart.html
extension StateGraph {
    public var mermaid: String {
        var writer = MermaidWriter()
        writer.write(self)
        return writer.text
    }
}

private struct MermaidWriter {
    var text = ""
    private var count = 0

    mutating func write(_ graph: StateGraph) {
        text += "---\ntitle: \(quote(graph.name))\n---\nflowchart TD\n"
        write(graph.region, indent: 1)
        text += "  classDef fail stroke:#b3261e\n  classDef succeed stroke:#1d7a3a\n"
    }

    private mutating func write(_ region: StateGraph.Region, indent: Int) {
        let start = next()
        line("\(start)((\" \"))", indent)
        var ids: [String: String] = [:]
        for node in region.nodes { ids[node.name] = next() }
        for node in region.nodes { write(node, ids[node.name] ?? "", indent) }
        var end: String?
        if region.edges.contains(where: { $0.to == nil }) {
            let id = next()
            line("\(id)(((\" \")))", indent)
            end = id
        }
        line("\(start) --> \(ids[region.startAt] ?? "")", indent)
        for edge in region.edges {
            let arrow = edge.kind == .caught ? "-.->" : "-->"
            let label = edge.label.isEmpty ? "" : "|\(quote(edge.label))|"
            line("\(ids[edge.from] ?? "") \(arrow)\(label) \((edge.to.map { ids[$0] } ?? end) ?? "")", indent)
        }
    }

    private mutating func write(_ node: StateGraph.Node, _ id: String, _ indent: Int) {
        guard node.regions.isEmpty else {
            line("subgraph \(id)[\(quote("\(node.name): \(node.line)"))]", indent)
            for (index, region) in node.regions.enumerated() {
                if node.regions.count > 1 { line("subgraph \(next())[\(quote("Branch \(index + 1)"))]", indent + 1) }
                write(region, indent: indent + 2)
                if node.regions.count > 1 { line("end", indent + 1) }
            }
            line("end", indent)
            return
        }
        let label = quote([node.name, node.line])
        switch node.kind {
        case .choice: line("\(id){\(label)}", indent)
        case .succeed, .fail: line("\(id)([\(label)]):::\(node.kind.rawValue.lowercased())", indent)
        case .wait: line("\(id)[/\(label)/]", indent)
        case .task, .pass, .parallel, .map: line("\(id)[\(label)]", indent)
        }
    }

    private mutating func next() -> String {
        count += 1
        return "s\(count)"
    }

    private mutating func line(_ line: String, _ indent: Int) {
        text += String(repeating: "  ", count: indent) + line + "\n"
    }

    private func quote(_ text: String) -> String { quote([text]) }

    /// Lines in double quotes; what means something to Mermaid or to HTML by its number.
    private func quote(_ lines: [String]) -> String {
        "\"" + lines.map(MermaidWriter.escape).joined(separator: "<br>") + "\""
    }

    private static func escape(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "#", "<", ">", "&", ";", "`", "|", "{", "}": escaped += "#\(scalar.value);"
            case _ where scalar.value < 0x20: escaped += " "
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
