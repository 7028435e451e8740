import Encodings

/// The graph as a picture in SVG: one document without scripts, fonts or anything else from outside, light or dark as
/// the reader's surroundings are, with a title and a description for those who do not see it.
///
/// Source: https://www.w3.org/TR/SVG2/
extension StateGraph {
    /// A picture of more states would serve nobody; DOT and Mermaid have no such limit here.
    public static let maximumStatesInPicture = 1000

    /// The picture as text; nil when the graph has more than ``maximumStatesInPicture`` states.
    public var svg: String? {
        if stateCount > StateGraph.maximumStatesInPicture { return nil }
        var writer = SVGWriter()
        writer.write(self)
        return writer.text
    }
}

private struct SVGWriter {
    var text = ""

    private static let margin = 24.0
    private static let headingHeight = 34.0

    mutating func write(_ graph: StateGraph) {
        let region = Drawing.region(graph.region, isOuter: true)
        let heading = graph.name.shortened(to: 80)
        let width = max(region.size.width, TextWidth.of(heading, size: 15, isBold: true)) + 2 * SVGWriter.margin
        let height = region.size.height + 2 * SVGWriter.margin + SVGWriter.headingHeight
        line(
            """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(number(width))" height="\(number(height))" \
            viewBox="0 0 \(number(width)) \(number(height))" role="img" aria-labelledby="graph-title graph-description" \
            font-family="system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif">
            """)
        line("<title id=\"graph-title\">\(xmlText("State machine \(graph.name)"))</title>")
        line("<desc id=\"graph-description\">\(xmlText(graph.description))</desc>")
        line("<style>\(SVGWriter.style)</style>")
        line(
            """
            <defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" \
            orient="auto-start-reverse"><path class="tip" d="M0 0 10 5 0 10 2 5z"/></marker>\
            <marker id="arrow-caught" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" \
            orient="auto-start-reverse"><path class="tip caught" d="M0 0 10 5 0 10 2 5z"/></marker></defs>
            """)
        line("<rect class=\"page\" width=\"100%\" height=\"100%\"/>")
        line("<text class=\"heading\" x=\"\(number(SVGWriter.margin))\" y=\"36\">\(xmlText(heading))</text>")
        let origin = Drawing.Point(
            x: (width - region.size.width) / 2, y: SVGWriter.margin + SVGWriter.headingHeight)
        write(region, at: origin)
        line("</svg>")
    }

    // MARK: - Parts

    private mutating func write(_ region: Drawing.Region, at origin: Drawing.Point) {
        for line in region.lines { write(line, of: region, at: origin) }
        for box in region.boxes { write(box, at: origin) }
        for line in region.lines { writeLabel(line, of: region, at: origin) }
    }

    private mutating func write(_ edge: Drawing.Line, of region: Drawing.Region, at origin: Drawing.Point) {
        let isCaught = edge.edge?.kind == .caught
        let path = edge.route.isLoop ? loop(edge, of: region, at: origin) : curve(edge.route.points, at: origin)
        let tip = edge.route.reachesTarget ? " marker-end=\"url(#arrow\(isCaught ? "-caught" : ""))\"" : ""
        line("<path class=\"way\(isCaught ? " caught" : "")\" d=\"\(path)\"\(tip)/>")
    }

    /// Straight within pairs, a curve between them.
    private func curve(_ points: [Drawing.Point], at origin: Drawing.Point) -> String {
        var path = ""
        for (index, point) in points.enumerated() {
            let x = origin.x + point.x
            let y = origin.y + point.y
            if index == 0 {
                path = "M\(number(x)) \(number(y))"
            } else if abs(points[index - 1].x - point.x) < 0.1 {
                // A line without length would turn its tip sideways.
                if abs(points[index - 1].y - point.y) >= 0.1 { path += "V\(number(y))" }
            } else {
                let middle = origin.y + (points[index - 1].y + point.y) / 2
                path +=
                    "C\(number(origin.x + points[index - 1].x)) \(number(middle)) \(number(x)) \(number(middle)) "
                    + "\(number(x)) \(number(y))"
            }
        }
        return path
    }

    private func loop(_ edge: Drawing.Line, of region: Drawing.Region, at origin: Drawing.Point) -> String {
        guard let box = box(of: edge, in: region) else { return "" }
        let x = origin.x + box.center.x + box.size.width / 2
        let y = origin.y + box.center.y
        return "M\(number(x)) \(number(y - 9))C\(number(x + 30)) \(number(y - 16)) \(number(x + 30)) \(number(y + 16)) "
            + "\(number(x)) \(number(y + 9))"
    }

