import Dispatching
import TemporaryFolder
import Testing

@testable import showrunner

@Suite("Files of workflows")
struct WorkflowFilesTests {
    private static let definition = #"{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#

    /// A folder with these files, for as long as the body takes.
    private func with(_ files: [(name: String, text: String)], _ body: (String) throws -> Void) throws {
        let folder = try TemporaryFolder()
        for file in files { try folder.write(file.name, Array(file.text.utf8)) }
        try body(folder.path)
        withExtendedLifetime(folder) {}
    }

    @Test("dispatch.yaml is read with the definitions")
    func dispatch() throws {
        try with([("a.asl.yaml", Self.definition)]) { path in
            let reading = try WorkflowReading.directory(path)
            #expect(reading.dispatch == .standard)
        }
        try with([("a.asl.yaml", Self.definition), ("dispatch.yaml", "parkAfter: 7\n")]) { path in
            let reading = try WorkflowReading.directory(path)
            #expect(reading.problems == [] && !reading.hasErrors && reading.dispatch.parkAfter == 7)
            let rules = try DispatchFile.rules(path + "/dispatch.yaml")
            #expect(rules == reading.dispatch)
        }
    }

    @Test("its faults are told with their places, to the engine and to lint")
    func wrongDispatch() throws {
        try with([("dispatch.yaml", "parkAfter: 7\nmachines:\n  a: {priority: 99}\nstep: {}\n")]) { path in
            let file = path + "/dispatch.yaml"
            let reading = try WorkflowReading.directory(path)
            #expect(reading.hasErrors && reading.problems.count == 2, "\(reading.problems)")
            for (problem, line) in zip(reading.problems, [3, 4]) {
                #expect(problem.hasPrefix("\(file):\(line):") && problem.contains(": error: "), "\(problem)")
            }
            let linted = try #require(CompanionFile(file)).problems(file)
            #expect(linted.hasErrors && linted.problems == reading.problems)
            #expect(throws: CommandFailure.self) { try DispatchFile.rules(file) }
        }
    }

    @Test(
        "the engine's note lies beside the spool, however that is written",
        arguments: [
            ("uploads", "uploads.deciding"), ("/var/spool/uploads/", "/var/spool/uploads.deciding"),
            ("a//", "a.deciding"), ("/", "/.deciding"),
        ])
    func decisionNote(spool: String, note: String) {
        #expect(EngineCommand.note(beside: spool) == note)
    }

    @Test("one file says all")
    func twice() throws {
        try with([("dispatch.json", "{}"), ("dispatch.yaml", "{}")]) { path in
            let reading = try WorkflowReading.directory(path)
            #expect(reading.hasErrors)
            #expect(
                reading.problems == [
                    "\(path)/dispatch.yaml:1:1: error: There is dispatch.json beside it; one file says all"
                ])
        }
    }

    @Test("a file that is neither YAML nor JSON is told with its place, whatever it is for")
    func malformed() throws {
        let names = ["a.asl.yaml", "dispatch.yaml", "schedules.yaml", "triggers.yaml"]
        try with(names.map { ($0, "a: [\n") }) { path in
            let reading = try WorkflowReading.directory(path)
            #expect(reading.hasErrors && reading.problems.count == 4, "\(reading.problems)")
            for (problem, name) in zip(reading.problems.sorted(), names) {
                #expect(problem.hasPrefix("\(path)/\(name):") && problem.contains(": error: "), "\(problem)")
            }
        }
    }
}
