/// Places boxes in layers from top to bottom so that links point down where they can: Sugiyama, Tagawa and Toda's
/// method ("Methods for Visual Understanding of Hierarchical System Structures", 1981). Back links are turned for the
/// time of layering; links between layers that are not neighbours run through points of their own, shared by those
/// that lead to the same box; the order within layers comes from barycentres, the positions from least squares.
struct LayeredLayout {
    struct Size: Hashable {
        var width: Double
        var height: Double
    }

    struct Point: Hashable {
        var x: Double
        var y: Double
    }

    struct Link {
        let from: Int
        let to: Int
        /// Room for the label; nil without one.
        let label: Size?
        /// Links to the same box with the same style may run together.
        let style: Int
        /// How much the link wants to be straight.
        let weight: Double
    }

    /// The line of a link: points in pairs; within a pair it runs straight down or up, between pairs in a curve.
    struct Route {
        var points: [Point] = []
        /// False where the link runs into another that goes on to the same box.
        var reachesTarget = true
        var label: Point?
        /// A link from a box to itself; points are empty.
        var isLoop = false
    }

    private(set) var centers: [Point] = []
    private(set) var routes: [Route] = []
    private(set) var size = Size(width: 0, height: 0)

    /// Distances between neighbours of a layer, and between layers.
    static let gap = 28.0
    static let lineGap = 16.0
    static let layerGap = 15.0
    /// Between lines at a box, where it is wide enough.
    static let portGap = 24.0
    /// From a box's corner to its first line.
    static let portInset = 18.0
    /// What a link from a box to itself needs at the box's right.
    static let loopWidth = 34.0

    private let boxes: [Size]
    private let links: [Link]
    private var vertices: [Vertex] = []
    private var layers: [[Int]] = []
    /// The vertices of each link, from top to bottom.
    private var paths: [[Int]] = []
    private var isReversed: [Bool] = []

    private struct Vertex {
        var rank: Int
        var width: Double
        var height: Double
        var isBox: Bool
        var x = 0.0
        var above: [Neighbour] = []
        var below: [Neighbour] = []
    }

    private struct Neighbour {
        let vertex: Int
        var weight: Double
    }

    /// - Parameters:
    ///   - root: the box at the top.
    ///   - last: the box at the bottom, if there is one.
    init(boxes: [Size], links: [Link], root: Int, last: Int?) {
        self.boxes = boxes
        self.links = links
        isReversed = LayeredLayout.backLinks(count: boxes.count, links: links, root: root)
        makeVertices(ranks: ranks(last: last))
        order()
        position()
        finish()
    }

    // MARK: - Layers

    /// Which links close a cycle, found by walking from the root in the order of the links.
    private static func backLinks(count: Int, links: [Link], root: Int) -> [Bool] {
        var outgoing = [[Int]](repeating: [], count: count)
        for (index, link) in links.enumerated() where link.from != link.to { outgoing[link.from].append(index) }
        var isBack = [Bool](repeating: false, count: links.count)
        var state = [UInt8](repeating: 0, count: count)
        for start in [root] + Array(0..<count) where state[start] == 0 {
            var stack = [(box: start, next: 0)]
            state[start] = 1
            while let top = stack.last {
                guard top.next < outgoing[top.box].count else {
                    state[top.box] = 2
                    stack.removeLast()
                    continue
                }
                stack[stack.count - 1].next += 1
                let link = outgoing[top.box][top.next]
                let target = links[link].to
                if state[target] == 1 { isBack[link] = true }
                if state[target] == 0 {
                    state[target] = 1
                    stack.append((box: target, next: 0))
                }
            }
        }
        return isBack
    }

    private func ends(of link: Int) -> (top: Int, bottom: Int) {
        isReversed[link] ? (links[link].to, links[link].from) : (links[link].from, links[link].to)
    }

