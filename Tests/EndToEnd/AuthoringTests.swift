import Foundation
import JSON
import Testing

extension EndToEnd {
    /// The commands with which workflows are written, as scripts and people meet them. They need no stage.
    @Suite struct AuthoringTests {
        private static let ingest = Binaries.checkout + "/workflows/ingest.asl.yaml"
        private static let published = Binaries.checkout + "/workflows/simulations/ingest/published.yaml"

        private func run(_ arguments: String...) async throws -> Ended {
            try await Program.run(Binaries.showrunner, arguments)
        }

        private func write(_ text: String, _ name: String) throws -> String {
            let file = Workplace.file(name)
            try Data(text.utf8).write(to: URL(filePath: file))
            return file
        }

        @Test("schema prints a JSON Schema that describes the steps")
        func schema() async throws {
            let ended = try await run("schema")
            try #require(ended.status == 0 && ended.errors == "", "\(ended.errors)")
            let schema = try JSON(parsing: ended.output)
            #expect(schema["$schema"] == "https://json-schema.org/draft/2020-12/schema")
            #expect(ended.output.contains("arn:aws:states:::showrunner:transcode"))
        }

        @Test("lint knows files of schedules and of triggers by their names")
        func lintsWhatStarts() async throws {
            let folder = Workplace.file("starts")
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let (schedules, triggers) = (folder + "/schedules.yaml", folder + "/triggers.yaml")
            try Data("Schedules:\n  a: {ScheduleExpression: rate(1 dya), Target: {Arn: m}}\n".utf8)
                .write(to: URL(filePath: schedules))
            try Data("Triggers:\n  a: {Source: {Kind: upload}, EventPattern: {detail: {}}, Target: {Arn: m}}\n".utf8)
                .write(to: URL(filePath: triggers))
            let ended = try await run("lint", schedules, triggers)
            #expect(ended.status == 1)
            #expect(ended.output.contains("\(schedules):2:34: error: 'dya' is none of minutes, hours and days"))
            #expect(ended.output.contains("\(triggers):2:54: error: An empty object"), "\(ended.output)")
        }

        @Test(
            "graph draws in three formats",
            arguments: [("svg", "<svg "), ("mermaid", "flowchart TD"), ("dot", "digraph \"ingest\"")])
        func graph(format: String, words: String) async throws {
            let ended = try await run("graph", Self.ingest, "--format", format)
            #expect(ended.status == 0 && ended.errors == "", "\(ended.errors)")
            #expect(ended.output.contains(words) && ended.output.contains("Transcode"))
        }

        @Test("what cannot be drawn or simulated says why, and exits with 1; wrong use exits with 2")
        func refuses() async throws {
            let broken = try write("StartAt: A\nStates:\n  A: {Type: Pass, Next: B}\n", "broken.asl.yaml")
            for command in ["graph", "simulate"] {
                let ended = try await run(command, broken)
                #expect(ended.status == 1 && ended.output == "")
                #expect(ended.errors.contains("\(broken):3:"), "\(ended.errors)")
                #expect(try await run(command, "/no/such.asl.yaml").status == 2)
            }
            #expect(try await run("graph", Self.ingest, "--format", "png").status == 2)
            #expect(try await run("simulate", Self.ingest, "--mocks", "/no/such.yaml").status == 2)
            #expect(try await run("simulate", Self.ingest, "--input", "{").status == 2)
            let mocks = try write("states:\n  Validat: {result: 1}\n", "mocks.yaml")
            let ended = try await run("simulate", Self.ingest, "--mocks", mocks)
            #expect(ended.status == 2 && ended.output == "")
            #expect(ended.errors.contains("\(mocks):2:3: error: ") && ended.errors.contains("'Validate'"))
        }

