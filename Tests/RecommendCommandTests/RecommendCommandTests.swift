import Foundation
import JSON
import Subprocess
import SystemPackage
import TemporaryFolder
import Testing

/// The program itself, run as its users run it.
private enum Program {
    static let path: String = {
        let places = [Bundle.main.executablePath].compactMap { $0 } + ProcessInfo.processInfo.arguments
        for place in places {
            let path = URL(filePath: place).deletingLastPathComponent().path + "/showrunner"
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        preconditionFailure("showrunner does not lie beside the tests")
    }()

    struct Answer: Sendable {
        let status: TerminationStatus
        let output: String
        let errors: String
    }

    static func run(_ arguments: [String]) async throws -> Answer {
        let result = try await Subprocess.run(
            .path(FilePath(path)), arguments: Arguments(["recommend"] + arguments), output: .string(limit: 1 << 20),
            error: .string(limit: 1 << 20))
        return Answer(
            status: result.terminationStatus, output: result.standardOutput, errors: result.standardError)
    }
}

/// A directory with tables, gone with the test.
private final class Desk: Sendable {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    func place(_ name: String) -> String { folder.place(name) }

    func file(_ name: String, _ text: String) throws -> String {
        try text.write(toFile: place(name), atomically: false, encoding: .utf8)
        return place(name)
    }

    func text(_ name: String) throws -> String { try String(contentsOfFile: place(name), encoding: .utf8) }

    /// Two camps that watch nothing of each other, but for one title that all watch, and two titles nobody has.
    func camps() throws -> (interactions: String, items: String) {
        var interactions = "timestamp,item_id,mood,user_id,weight\r\n"
        for user in 0..<40 {
            for item in 0..<12 where (user + item) % 4 != 0 {
                let camp = user % 2 == 0 ? "war" : "love"
                interactions += "\(1_600_000_000 + item),\"\(camp), \(item)\",fine,user \(user),1.0\r\n"
            }
            interactions += "0,all,fine,user \(user),\r\n"
        }
        var items = "item_id,title,genres,year\n"
        for item in 0..<13 {
            items += "\"war, \(item)\",The Battle \(item),War|Drama,19\(50 + item)\n"
            items += "\"love, \(item)\",A Kiss \(item),Romance|Drama,20\(10 + item)\n"
        }
        return (try file("plays.csv", interactions), try file("titles.csv", items))
    }
}

@Suite(.timeLimit(.minutes(5))) struct RecommendCommandTests {
    @Test func fromTablesToFigures() async throws {
        let desk = try Desk()
        let (interactions, items) = try desk.camps()
        let words = ["train", "--interactions", interactions, "--items", items, "--auto", "--json", "--out"]
        let trained = try await Program.run(words + [desk.place("model")])
        try #require(trained.status.isSuccess, "\(trained.errors)")
        let report = try JSON(parsing: trained.output)
        #expect(report["profiles"] == 40)
        #expect(report["titles"] == 27)
        #expect(trained.errors.contains("\"stage\":\"factors\""), "\(trained.errors)")

        // The same bytes with another number of threads.
        let again = try await Program.run(words + [desk.place("again"), "--threads", "3"])
        try #require(again.status.isSuccess, "\(again.errors)")
        #expect(
            FileManager.default.contents(atPath: desk.place("model"))
                == FileManager.default.contents(atPath: desk.place("again")))

        // Profiles of the training: nothing seen, own camp first, then what nobody has seen of it.
        let scored = try await Program.run(
            ["score", "--model", desk.place("model"), "--top", "5", "--out", desk.place("all.csv")])
        try #require(scored.status.isSuccess, "\(scored.errors)")
        #expect(scored.errors.contains("score 40 of 40, 100 %"), "\(scored.errors)")
        let lines = try desk.text("all.csv").split(separator: "\n")
        #expect(lines.first == "user_id,item_id,rank")
        #expect(lines.count == 1 + 40 * 5)
        #expect(lines[1...5].allSatisfy { $0.hasPrefix("user 0,") })
        #expect(lines[1...3].allSatisfy { $0.hasPrefix("user 0,\"war, ") }, "\(lines[1...5])")
        #expect(lines[1].hasSuffix(",1") && lines[5].hasSuffix(",5"))
        #expect(!lines[1...5].contains { $0.contains(",all,") })

        // A profile that training has not seen, and only titles that nobody has: by their features.
        let foldin = try desk.file(
            "new.csv", "user_id,item_id\nstranger,\"love, 1\"\nstranger,\"love, 2\"\nstranger,not in the model\n")
        let only = try desk.file(
            "only.csv",
            "item_id,title,genres,year\nnew war,Battle,War,1955\nnew love,Kiss,Romance,2015\n\"war, 12\",,,\n")
        let cold = try await Program.run([
            "score", "--model", desk.place("model"), "--profiles", foldin, "--top", "9", "--only-items", only, "--out",
            desk.place("cold.csv"), "--json",
        ])
        try #require(cold.status.isSuccess, "\(cold.errors)")
        #expect(try desk.text("cold.csv").hasPrefix("user_id,item_id,rank\nstranger,new love,1\nstranger,"))
        #expect(try JSON(parsing: cold.output)["rows"] == 3)

        let truth = try desk.file("truth.csv", "user_id,item_id\nuser 0,\"war, 0\"\nuser 2,\"war, 2\"\nnobody,all\n")
        let measured = try await Program.run([
            "evaluate", "--recommendations", desk.place("all.csv"), "--truth", truth, "--json",
        ])
        try #require(measured.status.isSuccess, "\(measured.errors)")
        let figures = try #require(try JSON(parsing: measured.output).objectValue)
        #expect(Array(figures.keys) == ["recall@20", "recall@50", "ndcg@100", "coverage@20", "novelty@20"])
        #expect(figures["recall@20"]?.doubleValue == 2.0 / 3)
    }

