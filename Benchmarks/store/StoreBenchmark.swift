import Engine
import Foundation
import JSON
import Journal
import LocalPostgres
import Logging
import Postgres
import StatesLanguage

/// What much costs: executions that wait, one execution of very many events, a Map with very many children.
///
///     store-benchmark DIRECTORY [waiting COUNT] [events COUNT] [map COUNT]
///
/// Runs a private server with fsync in DIRECTORY. Each measurement is a process of its own with the engine in it and nothing
/// else, so that its memory is the engine's.
@main
struct StoreBenchmark {
    static let region = "arn:aws:states:us-east-1:000000000000"

    static func main() async throws {
        let arguments = CommandLine.arguments
        if let child = ProcessInfo.processInfo.environment["STORE_BENCHMARK"] {
            try await measure(child, url: arguments[1], count: Int(arguments[2]) ?? 0)
            return
        }
        guard arguments.count > 1 else {
            print("usage: store-benchmark DIRECTORY [waiting COUNT] [events COUNT] [map COUNT]")
            exit(2)
        }
        var counts = ["waiting": 100_000, "events": 1_000_000, "map": 100_000]
        if arguments.count > 2 {
            counts = [:]
            for index in stride(from: 2, to: arguments.count - 1, by: 2) {
                counts[arguments[index]] = Int(arguments[index + 1])
            }
        }
        let cluster = LocalCluster(
            directory: arguments[1], settings: ["max_connections": "100", "shared_buffers": "256MB"])
        try await cluster.start()
        if let count = counts["waiting"] {
            let url = try await database(cluster, "waiting")
            // The first ends itself with SIGKILL.
            run("waiting", url, count)
            run("recovery", url, count)
        }
        if let count = counts["events"] { run("events", try await database(cluster, "events"), count) }
        if let count = counts["map"] { run("map", try await database(cluster, "map"), count) }
        try await cluster.stop()
    }

    private static func database(_ cluster: LocalCluster, _ name: String) async throws -> String {
        let connection = try await PostgresConnection.connect(
            await cluster.url(database: "postgres"), applicationName: "benchmark", deadline: .seconds(10))
        _ = try await connection.script("DROP DATABASE IF EXISTS \(name)", deadline: .seconds(30))
        _ = try await connection.script("CREATE DATABASE \(name)", deadline: .seconds(30))
        await connection.close()
        return await cluster.url(database: name)
    }