    /// The longest way to each box; even numbers, so that labels find a layer in between.
    private func ranks(last: Int?) -> [Int] {
        var ranks = [Int](repeating: 0, count: boxes.count)
        var waiting = [Int](repeating: 0, count: boxes.count)
        var outgoing = [[Int]](repeating: [], count: boxes.count)
        for (index, link) in links.enumerated() where link.from != link.to {
            let (top, bottom) = ends(of: index)
            outgoing[top].append(bottom)
            waiting[bottom] += 1
        }
        var ready = waiting.indices.filter { waiting[$0] == 0 }
        while let box = ready.popLast() {
            for target in outgoing[box] {
                ranks[target] = max(ranks[target], ranks[box] + 2)
                waiting[target] -= 1
                if waiting[target] == 0 { ready.append(target) }
            }
        }
        if let last { ranks[last] = max(ranks.max() ?? 0, ranks[last]) }
        return ranks
    }

    private struct Bundle: Hashable {
        let target: Int
        let style: Int
    }

    private mutating func makeVertices(ranks: [Int]) {
        var rooms = [Double](repeating: 0, count: boxes.count)
        for link in links where link.from == link.to {
            rooms[link.from] = max(rooms[link.from], LayeredLayout.loopWidth + (link.label?.width ?? 0))
        }
        vertices = boxes.indices.map { index in
            // Loops are at the right; room at both sides keeps the box in the middle.
            let width = boxes[index].width + 2 * rooms[index]
            return Vertex(rank: ranks[index], width: width, height: boxes[index].height, isBox: true)
        }
        /// The shared points of links that lead to the same box, by rank.
        var shared: [Bundle: [Int: Int]] = [:]
        for (index, link) in links.enumerated() {
            guard link.from != link.to else {
                paths.append([])
                continue
            }
            let (top, bottom) = ends(of: index)
            var path = [top]
            let first = vertices[top].rank + 1
            let end = vertices[bottom].rank
            let labelRank = isReversed[index] ? end - 1 : first
            for rank in first..<end {
                let bundle = Bundle(target: bottom, style: link.style)
                // The first point is the link's own: it leaves its box alone, with its label.
                let canShare = !isReversed[index] && rank > first
                if canShare, let point = shared[bundle]?[rank] {
                    path.append(point)
                    continue
                }
                let label = rank == labelRank ? link.label : nil
                vertices.append(
                    Vertex(rank: rank, width: label?.width ?? 0, height: label?.height ?? 0, isBox: false))
                if canShare { shared[bundle, default: [:]][rank] = vertices.count - 1 }
                path.append(vertices.count - 1)
            }
            path.append(bottom)
            paths.append(path)
        }
        for (index, path) in paths.enumerated() {
            for (upper, lower) in zip(path, path.dropFirst()) { join(upper, lower, weight: weight(of: index)) }
        }
        layers = [[Int]](repeating: [], count: (vertices.map(\.rank).max() ?? 0) + 1)
    }

    /// Turned links give way to the others.
    private func weight(of link: Int) -> Double { isReversed[link] ? links[link].weight / 4 : links[link].weight }

    private mutating func join(_ upper: Int, _ lower: Int, weight: Double) {
        if let place = vertices[upper].below.firstIndex(where: { $0.vertex == lower }),
            let other = vertices[lower].above.firstIndex(where: { $0.vertex == upper })
        {
            vertices[upper].below[place].weight += weight
            vertices[lower].above[other].weight += weight
        } else {
            vertices[upper].below.append(Neighbour(vertex: lower, weight: weight))
            vertices[lower].above.append(Neighbour(vertex: upper, weight: weight))
        }
    }

    // MARK: - Order within layers

    private mutating func order() {
        // As the walk from the top meets them.
        var isPlaced = [Bool](repeating: false, count: vertices.count)
        for start in vertices.indices.sorted(by: { vertices[$0].rank < vertices[$1].rank }) where !isPlaced[start] {
            var stack = [start]
            while let vertex = stack.popLast() {
                if isPlaced[vertex] { continue }
                isPlaced[vertex] = true
                layers[vertices[vertex].rank].append(vertex)
                stack.append(contentsOf: vertices[vertex].below.reversed().map(\.vertex))
            }
        }
        var best = layers
        var fewest = crossings()
        for sweep in 0..<16 where fewest > 0 {
            let isDown = sweep.isMultiple(of: 2)
            for rank in isDown ? Array(layers.indices) : layers.indices.reversed() { sort(rank, byAbove: isDown) }
            let count = crossings()
            if count < fewest {
                fewest = count
                best = layers
            }
        }
        layers = best
    }