    @Test func figuresByHand() async throws {
        let desk = try Desk()
        let rankings = try desk.file("r.csv", "user_id,item_id,rank\na,x,2\na,y,1\nb,x,1\nc,z,1\n")
        let truth = try desk.file("t.csv", "item_id,user_id\nx,a\ny,b\n")
        let answer = try await Program.run(["evaluate", "--recommendations", rankings, "--truth", truth, "--json"])
        try #require(answer.status.isSuccess, "\(answer.errors)")
        let figures = try JSON(parsing: answer.output)
        #expect(figures["recall@20"] == 0.5)
        #expect(abs((figures["ndcg@100"]?.doubleValue ?? 0) - 0.6309297535714574 / 2) < 1e-12)
        #expect(figures["coverage@20"]?.doubleValue == 1)
        // x and y were watched by one of two, z by none: (3 log2(3/2) + log2(3)) / 4.
        #expect(abs((figures["novelty@20"]?.doubleValue ?? 0) - 0.8349625007211561) < 1e-12)
        let catalogue = try desk.file("i.csv", "item_id\nx\ny\nz\nv\nw\nu\n")
        let wide = try await Program.run([
            "evaluate", "--recommendations", rankings, "--truth", truth, "--items", catalogue, "--json",
        ])
        #expect(try JSON(parsing: wide.output)["coverage@20"]?.doubleValue == 0.5)
    }

    struct Row: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let interactions: String
        let status: Int32
        let says: String
    }

    @Test(arguments: [
        Row(testDescription: "empty file", interactions: "", status: 2, says: ":1:1: the file has no header"),
        Row(
            testDescription: "missing column", interactions: "user_id,title\n", status: 2,
            says: ":1:1: the header has no column item_id"),
        Row(testDescription: "column twice", interactions: "user_id,item_id,item_id\n", status: 2, says: "twice"),
        Row(
            testDescription: "a field too few", interactions: "user_id,item_id\na,b\nc\n", status: 2,
            says: ":3:1: the row has 1 fields, the header 2"),
        Row(
            testDescription: "no name", interactions: "user_id,item_id\na,\n", status: 2, says: ":2:3: item_id is empty"
        ),
        Row(
            testDescription: "two mistakes", interactions: "user_id,item_id,weight,timestamp\na,b,much,1\nc,d,1,noon\n",
            status: 2, says: ":3:7: timestamp is 'noon', not a number"),
        Row(
            testDescription: "weight", interactions: "user_id,item_id,weight\na,b,nan\n", status: 2,
            says: ":2:5: weight is 'nan', not a number"),
        Row(
            testDescription: "an open quote", interactions: "user_id,item_id\na,\"b\n", status: 2,
            says: ":2:3: the quote is never closed"),
        Row(testDescription: "no row", interactions: "user_id,item_id\n", status: 1, says: "nothing to learn"),
    ])
    func badTables(_ row: Row) async throws {
        let desk = try Desk()
        let file = try desk.file("plays.csv", row.interactions)
        let answer = try await Program.run(["train", "--interactions", file, "--out", desk.place("model")])
        #expect(answer.status == .exited(row.status))
        #expect(answer.errors.contains(row.says), "\(answer.errors)")
        if row.status == 2 { #expect(answer.errors.contains(file + ":")) }
        #expect(answer.output.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: desk.place("model")))
    }

    @Test func wrongUse() async throws {
        let desk = try Desk()
        let table = try desk.file("r.csv", "user_id,item_id,rank\na,x,1\na,y,1\na,x,3\n")
        let truth = try desk.file("t.csv", "user_id,item_id\na,x\n")
        let notAModel = try desk.file("model", String(repeating: "no model ", count: 20))
        for (words, status, says) in [
            (["train", "--interactions", "/none.csv", "--out", "/tmp/x"], 2 as Int32, "/none.csv can't be read"),
            (["train", "--interactions", table, "--out", "/tmp/x", "--loud"], 2, "--loud"),
            (["train", "--interactions", table, "--out", "/tmp/x", "--dimensions", "7"], 2, "multiple of 8"),
            (["train", "--interactions", table, "--out", "/none/x", "--epochs", "1"], 1, "/none/x can't be created"),
            (["score", "--model", "/none", "--out", "/tmp/x"], 2, "/none can't be read"),
            (["score", "--model", notAModel, "--out", "/tmp/x"], 2, "this is no recommender model"),
            (["score", "--model", notAModel, "--out", "/tmp/x", "--top", "0"], 2, "--top is 1 to 10000"),
            (
                ["evaluate", "--recommendations", table, "--truth", truth], 2,
                ":3:1: the profile has this rank in line 2"
            ),
            (
                ["evaluate", "--recommendations", table, "--truth", truth], 2,
                ":4:1: the profile has this item in line 2"
            ),
            (["evaluate", "--recommendations", truth, "--truth", truth], 2, "no column rank"),
        ] {
            let answer = try await Program.run(words)
            #expect(answer.status == .exited(status), "\(words) \(answer.errors)")
            #expect(answer.errors.contains(says), "\(words) \(answer.errors)")
        }
    }
}
