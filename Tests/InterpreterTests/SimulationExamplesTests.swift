import Foundation
import Interpreter
import JSON
import StatesLanguage
import StepContracts
import Testing
import YAML

/// The simulations that people read: those of docs/simulate.md, and those of the repository's workflows.
@Suite struct SimulationExamplesTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// What the command gives the simulation of the steps' contracts.
    static let surroundings = Simulation.Surroundings(
        argumentProblems: { resource, arguments in
            StepContract.all.first { $0.resource == resource }?.problems(withInput: arguments) ?? []
        },
        resultShape: { resource in
            StepContract.all.first { $0.resource == resource }.map { contract in
                .structure(contract.output.map { ResultShape.Field($0.name, .any, required: $0.isRequired) })
            }
        })

    static func tree(_ text: String) throws -> SourceTree { try YAMLDocument.parse(Array(text.utf8)) }

    // MARK: - docs/simulate.md

    /// Fenced blocks of a page with their language.
    static func blocks(of page: String) throws -> [(language: String, text: String)] {
        let page = try String(contentsOf: root.appendingPathComponent("docs/\(page)"), encoding: .utf8)
        var blocks: [(language: String, text: String)] = []
        var open: (language: String, lines: [Substring])?
        for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
            guard line.hasPrefix("```") else {
                open?.lines.append(line)
                continue
            }
            if let block = open {
                blocks.append((block.language, block.lines.joined(separator: "\n") + "\n"))
                open = nil
            } else {
                open = (String(line.dropFirst(3)), [])
            }
        }
        return blocks
    }

    @Test func everyExampleGivesWhatThePageSays() throws {
        var files: [String: String] = [:]
        var tried: Set<String> = []
        for (language, text) in try Self.blocks(of: "simulate.md") {
            if language == "yaml", text.hasPrefix("# ") {
                files[String(text.prefix { $0 != "\n" }.dropFirst(2))] = text
            } else if language == "console" {
                let lines = text.split(separator: "\n").map(String.init)
                let words = lines[0].split(separator: " ").map(String.init)
                #expect(words[...2] == ["$", "showrunner", "simulate"])
                let mocksName = words[5]
                tried.insert(mocksName)
                let said = try Self.say(
                    try #require(files[words[3]]), try #require(files[mocksName]), mocksName: mocksName,
                    input: words.contains("--input") ? ["amount": 5] : nil)
                #expect(said == lines.dropFirst().joined(separator: "\n"), "\(mocksName)")
            }
        }
        #expect(tried == Set(files.keys.filter { $0.hasSuffix(".mocks.yaml") }), "every mocks file is tried")
        #expect(tried.count >= 6)
    }

    private static func say(
        _ definition: String, _ mocks: String, mocksName: String, input: JSON?
    ) throws -> String {
        let reading = Definition.read(try tree(definition))
        let machine = try #require(reading.machine, "\(reading.diagnostics)")
        let (read, problems) = Mocks.read(try tree(mocks), for: machine)
        guard let read else { return problems.map { $0.text(file: mocksName) }.joined(separator: "\n") }
        let report = Simulation.run(machine, name: "example", input: input, mocks: read)
        return report.summary.joined(separator: "\n")
    }

    // MARK: - docs/authoring.md

    @Test func theNewcomersPageIsTrue() throws {
        let blocks = try Self.blocks(of: "authoring.md")
        func file(_ name: String) throws -> String {
            try #require(blocks.first { $0.text.hasPrefix("# \(name)\n") }?.text, "\(name)")
        }
        let said = blocks.filter { $0.language == "text" }.map(\.text)
        let definition = try file("trailer.asl.yaml")
        let reading = Definition.read(try Self.tree(definition))
        #expect(reading.diagnostics == [])
        let machine = try #require(reading.machine)

        let broken = definition.replacing("Next: Broken", with: "Next: Brokn")
        let problems = Definition.read(try Self.tree(broken)).diagnostics
        #expect(said.first == problems.map { $0.text(file: "trailer.asl.yaml") + "\n" }.joined())

        let (mocks, mistakes) = Mocks.read(try Self.tree(try file("short.mocks.yaml")), for: machine)
        #expect(mistakes == [])
        let report = Simulation.run(machine, name: "trailer", mocks: try #require(mocks), in: Self.surroundings)
        #expect(report.isAsExpected, "\(report.summary)")

        let surroundings = TestSurroundings(now: Mocks.defaultStart, seed: 1)
        let answers = try [
            TestStateRequest(
                definition: try Self.tree(definition).json.text, stateName: "How long?",
                input: #"{"durationSeconds":95}"#),
            TestStateRequest(
                definition: try Self.tree(definition).json.text, stateName: "Look",
                input: #"{"source":"file:///elf.mp4"}"#, inspectionLevel: .debug,
                mock: TestStateRequest.Mock(.error("Showrunner.SourceInvalid", cause: "no video"))),
        ].map { try testState($0, in: surroundings) }
        for (answer, text) in zip(answers, said.dropFirst()) {
            var values = answer.json
            values["inspectionData"] = nil
            for (name, value) in answer.json["inspectionData"]?.objectValue ?? [:] { values[name] = value }
            for (name, value) in values.objectValue ?? [:] {
                let name = name == "nextState" ? "next state" : name
                #expect(text.contains("\(name): \(value.stringValue ?? value.text)\n"), "\(name)")
            }
        }
    }

    // MARK: - workflows/

    static let simulations: [(workflow: String, mocks: URL)] = {
        let folder = root.appendingPathComponent("workflows/simulations")
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().flatMap { workflow in
                let inner = folder.appendingPathComponent(workflow)
                return try FileManager.default.contentsOfDirectory(atPath: inner.path).sorted().map {
                    (workflow, inner.appendingPathComponent($0))
                }
            }
        } catch {
            preconditionFailure("the simulations cannot be listed: \(error)")
        }
    }()

    @Test func everyWorkflowHasASimulation() throws {
        let folder = Self.root.appendingPathComponent("workflows").path
        let workflows = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".asl.yaml") }
        #expect(!workflows.isEmpty)
        for file in workflows {
            #expect(Self.simulations.contains { $0.workflow + ".asl.yaml" == file }, "\(file) has none")
        }
    }

    @Test(arguments: simulations.indices) func aWorkflowEndsAsExpected(index: Int) throws {
        let (workflow, file) = Self.simulations[index]
        let definition = Self.root.appendingPathComponent("workflows/\(workflow).asl.yaml")
        let reading = Definition.read(try Self.tree(try String(contentsOf: definition, encoding: .utf8)))
        let machine = try #require(reading.machine, "\(reading.diagnostics)")
        let (mocks, problems) = Mocks.read(try Self.tree(try String(contentsOf: file, encoding: .utf8)), for: machine)
        #expect(problems.map { $0.text(file: file.lastPathComponent) } == [])
        let report = Simulation.run(machine, name: workflow, mocks: try #require(mocks), in: Self.surroundings)
        #expect(report.isAsExpected, "\(report.summary)")
        #expect(report.unusedMocks == [])
    }
}
