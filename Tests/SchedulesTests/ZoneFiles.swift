import Foundation
import Schedules
import Testing

/// The rules of the machine's time zone database.
func zone(_ name: String) throws -> TimeZoneRules {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: "/usr/share/zoneinfo/\(name)"))
    return try TimeZoneRules(name: name, tzif: [UInt8](bytes))
}
