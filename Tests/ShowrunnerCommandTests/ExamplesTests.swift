import ArgumentParser
import Foundation
import Testing

@testable import showrunner
@testable import showrunner_api
@testable import showrunner_worker

/// Commands stand in many places; each has to be one that the program takes.
@Suite("Examples")
struct ExamplesTests {
    struct Example: Sendable, CustomTestStringConvertible {
        let place: String
        let words: [String]

        var testDescription: String { "\(place): \(words.joined(separator: " "))" }
    }

    private static let programs = ["showrunner", "showrunner-worker", "showrunner-api"]

    /// Calls of our programs, after what sets variables. What is left out (`...`, `[--count N]`) has no words to check.
    private static func examples(in script: String, of place: String) -> [Example] {
        ShellWords.commands(in: script).compactMap { words in
            let words = Array(words.drop { $0.wholeMatch(of: /[A-Z_]+=.*/) != nil })
            guard let program = words.first, programs.contains(program),
                !words.contains(where: { $0 == "..." || $0.hasPrefix("[") })
            else { return nil }
            return Example(place: place, words: words)
        }
    }

    static let ofHelp: [Example] = Command.all.flatMap { command in
        examples(in: command.type.configuration.discussion, of: command.testDescription)
    }

    /// The blocks of shell in README.md, docs/ and deploy/.
    static let ofPages: [Example] = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folder = root.appending(path: "docs")
        do {
            let pages =
                try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".md") }.sorted()
                .map { "docs/\($0)" } + ["README.md", "deploy/README.md"]
            return try pages.flatMap { page in
                let text = try String(contentsOf: root.appending(path: page), encoding: .utf8)
                return text.split(separator: "```sh\n", omittingEmptySubsequences: false).dropFirst().flatMap { rest in
                    examples(in: rest.split(separator: "```").first.map(String.init) ?? "", of: page)
                }
            }
        } catch {
            preconditionFailure("the pages can be read: \(error)")
        }
    }()

    @Test("of --help are taken by the program", arguments: ofHelp)
    func help(example: Example) { check(example) }

    @Test("of the documentation are taken by the program", arguments: ofPages)
    func pages(example: Example) { check(example) }

    @Test("there are as many as people wrote")
    func count() {
        #expect(Self.ofHelp.count > 60)
        #expect(Self.ofPages.count > 40)
    }

    private func check(_ example: Example) {
        let arguments = Array(example.words.dropFirst())
        let root: any ParsableCommand.Type
        switch example.words[0] {
        case "showrunner-worker": root = ShowrunnerWorker.self
        case "showrunner-api": root = ShowrunnerAPI.self
        default:
            let isHandedOver = Command.all.contains {
                $0.isHandedOver && $0.words == ["showrunner", arguments.first ?? ""]
            }
            root = isHandedOver ? ShowrunnerWorker.self : Showrunner.self
        }
        do {
            _ = try root.parseAsRoot(arguments)
        } catch {
            if root.exitCode(for: error) == .success { return }
            Issue.record("\(example.testDescription): \(root.message(for: error))")
        }
    }
}
