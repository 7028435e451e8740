import EngineClient
import Foundation
import HTTP
import JSON
import PostgresTestSupport
import Testing

extension EndToEnd {
    /// Engines as processes, killed around one-time schedules a second and more apart.
    @Suite struct ScheduleProcessTests {
        private func triggers(_ engine: String, _ arguments: String...) async throws -> (status: Int32, document: JSON)
        {
            let ended = try await Program.run(
                Binaries.showrunner, ["triggers"] + arguments + ["--engine", engine, "--json"])
            return (ended.status, ended.output.isEmpty ? [:] : try JSON(parsing: ended.output))
        }

        /// The commands, on a schedule that has fired.
        private func operate(on engine: String) async throws {
            func schedules(_ arguments: String...) async throws -> (status: Int32, document: JSON) {
                let ended = try await Program.run(
                    Binaries.showrunner, ["schedules"] + arguments + ["--engine", engine, "--json"])
                return (ended.status, ended.output.isEmpty ? [:] : try JSON(parsing: ended.output))
            }
            #expect(try await schedules("pause", "once-0").status == 2, "a pause has a reason")
            let paused = try await schedules("pause", "once-0", "--reason", "we look at it")
            #expect(paused.status == 0 && paused.document["Pause"]?["Reason"] == "we look at it")
            let started = try await schedules("run-now", "once-0")
            #expect(started.status == 0 && started.document["Outcome"] == "Started")
            #expect(try await schedules("resume", "once-0").document["Pause"] == nil)
            let list = try await schedules("list").document["Schedules"]?.arrayValue ?? []
            #expect(list.count == 14 && list[0]["Starts"] == 2 && list[1]["Starts"] == 1)
            #expect(try await schedules("show", "once-1").document["Recent"]?[0]?["Action"] == "Start")
            #expect(try await schedules("preview", "once-1").document["Fires"] == [])
            #expect(try await schedules("resume", "unknown").status == 1)
            let now = ISO8601DateFormatter().string(from: .now)
            #expect(try await schedules("backfill", "once-1", "--from", now, "--to", now).status == 1)
            #expect(try await schedules("backfill", "once-1", "--from", "soon", "--to", now).status == 2)
        }

        @Test("ten kills -9 around one-time schedules: each fires exactly once")
        func tenKills() async throws {
            let seed = UInt64.random(in: 0..<1_000_000)
            print("seed \(seed)")
            var state = seed
            let folder = Workplace.file("schedules")
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let write = { (text: String, name: String) in
                try Data(text.utf8).write(to: URL(filePath: folder + "/" + name))
            }
            try write(#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}"#, "quick.asl.json")
            try write("Schedules: {}", "schedules.yaml")
            try write(
                "Triggers: {drop: {Source: {Kind: directory, Path: \(folder)/none}, Target: {Arn: quick}}}",
                "triggers.yaml")
            let database = try await TestDatabase.empty()
            let port = FreePorts.neighbours(1)
            let client = try EngineClient(engine: "http://127.0.0.1:\(port)", environment: [:])
            func engine(_ number: Int) throws -> Program {
                try Program(
                    Binaries.showrunner,
                    [
                        "engine", "--database", database, "--port", "\(port)", "--store", folder + "/objects",
                        "--spool", folder + "/spool", "--workflows", folder,
                    ], logs: Workplace.path, name: "schedule-engine-\(seed)-\(number)")
            }
            func ready(_ program: Program) async throws {
                try await eventually("the engine's schedules") {
                    guard program.isRunning else { throw TooLate(description: program.lastWords()) }
                    do { return try await client.get("/console/api/schedules")["Schedules"] != nil } catch {
                        return false
                    }
                }
            }
            // Once without schedules, which makes the tables: that takes longest.
            var running = try engine(0)
            try await ready(running)
            let address = "http://127.0.0.1:\(port)"
            #expect(try await triggers(address, "pause", "drop").status == 2, "a pause has a reason")
            #expect(try await triggers(address, "pause", "drop", "--reason", "nobody cuts").status == 0)
            running.signal(SIGKILL)
            #expect(try await running.status(within: .seconds(20)) == 128 + SIGKILL)

            let first = Int(Date.now.timeIntervalSince1970) + 4
            let format = ISO8601DateFormatter()
            var names: [String] = []
            var file = "Schedules:\n"
            for index in 0..<14 {
                let time = format.string(from: Date(timeIntervalSince1970: Double(first + index)))
                let digits = time.filter { $0 != "-" && $0 != ":" }
                names.append("once-\(index)-\(digits)")
                file += """
                      once-\(index):
                        ScheduleExpression: at(\(time.dropLast()))
                        OverlapPolicy: AllowAll
                        CatchupPolicy: All
                        Target: {Arn: quick}

                    """
            }
            try write(file, "schedules.yaml")
            // Known to one engine before the first comes, or it would be nobody's.
            running = try engine(1)
            try await ready(running)
            for number in 2..<12 {
                // Somewhere in the second around the next fire.
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let moment = Double(first + number - 2) - 0.3 + Double(state >> 40) / Double(1 << 24)
                try await eventually("the moment of the kill") { Date.now.timeIntervalSince1970 >= moment }
                running.signal(SIGKILL)
                #expect(try await running.status(within: .seconds(20)) == 128 + SIGKILL)
                running = try engine(number)
                try await ready(running)
            }
            let count = names.count
            let runs = try await eventually("all schedules have fired") { () -> [JSON]? in
                let page = try await client.get("/console/api/runs?machine=quick&limit=1000")
                let runs = page["items"]?.arrayValue ?? []
                return runs.count >= count && runs.allSatisfy { $0["status"] == "SUCCEEDED" } ? runs : nil
            }
            #expect(runs.compactMap { $0["name"]?.stringValue }.sorted() == names.sorted(), "seed \(seed)")
            let origin = try await client.get(
                "/console/api/runs/\(EngineClient.segment(runs[0]["executionArn"]?.stringValue ?? ""))")["origin"]
            #expect(origin?["kind"] == "schedule" && origin?["name"]?.stringValue?.hasPrefix("once-") == true)
            try await operate(on: address)
            // Twelve engines later the trigger is still paused.
            let held = try await triggers(address, "list")
            #expect(held.document["Triggers"]?[0]?["Pause"]?["Reason"] == "nobody cuts", "\(held.document.text)")
            #expect(try await triggers(address, "resume", "drop").document["Pause"] == nil)
            #expect(try await triggers(address, "resume", "unknown").status == 1)
            running.signal(SIGTERM)
            #expect(try await running.status(within: .seconds(30)) == 0, "\(running.lastWords())")
        }
    }
}
