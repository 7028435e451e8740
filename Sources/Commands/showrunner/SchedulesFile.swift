import Glibc
import JSON
import Schedules
import StatesLanguage
import YAML

/// A file of schedules, and the machine's time zone database that it is read with.
enum SchedulesFile {
    /// - Returns: the schedules where nothing is wrong with them, and every problem as `file:line:column: ...`.
    static func read(_ path: String) throws(FileBytes.Unreadable) -> (schedules: [Schedule]?, problems: [String]) {
        let bytes = try FileBytes.read(path, limit: YAMLDocument.maximumBytes)
        let tree: SourceTree
        do throws(YAMLError) {
            tree = try YAMLDocument.parse(bytes)
        } catch {
            return (nil, ["\(path):\(error.place.line):\(error.place.column): error: \(error.reason)"])
        }
        let (schedules, problems) = Schedule.read(tree, zone: zone)
        return (schedules, problems.map { $0.text(file: path) })
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
