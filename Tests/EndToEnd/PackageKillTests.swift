import Foundation
import JSON
import Testing

extension EndToEnd {
    /// Workers die while one of them stores a package; the attempt that follows completes what was left.
    @Suite struct PackageKillTests {
        /// Of many small segments, so that storing them takes a while.
        private static let film = Film(name: "packaged again", size: "128x72", rate: "24", frames: 4800)

        private static let definition: JSON = [
            "StartAt": "Package",
            "States": [
                "Package": [
                    "Type": "Task", "Resource": "arn:aws:states:::showrunner:package",
                    "Parameters": ["renditions.$": "$"],
                    "Retry": [["ErrorEquals": ["Showrunner.WorkerLost"], "MaxAttempts": 2, "IntervalSeconds": 1]],
                    "End": true,
                ]
            ],
        ]

        @Test(
            "workers killed while a package is stored: the retry gives what any other run gives, and leaves nothing else"
        )
        func completes() async throws {
            let stage = try sharedStage()
            let renditions = try #require(try await ProtectedHouse(stage, Self.film).encoded["renditions"]?.arrayValue)
            _ = try await stage.client.call(
                "CreateStateMachine",
                [
                    "name": "package-alone", "roleArn": "arn:aws:iam::000000000000:role/none",
                    "definition": .string(Self.definition.text),
                ])
            // A kill may come too late; then a package of fewer tracks is made.
            for count in stride(from: renditions.count, to: 0, by: -1) {
                let taken = Array(renditions[..<count])
                let (package, stored) = try await packaged(stage, taken)
                let files = try Self.files(in: "\(stage.directory)/objects/\(package)")
                print("killed when \(stored) of \(files.count) objects were stored")
                guard stored > 0, stored < files.count else { continue }
                try await expectEqual(stage, taken, "\(stage.directory)/objects/\(package)", files)
                #expect(try Self.packages(stage).filter { $0.hasPrefix(package.dropFirst("media/".count)) }.count == 1)
                return
            }
            Issue.record("every kill came too late to prove anything")
        }

        /// Kills all workers as soon as the package's first object is stored.
        /// - Returns: the package's prefix, and how many objects it had then.
        private func packaged(_ stage: TestStage, _ renditions: [JSON]) async throws -> (prefix: String, stored: Int) {
            let before = try Self.packages(stage)
            let started = try await stage.client.call(
                "StartExecution",
                [
                    "stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:package-alone",
                    "input": .string(JSON.array(renditions).text),
                ])
            let folder = try await eventually("the package's first object", every: .milliseconds(1)) {
                try Self.packages(stage).subtracting(before).first {
                    try !Self.files(in: "\(stage.directory)/objects/media/\($0)").isEmpty
                }
            }
            let killed = [try stage.kill9("worker-1"), try stage.kill9("worker-2")]
            let stored = try Self.files(in: "\(stage.directory)/objects/media/\(folder)").count
            for (stamp, name) in zip(killed, ["worker-1", "worker-2"]) {
                _ = try await stage.successor(of: stamp, name)
            }
            let run = try await stage.end(of: try #require(started["executionArn"]?.stringValue))
            try #require(run["status"] == "SUCCEEDED", "\(run["error"]?.text ?? "") \(run["cause"]?.text ?? "")")
            return (try #require(run["output"]?["prefix"]?.stringValue), stored)
        }

        /// The command line packages the same files to the same bytes.
        private func expectEqual(
            _ stage: TestStage, _ renditions: [JSON], _ folder: String, _ files: Set<String>
        ) async throws {
            let out = Workplace.file("package")
            let inputs = try renditions.map { rendition in
                let key = try #require(rendition["file"]?["key"]?.stringValue)
                let kind = try #require(rendition["kind"]?.stringValue)
                let language = rendition["language"]?.stringValue.map { ",lang=\($0)" } ?? ""
                return "\(stage.directory)/objects/\(key),stream=\(kind)\(language)"
            }
            let ended = try await Program.run(
                Binaries.worker, ["package"] + inputs + ["--hls", "--dash", "--out", out, "--json"])
            try #require(ended.status == 0, "\(ended.errors)")
            // Beside them may lie the list of all objects, where it is too long for the step's output.
            #expect(files.subtracting(["objects.json"]) == (try Self.files(in: out)))
            for file in files where file != "objects.json" {
                #expect(
                    FileManager.default.contentsEqual(atPath: "\(folder)/\(file)", andPath: "\(out)/\(file)"), "\(file)"
                )
            }
            try await inspect(out)
        }

        /// `inspect` finds nothing in a package, and what is wrong with one that was changed.
        private func inspect(_ package: String) async throws {
            let master = package + "/master.m3u8"
            let command = ["inspect", master, package + "/manifest.mpd"]
            let ended = try await Program.run(Binaries.showrunner, command)
            #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
            let lines = try text(master).replacing("AVERAGE-BANDWIDTH=", with: "AVERAGE-BANDWIDTH=1")
            try Data(lines.utf8).write(to: URL(filePath: master))
            let again = try await Program.run(Binaries.showrunner, command)
            #expect(again.status == 1, "\(again.output)\(again.errors)")
            #expect(
                (again.output + again.errors).contains(#/master\.m3u8:[0-9]+: error: /#),
                "\(again.output)\(again.errors)")
        }

        /// Names of all packages in the store.
        private static func packages(_ stage: TestStage) throws -> Set<String> {
            let folder = "\(stage.directory)/objects/media"
            guard FileManager.default.fileExists(atPath: folder) else { return [] }
            return Set(try FileManager.default.contentsOfDirectory(atPath: folder))
        }

        /// All files below a folder.
        static func files(in folder: String) throws -> Set<String> {
            let found = try #require(FileManager.default.enumerator(atPath: folder))
            var files: Set<String> = []
            for case let path as String in found where !FileManager.default.isFolder("\(folder)/\(path)") {
                files.insert(path)
            }
            return files
        }
    }
}

extension FileManager {
    fileprivate func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }
}