    private static func run(_ what: String, _ url: String, _ count: Int) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = [url, String(count)]
        process.environment = ProcessInfo.processInfo.environment.merging(["STORE_BENCHMARK": what]) { $1 }
        do { try process.run() } catch { preconditionFailure("cannot run itself: \(error)") }
        process.waitUntilExit()
        guard process.terminationStatus == 0 || what == "waiting" && process.terminationStatus == SIGKILL else {
            preconditionFailure("\(what) ended with \(process.terminationStatus)")
        }
    }

    // MARK: One measurement

    private static func measure(_ what: String, url: String, count: Int) async throws {
        let began = ContinuousClock.now
        let log = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
        let journal = Journal(url: url, incarnation: "\(what)-\(getpid())", log: log)
        try await journal.migrate()
        var limits = Engine.Limits()
        limits.idleTime = .seconds(5)
        limits.openExecutions = 200_000
        let engine = Engine(journal: journal, log: log, contracts: [], itemSource: Numbers(), limits: limits)
        try await engine.activate(holder: what, isDead: { _ in true })
        try await engine.loadMachines()
        for (name, definition) in machines {
            guard let machine = Definition.read(json: definition).machine else { preconditionFailure(name) }
            try await engine.deploy(name: name, machine: machine, definition: try JSON(parsing: definition))
        }
        await engine.beginServing()
        let ready = ContinuousClock.now - began
        switch what {
        case "waiting": try await waiting(engine, count)
        case "recovery":
            print(
                "recovery: \(await engine.coldCount) executions waiting, ready after \(seconds(ready)) s,",
                "RSS \(memory("VmRSS")) MB (peak \(memory("VmHWM")) MB), CPU \(processorSeconds()) s")
        case "events":
            try await events(engine, journal, count)
            try await views(url)
        case "map": try await map(engine, count)
        default: preconditionFailure(what)
        }
        await engine.stop()
        await journal.close(deadline: .seconds(10))
    }

    private static let machines: [(String, String)] = [
        ("wait", #"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":86400,"End":true}}}"#),
        (
            "circle",
            #"""
            {"StartAt":"Begin","States":{
              "Begin":{"Type":"Pass","Result":0,"ResultPath":"$.n","Next":"Step"},
              "Step":{"Type":"Pass","Parameters":{"n.$":"States.MathAdd($.n, 1)","times.$":"$.times"},"Next":"Again"},
              "Again":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericLessThanPath":"$.times","Next":"Step"}],
                "Default":"Rest"},
              "Rest":{"Type":"Wait","Seconds":86400,"End":true}}}
            """#
        ),
        (
            "wide",
            #"""
            {"StartAt":"M","States":{
              "M":{"Type":"Map","MaxConcurrency":1000,
                "ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"JSON"},
                  "Parameters":{"Bucket":"numbers","Key.$":"$.count"}},"End":true,"ResultPath":null,
                "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
                  "StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}}}}
            """#
        ),
    ]

    private static func waiting(_ engine: Engine, _ count: Int) async throws {
        let empty = memory("VmRSS")
        let began = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<256 {
                group.addTask {
                    for number in stride(from: caller, to: count, by: 256) {
                        _ = try await engine.startExecution(
                            machine: "wait", name: "w\(number)", input: #"{"title":"Elf","number":\#(number)}"#)
                    }
                }
            }
            try await group.waitForAll()
        }
        let started = ContinuousClock.now - began
        let peak = memory("VmRSS")
        while await engine.coldCount < count { try await Task.sleep(for: .milliseconds(100)) }
        print(
            "waiting: \(count) executions started in \(seconds(started)) s; RSS \(empty) MB empty, \(peak) MB when all",
            "were started, \(memory("VmRSS")) MB when all were out of memory (\(await engine.executionCount) in it);",
            "CPU \(processorSeconds()) s")
        fflush(nil)
        kill(getpid(), SIGKILL)
    }

    private static func events(_ engine: Engine, _ journal: Journal, _ count: Int) async throws {
        print("events of one execution; a circle of a Pass and a Choice state")
        print("up to       s    us CPU an event   RSS MB   us CPU to load   ms a page of 1,000, first / middle / last")
        var decade = 1_000
        while decade <= count {
            let name = "c\(decade)"
            let arn = "\(region):execution:circle:\(name)"
            let (began, processor) = (ContinuousClock.now, processorSeconds())
            _ = try await engine.startExecution(
                machine: "circle", name: name, input: #"{"times":\#(decade / 4)}"#)
            while try await engine.run(arn).run.current != ["Rest"] { try await Task.sleep(for: .milliseconds(50)) }
            let (wall, spent) = (ContinuousClock.now - began, processorSeconds() - processor)
            let id = try await engine.run(arn).run.id
            let loading = processorSeconds()
            _ = try await JournalReport.make(of: id, journal: journal)
            let loaded = processorSeconds() - loading
            var pages: [String] = []
            for (mark, isReversed): (String?, Bool) in [(nil, false), ("\(decade / 2)", false), (nil, true)] {
                let began = ContinuousClock.now
                _ = try await engine.history(arn, isReversed: isReversed, limit: 1_000, after: mark)
                pages.append("\(Int((ContinuousClock.now - began) / .milliseconds(1)))")
            }
            print(
                decade, seconds(wall), digits(spent * 1e6 / Double(decade)), memory("VmRSS"), Int(loaded * 1e6),
                pages.joined(separator: " / "), separator: "\t")
            fflush(nil)
            decade *= 10
        }
    }

    /// What reading the journal by SQL costs the server.
    private static func views(_ url: String) async throws {
        let connection = try await PostgresConnection.connect(url, applicationName: "benchmark", deadline: .seconds(10))
        let effects = try await connection.query(
            """
            SELECT (sum(length(effects) - length(replace(effects, '"e":', ''))) / 4)::bigint AS n,
                   sum(length(effects))::bigint AS bytes FROM showrunner.journal
            """, [], deadline: .seconds(600))[0]
        print("views over \(effects.int("n")) effects of \(effects.int("bytes")) bytes")
        for view in ["effect", "state_visits", "attempts"] {
            let began = ContinuousClock.now
            let rows = try await connection.query(
                "SELECT count(*) AS n FROM showrunner.\(view)", [], deadline: .seconds(600))[0].int("n")
            let wall = ContinuousClock.now - began
            print(view, "\(rows) rows", "\(seconds(wall)) s", separator: "\t")
        }
        await connection.close()
        fflush(nil)
    }

    private static func map(_ engine: Engine, _ count: Int) async throws {
        print("Map of so many child executions (a Pass state each), MaxConcurrency 1,000")
        print("children    s   children/s   CPU s   RSS MB (peak)")
        var decade = 1_000
        while decade <= count {
            let arn = "\(region):execution:wide:m\(decade)"
            let (began, processor) = (ContinuousClock.now, processorSeconds())
            _ = try await engine.startExecution(
                machine: "wide", name: "m\(decade)", input: #"{"count":"\#(decade)"}"#)
            while try await engine.run(arn).run.status == .running { try await Task.sleep(for: .milliseconds(100)) }
            let wall = ContinuousClock.now - began
            print(
                decade, seconds(wall), Int(Double(decade) / (wall / .seconds(1))),
                digits(processorSeconds() - processor), "\(memory("VmRSS")) (\(memory("VmHWM")))", separator: "\t")
            fflush(nil)
            decade *= 10
        }
    }

    // MARK: Figures

    private static func seconds(_ duration: Duration) -> String { digits(duration / .seconds(1)) }

    private static func digits(_ value: Double) -> String { String((value * 10).rounded() / 10) }

    private static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// A line of /proc/self/status, in megabytes.
    private static func memory(_ name: String) -> Int {
        let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") } ?? ""
        return (line.split(whereSeparator: { " \t".contains($0) }).compactMap { Int($0) }.first ?? 0) / 1024
    }
}

/// Objects that hold as many numbers as their key says.
struct Numbers: ItemSource {
    func object(bucket: String, key: String, maximumBytes: Int) async throws(StorageRefusal) -> [UInt8] {
        Array(JSON.array((0..<(Int(key) ?? 0)).map { .integer($0) }).text.utf8)
    }

    func objects(bucket: String, prefix: String, after: String?) async throws(StorageRefusal) -> ListedObjects {
        ListedObjects(items: [], next: nil)
    }
}