    private func box(of edge: Drawing.Line, in region: Drawing.Region) -> Drawing.Box? {
        region.boxes.first { box in
            if case .state(let node) = box.content { node.name == edge.edge?.from } else { false }
        }
    }

    private mutating func writeLabel(_ edge: Drawing.Line, of region: Drawing.Region, at origin: Drawing.Point) {
        guard !edge.label.isEmpty, let whole = edge.edge else { return }
        var center = edge.route.label
        let width = (edge.label.map { TextWidth.of($0, size: Drawing.labelSize) }.max() ?? 0) + 6
        if edge.route.isLoop, let box = box(of: edge, in: region) {
            center = Drawing.Point(
                x: box.center.x + box.size.width / 2 + LayeredLayout.loopWidth - 6 + width / 2, y: box.center.y)
        }
        guard let center else { return }
        let height = Double(edge.label.count) * Drawing.labelHeight
        let x = origin.x + center.x
        let top = origin.y + center.y - height / 2
        let isCaught = whole.kind == .caught
        line("<g class=\"label\(isCaught ? " caught" : "")\"><title>\(xmlText(whole.sentence))</title>")
        line(
            "<rect x=\"\(number(x - width / 2))\" y=\"\(number(top))\" width=\"\(number(width))\" height=\"\(number(height))\" rx=\"3\"/>"
        )
        for (index, text) in edge.label.enumerated() {
            let y = top + Double(index) * Drawing.labelHeight + 10.5
            line("<text x=\"\(number(x))\" y=\"\(number(y))\">\(xmlText(text))</text>")
        }
        line("</g>")
    }

    private mutating func write(_ box: Drawing.Box, at origin: Drawing.Point) {
        let left = origin.x + box.center.x - box.size.width / 2
        let top = origin.y + box.center.y - box.size.height / 2
        switch box.content {
        case .start, .end: writeMarker(box, at: Drawing.Point(x: left, y: top))
        case .state(let node): write(node, box, at: Drawing.Point(x: left, y: top))
        }
    }

    private mutating func writeMarker(_ box: Drawing.Box, at corner: Drawing.Point) {
        let isStart = if case .start = box.content { true } else { false }
        let word = isStart ? "Start" : "End"
        let x = corner.x + box.size.width / 2
        let y = corner.y + box.size.height / 2
        if box.size.width > 20 {
            line(
                "<rect class=\"marker \(isStart ? "start" : "end")\" x=\"\(number(corner.x))\" y=\"\(number(corner.y))\" width=\"\(number(box.size.width))\" height=\"\(number(box.size.height))\" rx=\"13\"/>"
            )
            line(
                "<text class=\"word \(isStart ? "start" : "end")\" x=\"\(number(x))\" y=\"\(number(y + 4))\">\(word)</text>"
            )
        } else if isStart {
            line(
                "<circle class=\"marker start\" cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"5\"><title>\(word)</title></circle>"
            )
        } else {
            line(
                "<g><title>\(word)</title><circle class=\"marker end\" cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"6.5\"/><circle class=\"marker start\" cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"3\"/></g>"
            )
        }
    }

    private mutating func write(_ node: StateGraph.Node, _ box: Drawing.Box, at corner: Drawing.Point) {
        let (width, height) = (box.size.width, box.size.height)
        line("<g class=\"state \(node.kind.rawValue.lowercased())\"><title>\(xmlText(node.sentence))</title>")
        if node.kind == .map {
            // A pile: the processor runs many times.
            for offset in [6.0, 3.0] { rectangle("box", corner, offset: offset, width, height) }
        }
        if node.kind == .choice {
            let (x, y) = (corner.x, corner.y)
            line(
                "<path class=\"box\" d=\"M\(number(x + 14)) \(number(y))H\(number(x + width - 14))L\(number(x + width)) \(number(y + height / 2)) \(number(x + width - 14)) \(number(y + height))H\(number(x + 14))L\(number(x)) \(number(y + height / 2))z\"/>"
            )
        } else {
            rectangle("box", corner, offset: 0, width, height)
        }
        let x = corner.x + width / 2
        line(
            "<text class=\"name\" x=\"\(number(x))\" y=\"\(number(corner.y + 20))\">\(xmlText(node.name.shortened(to: Drawing.nameLimit)))</text>"
        )
        line(
            "<text class=\"detail\" x=\"\(number(x))\" y=\"\(number(corner.y + 36))\">\(xmlText(node.line.shortened(to: Drawing.detailLimit)))</text>"
        )
        if node.isRetried {
            // A turning arrow: what fails is tried again.
            let (cx, cy) = (corner.x + width - 13, corner.y + 13)
            line(
                "<path class=\"again\" d=\"M\(number(cx + 3.5)) \(number(cy - 3.5))A5 5 0 1 0 \(number(cx + 5)) \(number(cy))m-2.6 -1 2.6 1.6 1.6 -2.6\"/>"
            )
        }
        line("</g>")
        for inner in box.regions {
            let (x, y) = (corner.x + inner.corner.x, corner.y + inner.corner.y)
            line(
                "<rect class=\"frame\" x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(inner.frame.width))\" height=\"\(number(inner.frame.height))\" rx=\"6\"/>"
            )
            write(inner.region, at: Drawing.Point(x: corner.x + inner.origin.x, y: corner.y + inner.origin.y))
        }
    }

