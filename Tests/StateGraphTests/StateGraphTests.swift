import Foundation
import JSON
import StateGraph
import StatesLanguage
import Testing
import YAML

/// Definitions and how they are drawn. `SHOWRUNNER_UPDATE_GOLDEN=1` writes the pictures anew; look at them before
/// committing.
@Suite struct StateGraphTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Golden")
    static let ingest = folder.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("workflows/ingest.asl.yaml")

    static func graph(_ name: String) throws -> StateGraph {
        let file = name == "ingest" ? ingest : folder.appendingPathComponent(name + ".asl.yaml")
        let reading = Definition.read(try YAMLDocument.parse(Array(try Data(contentsOf: file))))
        return StateGraph(try #require(reading.machine, "\(reading.diagnostics)"), name: name)
    }

    @Test(arguments: ["ingest", "everything", "jsonata"]) func drawsAsBefore(name: String) throws {
        let graph = try Self.graph(name)
        for (format, text) in [("svg", try #require(graph.svg)), ("mmd", graph.mermaid), ("dot", graph.dot)] {
            let golden = Self.folder.appendingPathComponent("\(name).\(format)")
            if ProcessInfo.processInfo.environment["SHOWRUNNER_UPDATE_GOLDEN"] == "1" {
                try text.write(to: golden, atomically: true, encoding: .utf8)
            }
            #expect(try String(contentsOf: golden, encoding: .utf8) == text, "\(name).\(format)")
        }
    }

    /// The picture in docs/authoring.md, of the definition that stands there.
    @Test func theNewcomersPictureIsCurrent() throws {
        let docs = Self.ingest.deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("docs")
        let page = try String(contentsOf: docs.appendingPathComponent("authoring.md"), encoding: .utf8)
        let block = try #require(page.components(separatedBy: "```yaml\n").first { $0.hasPrefix("# trailer.asl.yaml") })
        let definition = try #require(block.components(separatedBy: "```").first)
        let machine = try #require(Definition.read(try YAMLDocument.parse(Array(definition.utf8))).machine)
        let svg = try #require(StateGraph(machine, name: "trailer").svg)
        let golden = docs.appendingPathComponent("trailer.svg")
        if ProcessInfo.processInfo.environment["SHOWRUNNER_UPDATE_GOLDEN"] == "1" {
            try svg.write(to: golden, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: golden, encoding: .utf8) == svg)
    }

    @Test func tellsEveryState() throws {
        let graph = try Self.graph("everything")
        #expect(graph.stateCount == 12)
        for name in ["Check", "Fan out", "Each part", "Encode part", "Skip", "Ask", "Answered", "Tell", "Refuse"] {
            #expect(graph.description.contains("\(name): "), "\(name)")
        }
        #expect(graph.description.contains("Check leads to Pause if $.kind matches \"live-*\"."))
        #expect(graph.description.contains("Fan out leads to Refuse after States.ALL."))
        #expect(graph.description.contains("Encode part: Task, transcode. Retries States.ALL: up to 5 times."))
    }

    @Test func aPictureHasALimit() throws {
        let states = (0...StateGraph.maximumStatesInPicture).map { index in
            "\"s\(index)\":{\"Type\":\"Pass\",\"Next\":\"s\(index + 1)\"}"
        }
        let last = StateGraph.maximumStatesInPicture + 1
        let text =
            "{\"StartAt\":\"s0\",\"States\":{\(states.joined(separator: ",")),\"s\(last)\":{\"Type\":\"Succeed\"}}}"
        let graph = StateGraph(try #require(Definition.read(json: text).machine), name: "long")
        #expect(graph.svg == nil)
        #expect(graph.dot.contains("s\(last)"))
    }

    @Test func pictureIsXML() throws {
        for name in ["ingest", "everything", "jsonata"] {
            let svg = try #require(try Self.graph(name).svg)
            // No entity, no script, nothing from outside.
            #expect(!svg.contains("<script") && !svg.contains("url(http") && !svg.contains("@import"))
            #expect(svg.contains("role=\"img\"") && svg.contains("<title id=\"graph-title\">"))
            #expect(try Markup.isBalanced(svg), "\(name)")
        }
    }
}

/// Enough of XML to see that elements are closed in order.
enum Markup {
    static func isBalanced(_ text: String) throws -> Bool {
        var open: [String] = []
        for part in text.split(separator: "<").dropFirst(text.hasPrefix("<") ? 0 : 1) {
            guard let end = part.firstIndex(of: ">") else { return false }
            let tag = part[..<end]
            if tag.hasPrefix("/") {
                guard open.popLast() == String(tag.dropFirst()) else { return false }
            } else if !tag.hasSuffix("/") {
                open.append(String(tag.prefix { $0 != " " }))
            }
        }
        return open.isEmpty
    }
}
