import ArgumentParser
import Dispatching
import EventPatterns
import Glibc
import JSON
import Schedules
import StatesLanguage
import StepContracts
import TerminalOutput

/// A definition file that has been read without errors.
struct WorkflowFile {
    /// The file's name without `.asl.yaml` or `.asl.json`: the state machine's name.
    let name: String
    let path: String
    let machine: StateMachine
    let definition: JSON
}

/// What reading definition files gave: the sound ones, and every problem of all of them as `file:line:column: ...`.
struct WorkflowReading {
    var files: [WorkflowFile] = []
    var problems: [String] = []
    var hasErrors = false
    /// What the directory's `schedules.yaml` says.
    var schedules: [Schedule] = []
    /// What its `triggers.yaml` says.
    var triggers: [Trigger] = []
    /// What its `dispatch.yaml` says.
    var dispatch = DispatchRules.standard

    static let extensions = [".asl.yaml", ".asl.yml", ".asl.json"]

    /// Reads all definition files of a directory.
    static func directory(_ path: String) throws(CommandFailure) -> WorkflowReading {
        guard let names = fileNames(in: path) else {
            throw CommandFailure(
                "the directory of workflows can't be read: \(path): \(String(cString: strerror(errno)))")
        }
        var reading = WorkflowReading()
        for name in names where !isDefinition(name) {
            guard let suffix = [".yaml", ".yml", ".json"].first(where: { name.hasSuffix($0) }),
                CompanionFile(name) == nil
            else { continue }
            reading.problems.append(
                "\(path)/\(name):1:1: warning: This file is not read: a state machine's is called "
                    + "\(name.dropLast(suffix.count)).asl\(suffix)")
        }
        for name in names where isDefinition(name) {
            do { try reading.add(path + "/" + name) } catch { throw CommandFailure(error.description) }
        }
        do { try reading.addCompanions(in: path, names) } catch { throw CommandFailure(error.description) }
        return reading
    }

    /// Reads the files beside the definitions. What schedules and triggers start may have been made over the wire, and be
    /// known to the engine alone.
    private mutating func addCompanions(in path: String, _ names: [String]) throws(FileBytes.Unreadable) {
        var found: [CompanionFile: String] = [:]
        for name in names {
            guard let kind = CompanionFile(name) else { continue }
            let file = path + "/" + name
            if let other = found.updateValue(name, forKey: kind) {
                problems.append("\(file):1:1: error: There is \(other) beside it; one file says all")
                hasErrors = true
                continue
            }
            switch kind {
            case .schedules:
                let (read, problems) = try SchedulesFile.read(file)
                self.problems += problems
                if let read { schedules = read } else { hasErrors = true }
            case .triggers:
                let (read, problems) = try TriggersFile.read(file)
                self.problems += problems
                if let read { triggers = read } else { hasErrors = true }
            case .dispatch:
                let (read, problems) = try DispatchFile.read(file)
                self.problems += problems
                if let read { dispatch = read } else { hasErrors = true }
            }
        }
    }

    /// Whether a file is one of a definition, by its name.
    static func isDefinition(_ name: String) -> Bool { extensions.contains { name.hasSuffix($0) } }

    /// The names of what is in a directory, sorted; nil, with `errno`, when it can't be read.
    static func fileNames(in path: String) -> [String]? {
        guard let directory = opendir(path) else { return nil }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(
                withUnsafePointer(to: entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names.sorted()
    }

    /// Reads the one definition that a command is about. What is wrong with it goes to standard error; with an error
    /// in it there is no going on.
    static func one(_ path: String) throws -> WorkflowFile {
        var reading = WorkflowReading()
        try reading.add(path)
        for problem in reading.problems { Terminal.error(problem) }
        guard let file = reading.files.first else { throw CommandFailure("\(path) is no definition that can be used") }
        return file
    }

    /// Reads one file. Throws when it can't be read at all; what is wrong within it is a problem.
    mutating func add(_ path: String) throws(FileBytes.Unreadable) {
        let tree: SourceTree
        switch try SourceFile.read(path) {
        case .success(let found): tree = found
        case .failure(let problem):
            problems.append(problem.description)
            hasErrors = true
            return
        }
        let (machine, diagnostics) = Definition.read(tree, contracts: Self.contracts)
        problems += diagnostics.map { $0.text(file: path) }
        if machine != nil { problems += RunnerLint.problems(in: tree, file: path) }
        guard let machine else {
            hasErrors = true
            return
        }
        let file = path.split(separator: "/").last.map(String.init) ?? path
        let suffix = Self.extensions.first { file.hasSuffix($0) } ?? ""
        files.append(
            WorkflowFile(
                name: String(file.dropLast(suffix.count)), path: path, machine: machine, definition: tree.json))
    }

    /// The steps as the linter knows them.
    static let contracts: [String: StepContractView] = Dictionary(
        uniqueKeysWithValues: StepContract.all.map { contract in
            (
                contract.name,
                StepContractView(
                    name: contract.name, input: contract.input.map(view), output: contract.output.map(view),
                    errors: contract.errors)
            )
        })

    private static func view(_ field: StepField) -> StepContractView.Member {
        StepContractView.Member(name: field.name, kind: field.kind.rawValue, isRequired: field.isRequired)
    }
}
