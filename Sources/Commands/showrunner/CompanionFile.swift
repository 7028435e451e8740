import EventPatterns
import Glibc
import JSON
import Schedules
import StatesLanguage

/// The files beside definitions that the engine reads with them: `schedules.yaml` and `triggers.yaml` say what starts
/// them, `dispatch.yaml` who gets their tasks.
enum CompanionFile {
    case schedules, triggers, dispatch

    /// Nil for a file of another name.
    init?(_ path: String) {
        switch path.split(separator: "/").last {
        case "schedules.yaml", "schedules.yml", "schedules.json": self = .schedules
        case "triggers.yaml", "triggers.yml", "triggers.json": self = .triggers
        case "dispatch.yaml", "dispatch.yml", "dispatch.json": self = .dispatch
        default: return nil
        }
    }

    /// What is wrong with a file, whose targets are the definitions beside it, if there are any.
    func problems(_ path: String) throws(FileBytes.Unreadable) -> (problems: [String], hasErrors: Bool) {
        let machines = CompanionFile.machines(beside: path)
        switch self {
        case .schedules:
            let (schedules, problems) = try SchedulesFile.read(path, machines: machines)
            return (problems, schedules == nil)
        case .triggers:
            let (triggers, problems) = try TriggersFile.read(path, machines: machines)
            return (problems, triggers == nil)
        case .dispatch:
            let (rules, problems) = try DispatchFile.read(path)
            return (problems, rules == nil)
        }
    }

    /// The names of the state machines whose definitions lie in the same directory; nil where there are none.
    private static func machines(beside path: String) -> [String]? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let directory = parts.isEmpty ? "." : parts.joined(separator: "/") + "/"
        guard let names = WorkflowReading.fileNames(in: directory) else { return nil }
        let machines = names.compactMap { name in
            WorkflowReading.extensions.first { name.hasSuffix($0) }.map { String(name.dropLast($0.count)) }
        }
        return machines.isEmpty ? nil : machines
    }
}

/// A file of triggers.
enum TriggersFile {
    /// - Returns: the triggers where nothing is wrong with them, and every problem as `file:line:column: ...`.
    static func read(
        _ path: String, machines: [String]? = nil
    ) throws(FileBytes.Unreadable) -> (triggers: [Trigger]?, problems: [String]) {
        switch try SourceFile.read(path) {
        case .failure(let problem): return (nil, [problem.description])
        case .success(let tree):
            let (triggers, problems) = Trigger.read(tree, machines: machines)
            return (triggers, problems.map { $0.text(file: path) })
        }
    }
}

/// A file of schedules, and the machine's time zone database that it is read with.
enum SchedulesFile {
    /// - Parameter machines: see ``Schedule/read(_:machines:zone:)``.
    /// - Returns: the schedules where nothing is wrong with them, and every problem as `file:line:column: ...`.
    static func read(
        _ path: String, machines: [String]? = nil
    ) throws(FileBytes.Unreadable) -> (schedules: [Schedule]?, problems: [String]) {
        switch try SourceFile.read(path) {
        case .failure(let problem): return (nil, [problem.description])
        case .success(let tree):
            let (schedules, problems) = Schedule.read(tree, machines: machines, zone: zone)
            return (schedules, problems.map { $0.text(file: path) })
        }
    }

    private static let zoneDirectory = "/usr/share/zoneinfo"

    /// The rules of a time zone; nil where the database has none of that name.
    static func zone(_ name: String) throws(TimeZoneError) -> TimeZoneRules? {
        guard access(zoneDirectory, R_OK | X_OK) == 0 else {
            throw TimeZoneError(
                name: name, reason: "this machine has no time zone database at \(zoneDirectory): install tzdata")
        }
        let path = "\(zoneDirectory)/\(name)"
        guard access(path, F_OK) == 0 else { return nil }
        let bytes: [UInt8]
        do throws(FileBytes.Unreadable) {
            bytes = try FileBytes.read(path, limit: TimeZoneRules.maximumBytes)
        } catch {
            throw TimeZoneError(name: name, reason: error.description)
        }
        return try TimeZoneRules(name: name, tzif: bytes)
    }
}
