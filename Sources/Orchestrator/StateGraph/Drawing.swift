/// A graph with places: every state a box, machines within states as frames inside their boxes.
struct Drawing {
    typealias Point = LayeredLayout.Point
    typealias Size = LayeredLayout.Size

    /// One machine; places count from its upper left corner.
    struct Region {
        var size: Size
        var boxes: [Box]
        var lines: [Line]
    }

    struct Box {
        let content: Content
        var center: Point
        var size: Size
        var regions: [Inner] = []

        /// A machine within, in a frame whose corner counts from the box's.
        struct Inner {
            var corner: Point
            var frame: Size
            let region: Region

            /// Where the machine's own corner is, from the box's.
            var origin: Point {
                Point(x: corner.x + (frame.width - region.size.width) / 2, y: corner.y + Drawing.framePadding)
            }
        }

        enum Content {
            case start, end
            case state(StateGraph.Node)
        }
    }

    struct Line {
        let edge: StateGraph.Edge?
        let route: LayeredLayout.Route
        let label: [String]
    }

    static let nameSize = 13.0
    static let detailSize = 11.5
    static let labelSize = 11.0
    static let labelHeight = 14.0
    /// Characters of a name, a detail and a line of a label; more is cut and told in the title.
    static let nameLimit = 34
    static let detailLimit = 46
    static let labelLimit = 34
    static let labelLines = 3
    static let framePadding = 16.0
    static let frameGap = 18.0
    static let headHeight = 46.0
    /// A box is not made wider than this for its lines' sake.
    static let widestForLines = 260.0
    /// Branches stand side by side up to this width.
    static let rowWidth = 1400.0

    static func region(_ region: StateGraph.Region, isOuter: Bool) -> Region {
        var boxes: [Box] = [
            Box(content: .start, center: Point(x: 0, y: 0), size: marker(isOuter: isOuter))
        ]
        var places: [String: Int] = [:]
        for node in region.nodes {
            places[node.name] = boxes.count
            boxes.append(box(node))
        }
        let hasEnd = region.edges.contains { $0.to == nil }
        if hasEnd { boxes.append(Box(content: .end, center: Point(x: 0, y: 0), size: marker(isOuter: isOuter))) }
        let last = hasEnd ? boxes.count - 1 : nil

        var links = [
            LayeredLayout.Link(from: 0, to: place(region.startAt, in: places), label: nil, style: 0, weight: 10)
        ]
        var lines: [(edge: StateGraph.Edge?, label: [String])] = [(nil, [])]
        for edge in merged(region.edges) {
            let label = edge.labels
            let width = label.map { TextWidth.of($0, size: labelSize) }.max() ?? 0
            links.append(
                LayeredLayout.Link(
                    from: place(edge.edge.from, in: places),
                    to: edge.edge.to.map { place($0, in: places) } ?? last ?? 0,
                    label: label.isEmpty
                        ? nil : Size(width: width + 8, height: Double(label.count) * labelHeight + 4),
                    style: edge.edge.kind == .caught ? 1 : 0, weight: edge.edge.kind.weight))
            lines.append((edge.edge, label))
        }
        // A box is as wide as its lines need.
        for index in boxes.indices {
            let out = links.count { $0.from == index && $0.to != index }
            let into = links.count { $0.to == index && $0.from != index }
            guard case .state = boxes[index].content, boxes[index].regions.isEmpty else { continue }
            let needed = Double(max(out, into) - 1) * LayeredLayout.portGap + 2 * LayeredLayout.portInset
            boxes[index].size.width = max(boxes[index].size.width, min(needed, widestForLines))
        }
        let layout = LayeredLayout(boxes: boxes.map(\.size), links: links, root: 0, last: last)
        for index in boxes.indices { boxes[index].center = layout.centers[index] }
        return Region(
            size: layout.size, boxes: boxes,
            lines: zip(lines, layout.routes).map { Line(edge: $0.edge, route: $1, label: $0.label) })
    }

    private static func place(_ name: String, in places: [String: Int]) -> Int {
        guard let place = places[name] else { preconditionFailure("a checked machine has the state '\(name)'") }
        return place
    }

    private static func marker(isOuter: Bool) -> Size {
        isOuter ? Size(width: 58, height: 26) : Size(width: 14, height: 14)
    }

    /// Rules of a Choice state that lead to the same state become one line with several labels; so do catchers.
    private static func merged(_ edges: [StateGraph.Edge]) -> [(edge: StateGraph.Edge, labels: [String])] {
        var merged: [(edge: StateGraph.Edge, labels: [String])] = []
        for edge in edges {
            let style = edge.kind == .caught
            let labels =
                edge.label.isEmpty ? [] : TextWidth.lines(edge.label, characters: labelLimit, lines: labelLines)
            if let place = merged.firstIndex(where: {
                $0.edge.from == edge.from && $0.edge.to == edge.to && ($0.edge.kind == .caught) == style
            }) {
                if !labels.isEmpty {
                    if let last = merged[place].labels.indices.last { merged[place].labels[last] += "," }
                    merged[place].labels += labels
                }
            } else {
                merged.append((edge, labels))
            }
        }
        return merged
    }

    private static func box(_ node: StateGraph.Node) -> Box {
        let name = TextWidth.of(node.name.shortened(to: nameLimit), size: nameSize, isBold: true)
        let detail = TextWidth.of(node.line.shortened(to: detailLimit), size: detailSize)
        let width = max(name + (node.isRetried ? 30 : 0), detail, 76) + 32
        guard !node.regions.isEmpty else {
            return Box(content: .state(node), center: Point(x: 0, y: 0), size: Size(width: width, height: headHeight))
        }
        // Branches in rows, each in a frame of its own; frames of a row are equally high.
        var placed: [Box.Inner] = []
        var x = framePadding
        var y = headHeight
        var right = 0.0
        var rowStart = 0
        func endRow() -> Double {
            let height = placed[rowStart...].map(\.frame.height).max() ?? 0
            for index in rowStart..<placed.count { placed[index].frame.height = height }
            rowStart = placed.count
            return height
        }
        for inner in node.regions {
            let region = Drawing.region(inner, isOuter: false)
            let frame = Size(width: region.size.width + 2 * framePadding, height: region.size.height + 2 * framePadding)
            if x > framePadding, x + frame.width > rowWidth {
                x = framePadding
                y += endRow() + frameGap
            }
            placed.append(Box.Inner(corner: Point(x: x, y: y), frame: frame, region: region))
            right = max(right, x + frame.width)
            x += frame.width + frameGap
        }
        let rowHeight = endRow()
        let size = Size(width: max(width, right + framePadding), height: y + rowHeight + framePadding)
        // A single row stands in the middle of a wider head.
        let slack = (size.width - right - framePadding) / 2
        for index in placed.indices { placed[index].corner.x += slack }
        return Box(content: .state(node), center: Point(x: 0, y: 0), size: size, regions: placed)
    }
}

extension StateGraph.Edge.Kind {
    /// The way without accidents is to be straight, before all others.
    fileprivate var weight: Double {
        switch self {
        case .next: 10
        case .choice, .otherwise: 3
        case .caught: 0.4
        }
    }
}

extension StateGraph.Node {
    /// The line below the name.
    var line: String { detail.isEmpty ? kind.rawValue : "\(kind.rawValue) · \(detail)" }
}