    private mutating func sort(_ rank: Int, byAbove: Bool) {
        let neighbourRank = byAbove ? rank - 1 : rank + 1
        guard layers.indices.contains(neighbourRank) else { return }
        var places = [Int: Int]()
        for (place, vertex) in layers[neighbourRank].enumerated() { places[vertex] = place }
        var keyed: [(vertex: Int, key: Double, place: Int)] = []
        for (place, vertex) in layers[rank].enumerated() {
            let neighbours = byAbove ? vertices[vertex].above : vertices[vertex].below
            let sum = neighbours.reduce(0) { $0 + Double(places[$1.vertex] ?? 0) }
            keyed.append((vertex, neighbours.isEmpty ? Double(place) : sum / Double(neighbours.count), place))
        }
        layers[rank] = keyed.sorted { ($0.key, $0.place) < ($1.key, $1.place) }.map(\.vertex)
    }

    /// Pairs of links that cross, over all layers: inversions, counted with a binary indexed tree.
    private func crossings() -> Int {
        var total = 0
        var places = [Int](repeating: 0, count: vertices.count)
        for layer in layers { for (place, vertex) in layer.enumerated() { places[vertex] = place } }
        for (upper, lower) in zip(layers, layers.dropFirst()) {
            var tree = [Int](repeating: 0, count: lower.count + 1)
            var seen = 0
            for vertex in upper {
                let targets = vertices[vertex].below.map { places[$0.vertex] }.sorted()
                for target in targets {
                    var before = 0
                    var index = target + 1
                    while index > 0 {
                        before += tree[index]
                        index -= index & -index
                    }
                    total += seen - before
                }
                for target in targets {
                    var index = target + 1
                    while index <= lower.count {
                        tree[index] += 1
                        index += index & -index
                    }
                    seen += 1
                }
            }
        }
        return total
    }

    // MARK: - Positions

    private mutating func position() {
        for layer in layers {
            var x = 0.0
            for (place, vertex) in layer.enumerated() {
                if place > 0 { x += distance(layer[place - 1], vertex) }
                vertices[vertex].x = x
            }
            let middle = x / 2
            for vertex in layer { vertices[vertex].x -= middle }
        }
        for sweep in 0..<48 {
            let isDown = sweep.isMultiple(of: 2)
            for rank in isDown ? Array(layers.indices) : layers.indices.reversed() {
                place(layers[rank], byAbove: isDown, andOthers: sweep >= 40)
            }
        }
    }

    /// From centre to centre.
    private func distance(_ left: Int, _ right: Int) -> Double {
        let isLine = !vertices[left].isBox || !vertices[right].isBox
        return (vertices[left].width + vertices[right].width) / 2
            + (isLine ? LayeredLayout.lineGap : LayeredLayout.gap)
    }

    /// Moves a layer as near to its neighbours' middle as the distances allow.
    private mutating func place(_ layer: [Int], byAbove: Bool, andOthers: Bool) {
        let wishes = layer.enumerated().map { place, vertex in
            let (wanted, weight) = wish(of: vertex, byAbove: byAbove, andOthers: andOthers)
            return LeastSquares.Wish(
                place: wanted, weight: weight, distance: place > 0 ? distance(layer[place - 1], vertex) : 0)
        }
        for (vertex, x) in zip(layer, LeastSquares.places(wishes)) { vertices[vertex].x = x }
    }

    /// Where a vertex would like to be, and how much. Long lines want to be straight more than anything else.
    private func wish(of vertex: Int, byAbove: Bool, andOthers: Bool) -> (x: Double, weight: Double) {
        var neighbours = byAbove ? vertices[vertex].above : vertices[vertex].below
        if andOthers { neighbours = vertices[vertex].above + vertices[vertex].below }
        var sum = 0.0
        var weight = 0.0
        for neighbour in neighbours {
            let areLines = !vertices[vertex].isBox && !vertices[neighbour.vertex].isBox
            let share = neighbour.weight * (areLines ? 20 : 1)
            sum += vertices[neighbour.vertex].x * share
            weight += share
        }
        return weight == 0 ? (vertices[vertex].x, 0.05) : (sum / weight, weight)
    }

