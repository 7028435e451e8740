import Glibc

/// `showrunner-simulation [--seed N] [--seeds N] [--trace]`: plays scenarios of engines, workers and a database from seeds.
/// Prints every seed that shows a fault, and exits 1 then.
@main
enum Simulation {
    static func main() {
        let arguments: Arguments
        do { arguments = try Arguments(CommandLine.arguments.dropFirst()) } catch {
            print("\(error)\nusage: showrunner-simulation [--seed FIRST] [--seeds COUNT] [--trace]")
            exit(2)
        }
        // The order of a Set would otherwise differ from process to process, and with it what a seed gives.
        if getenv("SWIFT_DETERMINISTIC_HASHING") == nil {
            setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
            var words = CommandLine.arguments.map { strdup($0) } + [nil]
            execv("/proc/self/exe", &words)
            print("this program can't start itself again: errno \(errno)")
            exit(2)
        }
        Scheduler.install()
        // A trap says which seed it was.
        for number in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV] {
            signal(number) { number in
                let text = Array("seed \(current): ended by signal \(number)\n".utf8)
                _ = write(1, text, text.count)
                _exit(1)
            }
        }
        var tally: [String: Int] = [:]
        var failed = 0
        for seed in arguments.first..<arguments.first + arguments.count {
            current = seed
            let scenario = Scenario(seed: seed, isPrinted: arguments.isTraced)
            let faults = scenario.run()
            tally.merge(scenario.trace.counts, uniquingKeysWith: +)
            tally["rows", default: 0] += scenario.server.database.journal.values.reduce(0) { $0 + $1.count }
            tally["executions", default: 0] += scenario.server.database.journal.count
            tally["refused rows", default: 0] += scenario.server.database.refusedRows
            tally["noted as cold", default: 0] += scenario.server.database.coldNotes
            tally["woken by time", default: 0] += scenario.server.database.wokenByTime
            tally["snapshots", default: 0] += scenario.server.database.snapshots.values.reduce(0) { $0 + $1.count }
            tally["titles", default: 0] += scenario.server.database.titles.count
            tally["jobs", default: 0] += Scheduler.shared.jobs
            if arguments.count == 1 || !faults.isEmpty {
                print("seed \(seed): trace \(String(scenario.trace.hash, radix: 16)), \(scenario.trace.lines) lines")
            }
            for fault in faults { print("seed \(seed): \(fault)") }
            failed += faults.isEmpty ? 0 : 1
            fflush(nil)
        }
        print("\(arguments.count) seeds, \(failed) with faults")
        for (what, count) in tally.sorted(by: { $0.key < $1.key }) { print("  \(what): \(count)") }
        exit(failed == 0 ? 0 : 1)
    }
}

/// The seed that is played; for the signal handler.
nonisolated(unsafe) private var current: UInt64 = 0

/// What stands on the command line.
private struct Arguments {
    var first: UInt64 = 1
    var count: UInt64 = 1
    var isTraced = false

    struct Wrong: Error, CustomStringConvertible {
        let description: String
    }

    init(_ words: ArraySlice<String>) throws {
        var rest = words
        while let word = rest.popFirst() {
            switch word {
            case "--trace": isTraced = true
            case "--seed": first = try Self.number(rest.popFirst(), of: word)
            case "--seeds": count = try Self.number(rest.popFirst(), of: word)
            default: throw Wrong(description: "'\(word)' is no option")
            }
        }
    }

    private static func number(_ text: String?, of option: String) throws -> UInt64 {
        guard let text, let number = UInt64(text) else { throw Wrong(description: "\(option) takes a number") }
        return number
    }
}
