import Foundation
import JSON
import Testing

/// How `up` begins and ends. Each test has a stage of its own.
extension EndToEnd {
    @Suite struct StageTests {
        @Test("up --once exits with 0 when all has succeeded and with 1 when a run has failed", arguments: [0, 1])
        func endsOnce(status: Int32) async throws {
            let stage = try await TestStage.start(workers: 1, options: ["--once"])
            let path: String
            if status == 0 {
                path = try await Film(name: "once", frames: 10).make()
            } else {
                path = Workplace.file("film.mp4")
                try Data("no film".utf8).write(to: URL(filePath: path))
            }
            let processes = try stage.processes()
            #expect(stage.up.isRunning)
            _ = try await stage.ingest(path, title: "Once")
            let ended = try await stage.up.status(within: .seconds(120))
            #expect(ended == status, "\(stage.up.lastWords())")
            try await stage.waitForEnd(of: processes)
            if status == 0 { try await expectSamePackage(stage, path) }
            await stage.dismissGuardian()
        }

        /// The two workers of another engine, which share the cores that one worker had alone, make the same package of the
        /// same film.
        private func expectSamePackage(_ stage: TestStage, _ film: String) async throws {
            let shared = try sharedStage()
            let run = try await shared.end(of: try await shared.ingest(film, title: "Once more"))
            try #require(run["status"] == "SUCCEEDED", "\(run["error"]?.text ?? "") \(run["cause"]?.text ?? "")")
            let packages = try FileManager.default.contentsOfDirectory(atPath: stage.directory + "/objects/media")
            try #require(packages.count == 1, "\(packages)")
            let (one, two) = (
                "\(stage.directory)/objects/media/\(packages[0])", "\(shared.directory)/objects/media/\(packages[0])"
            )
            let files = try PackageKillTests.files(in: one)
            #expect(files.contains("master.m3u8"))
            #expect(try PackageKillTests.files(in: two) == files)
            for file in files {
                #expect(
                    FileManager.default.contentsEqual(atPath: "\(one)/\(file)", andPath: "\(two)/\(file)"), "\(file)")
            }
        }

        @Test("SIGTERM stops an idle stage in order")
        func stopsIdle() async throws {
            let stage = try await TestStage.start(workers: 1)
            let names = ["engine", "api", "data-worker", "worker-1", "postgres"]
            for name in names { _ = try stage.process(name) }
            #expect(try text("\(stage.up.outputPath)").split(separator: "\n").count == 1)
            let pidFiles = names.map { "\(stage.directory)/run/\($0).pid" }
            stage.up.signal(SIGTERM)
            #expect(try await stage.up.status(within: .seconds(60)) == 0, "\(stage.up.lastWords())")
            #expect(pidFiles.filter(FileManager.default.fileExists).isEmpty)
            #expect(try FileManager.default.contentsOfDirectory(atPath: stage.directory + "/run").isEmpty)
            try await stage.stop()
        }

        @Test("SIGTERM stops a busy stage in order, and the work goes on at the next start")
        func stopsBusy() async throws {
            let stage = try await TestStage.start(workers: 1)
            let arn = try await stage.ingest(try await KillTests.film.make(), title: "Interrupted")
            try await stage.firstProgress(of: arn, in: "Transcode")
            let processes = try stage.processes()
            stage.up.signal(SIGTERM)
            #expect(try await stage.up.status(within: .seconds(60)) == 0, "\(stage.up.lastWords())")
            try await stage.waitForEnd(of: processes)
            try await stage.startAgain()
            let run = try await stage.end(of: arn)
            #expect(run["status"] == "SUCCEEDED", "\(run["error"]?.text ?? "") \(run["cause"]?.text ?? "")")
            #expect(try await stage.published("Interrupted").count == 1)
            try await stage.stop()
        }

        @Test(
            "a taken port is one sentence and exit code 1", arguments: [0, 1],
            Listener.Address.allCases.filter { $0 != .loopback6 || Listener.hasIPv6 })
        func refusesTakenPort(offset: Int, address: Listener.Address) async throws {
            let port = FreePorts.neighbours(2)
            let listener = try #require(Listener(port: port + offset, at: address))
            let directory = Workplace.file("data")
            let ended = try await Program.run(
                Binaries.showrunner, ["up", "--data", directory, "--port", "\(port)", "--workers", "1"])
            withExtendedLifetime(listener) {}
            #expect(ended.status == 1 && ended.output == "", "\(ended.output)\(ended.errors)")
            #expect(ended.errors.split(separator: "\n").count == 1, "\(ended.errors)")
            #expect(ended.errors.contains("port \(port + offset)"), "\(ended.errors)")
            #expect(try ProcessTable.mentioning(directory).isEmpty)
        }

        @Test("a data directory in use is one sentence and exit code 1")
        func refusesDirectoryInUse() async throws {
            let stage = try sharedStage()
            let ended = try await Program.run(
                Binaries.showrunner,
                ["up", "--data", stage.directory, "--port", "\(FreePorts.neighbours(2))", "--workers", "0"])
            #expect(ended.status == 1 && ended.output == "", "\(ended.output)\(ended.errors)")
            #expect(ended.errors.contains(stage.directory), "\(ended.errors)")
            // Nothing of the stage was touched.
            _ = try await stage.client.get("/console/api/workers")
            for name in ["engine", "api", "worker-1", "worker-2", "postgres"] { _ = try stage.process(name) }
        }
    }
}
