import Foundation
import JSON
import Testing

@testable import showrunner

extension EndToEnd {
    /// Exit codes and messages, as scripts and people meet them.
    @Suite struct CommandLineTests {
        /// One that went wrong says so in one line, or in one line and a list of what is wrong; never in a dump.
        private func expectRefusal(
            _ ended: Ended, _ status: Int32, _ words: String, sourceLocation: SourceLocation = #_sourceLocation
        ) {
            #expect(ended.status == status, "\(ended.output)\(ended.errors)", sourceLocation: sourceLocation)
            #expect(ended.output == "", sourceLocation: sourceLocation)
            #expect(ended.errors.contains(words), "\(ended.errors)", sourceLocation: sourceLocation)
            #expect(
                !ended.errors.contains("Error(") && !ended.errors.contains("Fatal"), "\(ended.errors)",
                sourceLocation: sourceLocation)
        }

        /// One of each kind: the program's own words of all its commands are tested without processes. The media
        /// commands' are those of another program.
        static let commands = [[], ["runs", "start"], ["probe"], ["transcode"], ["thumbs"], ["package"], ["inspect"]]

        @Test("--help shows an example and exits with 0", arguments: commands)
        func showsHelp(command: [String]) async throws {
            let ended = try await Program.run(Binaries.showrunner, command + ["--help"])
            #expect(ended.status == 0, "\(ended.errors)")
            #expect(ended.output.contains("Example"))
            #expect(ended.output.contains((["showrunner"] + command).joined(separator: " ")))
        }

        @Test("the other programs show an example too", arguments: [Binaries.worker, Binaries.api])
        func othersShowHelp(program: String) async throws {
            let ended = try await Program.run(program, ["--help"])
            #expect(ended.status == 0 && ended.output.contains("Example"), "\(ended.output)\(ended.errors)")
        }

        @Test("an unknown flag is wrong use", arguments: commands.filter { !$0.isEmpty })
        func refusesUnknownFlags(command: [String]) async throws {
            let ended = try await Program.run(Binaries.showrunner, command + ["--colour"])
            #expect(ended.status == 2, "\(ended.output)\(ended.errors)")
            #expect(ended.output == "" && !ended.errors.isEmpty)
        }

        @Test("wrong use exits with 2 and says what is wrong")
        func refusesWrongUse() async throws {
            let stage = try sharedStage()
            let film = try await Film(name: "unused", frames: 5).make()
            expectRefusal(try await stage.showrunner("ingest", "/no/such/film.mp4"), 2, "/no/such/film.mp4")
            expectRefusal(try await stage.showrunner("ingest", "/tmp"), 2, "is not a file")
            expectRefusal(try await stage.showrunner("probe", "/no/such/film.mp4"), 2, "/no/such/film.mp4")
            expectRefusal(try await stage.showrunner("lint", "/no/such.asl.yaml"), 2, "/no/such.asl.yaml")
            expectRefusal(try await stage.showrunner("runs", "start", "ingest", "--input", "{"), 2, "--input")
            expectRefusal(
                try await stage.showrunner("runs", "start", "ingest", "--input", "@/no/such.json"), 2, "/no/such.json")
            expectRefusal(try await stage.showrunner("runs", "list", "--status", "LOST"), 2, "--status")
            expectRefusal(try await stage.showrunner("ingest", film, "--protection", "rot13"), 2, "--protection")

            // Metadata that is no YAML, and metadata with two mistakes: both are told, with their places.
            let metadata = Workplace.file("broken.yaml")
            try Data("kind: movie\n  year: [\n".utf8).write(to: URL(filePath: metadata))
            expectRefusal(try await stage.showrunner("ingest", film, "--metadata", metadata), 2, "\(metadata):2:")
            let wrong = Workplace.file("wrong.yaml")
            try Data("kind: saga\nyear: soon\n".utf8).write(to: URL(filePath: wrong))
            let ended = try await stage.showrunner("ingest", film, "--metadata", wrong)
            expectRefusal(ended, 2, "kind")
            #expect(ended.errors.contains("year"), "\(ended.errors)")
        }