        @Test("schedules preview says when, and what changes of clocks do; mistakes of the file have their place")
        func previewsSchedules() async throws {
            let file = try write(
                """
                Schedules:
                  nightly:
                    ScheduleExpression: cron(30 2 * * ? *)
                    ScheduleExpressionTimezone: America/New_York
                    Target: {Arn: ingest}
                """, "schedules.yaml")
            let from = ["--count", "2", "--from", "2026-03-07T12:00:00Z"]
            let table = try await Program.run(
                Binaries.showrunner, ["schedules", "preview", file, "nightly"] + from)
            #expect(table.status == 0 && table.errors == "", "\(table.errors)")
            #expect(table.output.contains("2026-03-08T02:30:00"))
            #expect(table.output.contains("skipped: clocks go from 02:00 to 03:00"))
            let ended = try await Program.run(
                Binaries.showrunner, ["schedules", "preview", file, "nightly", "--json"] + from)
            let fires = try JSON(parsing: ended.output)["Fires"]?.arrayValue ?? []
            #expect(fires.map { $0["ScheduledTime"] } == [nil, "2026-03-09T06:30:00Z", "2026-03-10T06:30:00Z"])
            let unknown = try await run("schedules", "preview", file, "nightl")
            #expect(unknown.status == 1 && unknown.errors.contains("did you mean 'nightly'?"))
            #expect(try await run("schedules", "preview", file, "nightly", "--count", "0").status == 2)
            let broken = try write(
                "Schedules:\n  a: {ScheduleExpression: rat(1 day), Target: {Arn: m}}\n", "broken.yaml")
            let refused = try await run("schedules", "preview", broken, "a")
            #expect(refused.status == 2 && refused.errors.contains("\(broken):2:27: error: "), "\(refused.errors)")
        }

        @Test("simulate exits with 0 when all comes as expected, else with 1")
        func simulates() async throws {
            let good = try await run("simulate", Self.ingest, "--mocks", Self.published, "--json")
            try #require(good.status == 0, "\(good.output)\(good.errors)")
            let report = try JSON(parsing: good.output)
            #expect(report["status"] == "SUCCEEDED" && report["asExpected"] == true)
            #expect(report["events"]?.arrayValue?.last?["type"] == "ExecutionSucceeded")

            let bad = try await run(
                "simulate", Self.ingest, "--mocks", Self.published, "--input", #"{"source": 5}"#, "--quiet")
            #expect(bad.status == 1)
            #expect(bad.output.contains("problem: the arguments of 'Validate'"), "\(bad.output)")
        }

        @Test("test-state answers as AWS does, and exits with 1 when the state fails")
        func testsStates() async throws {
            let state = [
                "test-state", Self.ingest, "--state", "Validate", "--input",
                #"{"source": "file:///f", "partSeconds": 60, "reuse": true}"#, "--json",
            ]
            func answer(_ mock: String, _ more: String...) async throws -> Ended {
                try await Program.run(Binaries.showrunner, state + ["--mock", mock] + more)
            }
            let caught = try await answer(
                #"{"errorOutput": {"error": "Showrunner.SourceInvalid", "cause": "c"}}"#, "--inspection-level", "DEBUG")
            #expect(caught.status == 0, "\(caught.errors)")
            let report = try JSON(parsing: caught.output)
            #expect(report["status"] == "CAUGHT_ERROR" && report["nextState"] == "Failed")
            #expect(report["inspectionData"]?["errorDetails"]?["catchIndex"] == 0)

            let partial = #"{"result": {"container": "mov"}, "fieldValidationMode": "PRESENT"}"#
            #expect(try await answer(partial).status == 0)
            let refused = try await answer(#"{"result": {"container": "mov"}}"#)
            #expect(refused.status == 2)
            #expect(refused.errors.contains("Required field 'source' is missing"), "\(refused.errors)")

            let failing = try write("{Type: Fail, Error: E}", "fail.asl.yaml")
            let failed = try await run("test-state", failing)
            #expect(failed.status == 1 && failed.output.contains("error: E"), "\(failed.output)\(failed.errors)")
            #expect(try await run("test-state", Self.ingest, "--state", "Validate").status == 2)
        }
    }
}