    private mutating func rectangle(
        _ name: String, _ corner: Drawing.Point, offset: Double, _ width: Double, _ height: Double
    ) {
        line(
            "<rect class=\"\(name)\" x=\"\(number(corner.x + offset))\" y=\"\(number(corner.y + offset))\" width=\"\(number(width))\" height=\"\(number(height))\" rx=\"8\"/>"
        )
    }

    // MARK: - Text

    private mutating func line(_ text: String) { self.text += text + "\n" }

    /// With at most one decimal, so that the text is the same everywhere.
    private func number(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        let sign = tenths < 0 ? "-" : ""
        let (whole, rest) = (abs(tenths) / 10, abs(tenths) % 10)
        return rest == 0 ? "\(sign)\(whole)" : "\(sign)\(whole).\(rest)"
    }

    /// Colours by state type, each readable on its ground in both schemes (4.5 : 1 and more).
    private static let style = """

        .page{fill:#fff}.heading{font-size:15px;font-weight:600;fill:#1b2233}
        .way{fill:none;stroke:#56607a;stroke-width:1.4}.way.caught{stroke:#b3261e;stroke-dasharray:5 4}
        .tip{fill:#56607a}.tip.caught{fill:#b3261e}
        .label text{font-size:11px;text-anchor:middle;fill:#343c50}.label.caught text{fill:#9b1c15}.label rect{fill:#fff;opacity:.92}
        .box{fill:#f4f6fb;stroke:#56607a;stroke-width:1.3}.frame{fill:#fff;stroke:#b4bccd;stroke-width:1}
        .name{font-size:13px;font-weight:600;text-anchor:middle;fill:#1b2233}
        .detail{font-size:11.5px;text-anchor:middle;fill:#465069}
        .task .box{fill:#e6eeff;stroke:#3159b5}.choice .box{fill:#fff3d6;stroke:#8a6100}.wait .box{fill:#f3eafd;stroke:#6f42b0}
        .succeed .box{fill:#e0f5e5;stroke:#1d7a3a}.fail .box{fill:#fde7e5;stroke:#b3261e}
        .parallel .box,.map .box{fill:#eef4f6;stroke:#2c6e80}.again{fill:none;stroke:#465069;stroke-width:1.3}
        .marker.start{fill:#343c50}.marker.end{fill:none;stroke:#343c50;stroke-width:1.6}
        .word{font-size:12px;font-weight:600;text-anchor:middle;fill:#343c50}.word.start{fill:#fff}
        @media (prefers-color-scheme:dark){
        .page{fill:#14171f}.heading,.name{fill:#eef1f8}.way{stroke:#9aa5bd}.tip{fill:#9aa5bd}
        .way.caught{stroke:#ff8a80}.tip.caught{fill:#ff8a80}.label text{fill:#d3d9e6}.label.caught text{fill:#ffb3ac}
        .label rect{fill:#14171f}.box{fill:#232836;stroke:#9aa5bd}.frame{fill:#14171f;stroke:#4b5468}.detail{fill:#b9c1d3}
        .task .box{fill:#1c2a4a;stroke:#8fb0ff}.choice .box{fill:#3a2f12;stroke:#e8be5a}.wait .box{fill:#2c2140;stroke:#c3a1f5}
        .succeed .box{fill:#153021;stroke:#6fd08c}.fail .box{fill:#3b1a18;stroke:#ff8a80}
        .parallel .box,.map .box{fill:#19292e;stroke:#7fc4d6}.again{stroke:#b9c1d3}
        .marker.start{fill:#d3d9e6}.marker.end{stroke:#d3d9e6}.word{fill:#d3d9e6}.word.start{fill:#14171f}}

        """
}
