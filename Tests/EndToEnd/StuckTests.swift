import Foundation
import JSON
import Testing

extension EndToEnd {
    /// A child that stands still while its worker goes on sending heartbeats.
    @Suite struct StuckTests {
        @Test("an encode that stands still is told of as stuck, and goes on when it can")
        func standsStill() async throws {
            let stage = try sharedStage()
            let title = "Stuck"
            let began = ContinuousClock.now
            let arn = try await stage.ingest(try await KillTests.film.make(), title: title)
            try await stage.firstProgress(of: arn, in: "Transcode")
            let worker = try stage.process(try await stage.worker(of: arn, at: "Transcode"))
            // The process in which the film is opened, with what makes its sandbox.
            let children = try ProcessTable.tree(of: worker.pid).filter { $0 != worker && $0.name == worker.name }
            try #require(!children.isEmpty, "\(worker) has no child that encodes")
            for child in children { try #require(kill(child.pid, SIGSTOP) == 0) }
            defer { for child in children { kill(child.pid, SIGCONT) } }
            let stopped = ContinuousClock.now
            let run = try await eventually("the run is told of as stuck", within: .seconds(120)) { () -> JSON? in
                let run = try await stage.run(arn)
                guard run["stuck"]?.stringValue != nil else { return nil }
                return run
            }
            print("stuck: told \((ContinuousClock.now - stopped) / .seconds(1)) s after the child stood still")
            let sentence = try #require(run["stuck"]?.stringValue)
            let told = try #require(sentence.wholeMatch(of: /Transcode has not come forward for (\d+) s: it (.*)/))
            #expect(Int(told.1) ?? 0 >= 20 && told.2.hasPrefix("stands at encode"), "\(sentence)")
            // As the worker counts, from the child's last step forward: a while before it was stopped on a busy machine.
            let entry = (run["entries"]?.arrayValue ?? []).first { $0["state"] == "Transcode" }
            let still = try #require(entry?["progress"]?["stillSeconds"]?.doubleValue)
            #expect(still >= 20 && .seconds(still) <= ContinuousClock.now - began, "\(still)")
            let why = try await stage.showrunner("runs", "why", arn, "--json")
            let codes = (try JSON(parsing: why.output)["waits"]?.arrayValue ?? []).map { $0["code"] }
            #expect(codes.contains("STUCK"), "\(why)")
            for child in children { kill(child.pid, SIGCONT) }
            let ended = try await stage.end(of: arn)
            #expect(ended["status"] == "SUCCEEDED", "\(ended["cause"]?.text ?? "")")
            #expect(try await stage.entries(of: arn, "Transcode").compactMap { $0["attempts"]?.integerValue } == [1])
        }
    }
}