    // MARK: - Result

    private mutating func finish() {
        var tops: [Double] = []
        var bottoms: [Double] = []
        var y = 0.0
        for layer in layers {
            let height = layer.map { vertices[$0].height }.max() ?? 0
            tops.append(y)
            bottoms.append(y + height)
            // What goes far sideways needs more room on its way down.
            let farthest =
                layer.flatMap { upper in
                    vertices[upper].below.map { abs(vertices[$0.vertex].x - vertices[upper].x) }
                }.max() ?? 0
            y += height + LayeredLayout.layerGap + min(26, farthest * 0.07)
        }
        let left = vertices.map { $0.x - $0.width / 2 }.min() ?? 0
        let right = vertices.map { $0.x + $0.width / 2 }.max() ?? 0
        for index in vertices.indices { vertices[index].x -= left }
        size = Size(width: right - left, height: bottoms.last ?? 0)
        centers = boxes.indices.map { index in
            let rank = vertices[index].rank
            return Point(x: vertices[index].x, y: (tops[rank] + bottoms[rank]) / 2)
        }
        routes = makeRoutes(tops: tops, bottoms: bottoms)
    }

    private func makeRoutes(tops: [Double], bottoms: [Double]) -> [Route] {
        var drawn: Set<[Int]> = []
        return links.indices.map { index in
            var route = Route()
            let path = paths[index]
            guard let first = path.first, let last = path.last else {
                route.isLoop = true
                return route
            }
            let start = port(first, to: path[1], isBottom: true)
            var points = [start, Point(x: start.x, y: bottoms[vertices[first].rank])]
            for (upper, lower) in zip(path, path.dropFirst()) {
                guard drawn.insert([upper, lower]).inserted else {
                    // From here on another link is drawn already.
                    points[points.count - 1] = points[points.count - 2]
                    route.reachesTarget = false
                    break
                }
                let rank = vertices[lower].rank
                if lower == last {
                    let end = port(last, to: upper, isBottom: false)
                    points += [Point(x: end.x, y: tops[rank]), end]
                } else {
                    points += [
                        Point(x: vertices[lower].x, y: tops[rank]), Point(x: vertices[lower].x, y: bottoms[rank]),
                    ]
                }
            }
            if links[index].label != nil {
                let vertex = isReversed[index] ? path[path.count - 2] : path[1]
                let rank = vertices[vertex].rank
                route.label = Point(x: vertices[vertex].x, y: (tops[rank] + bottoms[rank]) / 2)
            }
            route.points = isReversed[index] ? points.reversed() : points
            return route
        }
    }

    /// Where a line meets a box: below or above the line's next point where there is room for that.
    private func port(_ box: Int, to neighbour: Int, isBottom: Bool) -> Point {
        let here = vertices[box]
        let neighbours = (isBottom ? here.below : here.above)
            .sorted { vertices[$0.vertex].x < vertices[$1.vertex].x }
        let inset = min(LayeredLayout.portInset, boxes[box].width / 2)
        let (left, right) = (here.x - boxes[box].width / 2 + inset, here.x + boxes[box].width / 2 - inset)
        let gap = neighbours.count > 1 ? min(LayeredLayout.portGap, (right - left) / Double(neighbours.count - 1)) : 0
        let wishes = neighbours.map { neighbour in
            LeastSquares.Wish(
                place: min(max(vertices[neighbour.vertex].x, left), right), weight: neighbour.weight, distance: gap)
        }
        let place = neighbours.firstIndex { $0.vertex == neighbour } ?? 0
        let wanted = wishes.isEmpty ? here.x : LeastSquares.places(wishes)[place]
        let least = left + Double(place) * gap
        let most = right - Double(neighbours.count - 1 - place) * gap
        let half = boxes[box].height / 2
        return Point(x: min(max(wanted, least), most), y: centers[box].y + (isBottom ? half : -half))
    }
}