        @Test("what fails exits with 1 and says why")
        func refusesWhatCannotBe() async throws {
            let stage = try sharedStage()
            expectRefusal(try await stage.showrunner("runs", "start", "nightly"), 1, "nightly")
            for command in ["list", "redrive-all"] {
                expectRefusal(try await stage.showrunner("runs", command, "--machine", "ingst"), 1, "ingst")
                expectRefusal(try await stage.showrunner("runs", command, "--machine", "ingst", "--json"), 1, "ingst")
            }
            expectRefusal(
                try await stage.showrunner(
                    "runs", "show", "arn:aws:states:us-east-1:000000000000:execution:ingest:nobody"), 1, "nobody")
            let closed = FreePorts.neighbours(1)
            for command in [["runs", "list"], ["workers"], ["runs", "start", "ingest"]] {
                let ended = try await Program.run(
                    Binaries.showrunner, command + ["--engine", "http://127.0.0.1:\(closed)"])
                expectRefusal(ended, 1, "http://127.0.0.1:\(closed)")
                #expect(ended.errors.split(separator: "\n").count == 1, "\(ended.errors)")
            }
        }

        @Test(
            "a result that can't be written whole is a failure",
            arguments: [("> /dev/full", "No space left on device"), ("1< /dev/null", "Bad file descriptor")])
        func refusesHalfResults(_ output: String, _ reason: String) async throws {
            let ended = try await Program.run("/bin/sh", ["-c", "exec '\(Binaries.showrunner)' schema \(output)"])
            expectRefusal(ended, 1, reason)
        }

        @Test("a name taken with another input is refused, with the same input it is the same run")
        func refusesTakenNames() async throws {
            let stage = try sharedStage()
            let film = try await Film(name: "named", frames: 10).make()
            let input = JSON.object(["source": .string("file://\(film)"), "title": "Named"]).text
            let first = try await stage.showrunner(
                "runs", "start", "ingest", "--name", "taken", "--input", input, "--json")
            try #require(first.status == 0, "\(first.errors)")
            let other = try await stage.showrunner("runs", "start", "ingest", "--name", "taken", "--input", "{}")
            expectRefusal(other, 1, "taken")
            let arn = try #require(try JSON(parsing: first.output)["executionArn"]?.stringValue)
            let run = try await stage.end(of: arn)
            #expect(run["status"] == "SUCCEEDED", "\(run["cause"]?.text ?? "")")
            #expect(run["name"] == "taken")
        }

