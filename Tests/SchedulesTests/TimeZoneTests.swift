import Foundation
import Schedules
import SeededNumbers
import Testing

@Suite struct TimeZoneTests {
    /// What `date` of the system says, at changes and anywhere.
    @Test func agreesWithTheSystem() throws {
        let seed: UInt64 = 20_260_308
        var numbers = SplitMix64(seed: seed)
        let names = [
            "Africa/Casablanca", "Africa/Cairo", "America/Caracas", "America/New_York", "America/Santiago",
            "America/Sao_Paulo", "America/St_Johns", "Antarctica/Troll", "Asia/Gaza", "Asia/Kathmandu", "Asia/Kolkata",
            "Asia/Pyongyang", "Asia/Tehran", "Australia/Lord_Howe", "Europe/Berlin", "Europe/Dublin", "Europe/Istanbul",
            "Pacific/Apia", "Pacific/Chatham", "Pacific/Kiritimati", "UTC", "Etc/GMT+5",
        ]
        for name in names {
            let zone = try zone(name)
            // From 1950 to 2100, and both sides of every hour of two years, where the changes are.
            var times = (0..<1500).map { _ in Int.random(in: -631_152_000..<4_102_444_800, using: &numbers) }
            for hour in 0..<(2 * 366 * 24) { times.append(1_767_225_600 + hour * 3600 - hour % 2) }
            let told = try Self.system(name, times)
            try #require(told.count == times.count)
            for (time, system) in zip(times, told) {
                let period = zone.period(at: time)
                let own = "\(zone.localTime(at: time)) \(period.abbreviation)"
                if own != system { Issue.record("\(name) at \(time): \(own), system \(system), seed \(seed)") }
            }
        }
    }

    private static func system(_ zone: String, _ times: [Int]) throws -> [String] {
        let process = Process()
        let input = Pipe()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["TZ=\(zone)", "LC_ALL=C", "date", "-f", "-", "+%Y-%m-%dT%H:%M:%S %Z"]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        let text = times.map { "@\($0)\n" }.joined()
        let writer = Thread {
            input.fileHandleForWriting.write(Data(text.utf8))
            input.fileHandleForWriting.closeFile()
        }
        writer.start()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// Local time, to time, and back.
    @Test(arguments: ["America/New_York", "America/Santiago", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"])
    func resolvesWhatItShows(name: String) throws {
        let zone = try zone(name)
        let seed: UInt64 = 7
        var numbers = SplitMix64(seed: seed)
        for _ in 0..<5000 {
            let time = Int.random(in: 0..<4_102_444_800, using: &numbers)
            switch zone.resolve(zone.localTime(at: time)) {
            case .once(let found): #expect(found == time, "seed \(seed)")
            case .twice(let first, let second): #expect(first == time || second == time, "seed \(seed)")
            case .never: Issue.record("\(name) shows a time at \(time) that never is, seed \(seed)")
            }
        }
    }

    private static func file() throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: "/usr/share/zoneinfo/Europe/Berlin")))
    }

    @Test func refusesWhatIsNoZoneFile() throws {
        let good = try Self.file()
        func reason(_ bytes: [UInt8]) -> String {
            do throws(TimeZoneError) {
                _ = try TimeZoneRules(name: "X/Y", tzif: bytes)
                return "read"
            } catch {
                return error.description
            }
        }
        #expect(reason(good) == "read")
        #expect(reason([]) == "time zone 'X/Y': its file is no TZif file")
        #expect(reason(Array("TZif2".utf8)) == "time zone 'X/Y': its file is no TZif file")
        #expect(reason([UInt8](repeating: 0, count: 65_537)).hasSuffix("65536 are allowed"))
        // Cut anywhere, it is refused.
        for length in 0..<good.count { #expect(reason(Array(good.prefix(length))) != "read", "\(length)") }
        // The footer is the last line.
        let line = Array("\nCET-1CEST,M3.5.0,M10.5.0/3\n".utf8)
        try #require(good.suffix(line.count).elementsEqual(line))
        func footer(_ text: String) -> String { reason(good.dropLast(line.count) + Array("\n\(text)\n".utf8)) }
        #expect(footer("") == "read")
        #expect(footer("<+0545>-5:45") == "read")
        #expect(footer("XXX3EDT4,0/0,J365/23") == "read")
        for text in ["CET", "CET-1CEST", "CE-1", "CET-25", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.5.0,M10.5.0x"] {
            #expect(footer(text) == "time zone 'X/Y': its file's footer '\(text)' is no TZ string")
        }
    }

    /// Bytes changed at random are read or refused, and what is read can be asked.
    @Test(arguments: 0..<2000)
    func survivesDamage(seed: UInt64) throws {
        var numbers = SplitMix64(seed: seed)
        var bytes = try Self.file()
        for _ in 0..<Int.random(in: 1...4, using: &numbers) {
            bytes[Int.random(in: 0..<bytes.count, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
        }
        do throws(TimeZoneError) {
            let rules = try TimeZoneRules(name: "X", tzif: bytes)
            let expression: ScheduleExpression
            do { expression = try ScheduleExpression("cron(0/30 * * * ? *)") } catch { return }
            let timing = ScheduleTiming(expression: expression, zone: rules)
            let count = timing.occurrences(after: 1_700_000_000, anchor: 0).prefix(100).reduce(0) { sum, _ in sum + 1 }
            #expect(count == 100)
        } catch {
            #expect(!error.reason.isEmpty)
        }
    }

    @Test func knowsTheFormOfNames() {
        for name in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "America/Port-au-Prince"] {
            #expect(TimeZoneRules.isName(name), "\(name)")
        }
        for name in ["", "/UTC", "../passwd", "Europe//Berlin", "Europe/", "a/../b", "x\0", "localtime", "Ü"] {
            #expect(!TimeZoneRules.isName(name), "\(name)")
        }
    }
}
