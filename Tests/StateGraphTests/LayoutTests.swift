import SeededNumbers
import StatesLanguage
import Testing

@testable import StateGraph

/// What holds for every drawing, held against machines made at random.
@Suite struct LayoutTests {
    @Test(arguments: 1...40) func everythingHasAPlaceOfItsOwn(seed: UInt64) throws {
        var maker = MachineMaker(seed: seed)
        let text = maker.machine(states: Int(seed), depth: 2)
        let reading = Definition.read(json: text)
        let graph = StateGraph(try #require(reading.machine, "\(reading.diagnostics)"), name: "random")
        check(Drawing.region(graph.region, isOuter: true))
    }

    @Test func aHundredStatesAreDrawn() throws {
        var maker = MachineMaker(seed: 7)
        let graph = StateGraph(
            try #require(Definition.read(json: maker.machine(states: 100, depth: 0)).machine), name: "")
        let region = Drawing.region(graph.region, isOuter: true)
        check(region)
        #expect(region.boxes.count >= 101)
    }

    private func check(_ region: Drawing.Region) {
        for (index, box) in region.boxes.enumerated() {
            #expect(box.left >= -0.01 && box.right <= region.size.width + 0.01)
            #expect(box.top >= -0.01 && box.bottom <= region.size.height + 0.01)
            for other in region.boxes[(index + 1)...] {
                let isApart =
                    box.right <= other.left || other.right <= box.left || box.bottom <= other.top
                    || other.bottom <= box.top
                #expect(isApart, "boxes lie on each other")
            }
            for inner in box.regions {
                #expect(inner.corner.x >= 0 && inner.corner.x + inner.frame.width <= box.size.width + 0.01)
                #expect(inner.corner.y >= 0 && inner.corner.y + inner.frame.height <= box.size.height + 0.01)
                check(inner.region)
            }
        }
        for line in region.lines {
            let points = line.route.points
            for point in points {
                #expect((-0.01...region.size.width + 0.01).contains(point.x))
                #expect((-0.01...region.size.height + 0.01).contains(point.y))
            }
            #expect(points.count.isMultiple(of: 2), "straight within pairs")
            guard line.route.reachesTarget, let end = points.last else { continue }
            #expect(region.boxes.contains { $0.touches(end) }, "a tip points at a box")
        }
        for line in region.lines {
            guard let start = line.route.points.first else { continue }
            #expect(region.boxes.contains { $0.touches(start) }, "a line begins at a box")
        }
    }
}

extension Drawing.Box {
    fileprivate var left: Double { center.x - size.width / 2 }
    fileprivate var right: Double { center.x + size.width / 2 }
    fileprivate var top: Double { center.y - size.height / 2 }
    fileprivate var bottom: Double { center.y + size.height / 2 }

    fileprivate func touches(_ point: Drawing.Point) -> Bool {
        (left - 0.01...right + 0.01).contains(point.x)
            && (abs(point.y - top) < 0.01 || abs(point.y - bottom) < 0.01)
    }
}

/// Makes definitions at random: loops, catchers, choices, machines within machines.
private struct MachineMaker {
    private var numbers: SplitMix64
    private var named = 0

    init(seed: UInt64) { numbers = SplitMix64(seed: seed) }

    private mutating func below(_ limit: Int) -> Int { Int(numbers.next() % UInt64(limit)) }

    mutating func machine(states count: Int, depth: Int) -> String {
        let names = (0..<count).map { _ in
            named += 1
            return "State \(named)"
        }
        var members: [String] = []
        for (index, name) in names.enumerated() {
            let next = index + 1 < count ? "\"Next\":\"\(names[index + 1])\"" : "\"End\":true"
            let other = names[below(count)]
            let caught = "\"Catch\":[{\"ErrorEquals\":[\"States.ALL\"],\"Next\":\"\(other)\"}]"
            let body: String
            switch below(depth > 0 ? 8 : 6) {
            case 0 where index + 1 < count:
                body =
                    "\"Type\":\"Choice\",\"Choices\":[{\"Variable\":\"$.a\",\"NumericEquals\":\(index),\"Next\":\"\(other)\"},"
                    + "{\"Variable\":\"$.a\",\"IsPresent\":true,\"Next\":\"\(names[below(count)])\"}],"
                    + "\"Default\":\"\(names[index + 1])\""
            case 1: body = "\"Type\":\"Wait\",\"Seconds\":1,\(next)"
            case 2, 3: body = "\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::showrunner:work\",\(caught),\(next)"
            case 6:
                let branches = (0...below(3)).map { _ in machine(states: 1 + below(4), depth: depth - 1) }
                body = "\"Type\":\"Parallel\",\"Branches\":[\(branches.joined(separator: ","))],\(caught),\(next)"
            case 7:
                body = "\"Type\":\"Map\",\"ItemProcessor\":\(machine(states: 1 + below(4), depth: depth - 1)),\(next)"
            default: body = "\"Type\":\"Pass\",\(next)"
            }
            members.append("\"\(name)\":{\(body)}")
        }
        return "{\"StartAt\":\"\(names[0])\",\"States\":{\(members.joined(separator: ","))}}"
    }
}