        @Test("lint names file, line and column of a mistake, and is silent about the shipped workflows")
        func lints() async throws {
            let broken = Workplace.file("broken.asl.yaml")
            let lines = [
                "StartAt: First", "States:", "  First:", "    Type: Task",
                "    Resource: arn:aws:states:::showrunner:transcode", "    Next: Nowhere",
            ]
            try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: broken))
            let ended = try await Program.run(Binaries.showrunner, ["lint", broken])
            #expect(ended.status == 1 && ended.errors == "", "\(ended.errors)")
            let found = ended.output.split(separator: "\n")
            #expect(!found.isEmpty && found.allSatisfy { $0.hasPrefix("\(broken):") }, "\(ended.output)")
            #expect(found.contains { $0.hasPrefix("\(broken):6:") && $0.contains(": error: ") }, "\(ended.output)")
            #expect(ended.output.contains("Nowhere"))

            // Right, and of no use here: said, and no error.
            let idle = Workplace.file("idle.asl.yaml")
            let task = [
                "StartAt: A", "States:", "  A: {Type: Task, End: true, Resource: 'arn:aws:states:::lambda:invoke'}",
            ]
            try Data((task.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: idle))
            let warned = try await Program.run(Binaries.showrunner, ["lint", idle])
            #expect(warned.status == 0 && warned.output.hasPrefix("\(idle):3:40: warning: "), "\(warned.output)")

            let shipped = try FileManager.default.contentsOfDirectory(atPath: Binaries.checkout + "/workflows")
                .filter { $0.hasSuffix(".asl.yaml") }.map { "\(Binaries.checkout)/workflows/\($0)" }
            try #require(!shipped.isEmpty)
            let clean = try await Program.run(Binaries.showrunner, ["lint"] + shipped)
            #expect(clean.status == 0 && clean.output == "" && clean.errors == "", "\(clean.output)\(clean.errors)")
        }

        @Test("a definition whose file has another kind of name is not passed over in silence")
        func tellsSkippedFiles() throws {
            let directory = Workplace.file("workflows")
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try "Schedules: {}".write(toFile: "\(directory)/schedules.yaml", atomically: true, encoding: .utf8)
            for name in ["a.asl.yaml", "b.yaml", "c.json", "notes.txt"] {
                try #"{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#.write(
                    toFile: "\(directory)/\(name)", atomically: true, encoding: .utf8)
            }
            let reading = try WorkflowReading.directory(directory)
            #expect(reading.files.map(\.name) == ["a"] && !reading.hasErrors)
            #expect(
                reading.problems == [
                    "\(directory)/b.yaml:1:1: warning: This file is not read: a state machine's is called b.asl.yaml",
                    "\(directory)/c.json:1:1: warning: This file is not read: a state machine's is called c.asl.json",
                ])
        }

        @Test("runs and workers speak JSON, and stop stops")
        func listsShowsAndStops() async throws {
            let stage = try sharedStage()
            let arn = try await stage.ingest(try await KillTests.film.make(), title: "Stopped")
            try await stage.firstProgress(of: arn, in: "Transcode")

            let workers = try await stage.showrunner("workers", "--json")
            let known = try JSON(parsing: workers.output)["workers"]?.arrayValue ?? []
            #expect(known.map { $0["name"]?.stringValue } == ["data-worker", "worker-1", "worker-2"])
            let busy = known.flatMap { $0["tasks"]?.arrayValue ?? [] }
            #expect(busy.contains { $0["state"] == "Transcode" }, "\(workers.output)")
            // They share the machine.
            let cores = known.reduce(0) { $0 + ($1["capacity"]?["millicores"]?.integerValue ?? 0) }
            #expect((1...sysconf(Int32(_SC_NPROCESSORS_ONLN)) * 1000).contains(cores), "\(workers.output)")

            let stopped = try await stage.showrunner("runs", "stop", arn, "--cause", "wrong cut", "--json")
            #expect(stopped.status == 0, "\(stopped.errors)")
            #expect(try JSON(parsing: stopped.output)["stopDate"]?.doubleValue != nil)
            let again = try await stage.showrunner("runs", "stop", arn)
            #expect(again.status == 0 && again.output == "it had ended ABORTED already\n", "\(again.output)")
            let shown = try await stage.showrunner("runs", "show", arn, "--json")
            let run = try JSON(parsing: shown.output)
            #expect(run["status"] == "ABORTED" && run["cause"] == "wrong cut" && run["title"] == "Stopped")
            let aborted = (run["states"]?.arrayValue ?? []).filter { $0["status"] == "aborted" }
            #expect(aborted.contains { $0["name"] == "Transcode" }, "\(shown.output)")
            let list = try JSON(parsing: try await stage.showrunner("runs", "list", "--json").output)
            #expect(list["items"]?.arrayValue?.first { $0["executionArn"]?.stringValue == arn }?["status"] == "ABORTED")
            let history = try JSON(parsing: try await stage.showrunner("runs", "history", arn, "--json").output)
            let types = history["events"]?.arrayValue?.compactMap { $0["type"]?.stringValue } ?? []
            #expect(types.first == "ExecutionStarted" && types.last == "ExecutionAborted", "\(types)")

            // The worker learns of it and puts the work away.
            try await eventually("the worker is free again", within: .seconds(60)) {
                let workers = try await stage.client.get("/console/api/workers")["workers"]?.arrayValue ?? []
                return workers.allSatisfy { $0["tasks"]?.arrayValue?.isEmpty ?? true }
            }
            #expect(try await stage.titles(named: "Stopped").isEmpty)
            // People name a run as they like: all of these are one.
            let name = try #require(run["name"]?.stringValue)
            let id = try #require(run["id"]?.stringValue)
            for text in [arn, id, name, "ingest/\(name)"] {
                let again = try await stage.showrunner("runs", "show", text, "--json")
                #expect(again.output == shown.output, "\(text): \(again.errors)")
                let stop = try await stage.showrunner("runs", "stop", text)
                #expect(stop.output == "it had ended ABORTED already\n", "\(text): \(stop.errors)")
            }
            expectRefusal(try await stage.showrunner("runs", "show", "nobody"), 1, "there is no run 'nobody'")
            let table = try await stage.showrunner("runs", "history", name)
            let lines = table.output.split(separator: "\n")
            #expect(lines.first?.hasPrefix("TIME") == true && lines.count == types.count + 1, "\(table.output)")
            #expect(lines.dropFirst().first?.contains("{\"source\":") == true, "\(table.output)")
            #expect(table.output.contains("showrunner:transcode"), "\(table.output)")
            for command in [["runs", "list"], ["runs", "show", arn], ["runs", "history", arn], ["workers"]] {
                let ended = try await Program.run(Binaries.showrunner, command + ["--engine", stage.engineURL])
                #expect(ended.status == 0 && !ended.output.isEmpty, "\(command): \(ended.errors)")
            }
        }
    }
}
