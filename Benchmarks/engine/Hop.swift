import Engine
import Glibc
import JSON
import Load

/// Ten Task states in a row, each of which waits until the append that ends it is durable. A transition is such an append.
enum Hop {
    static func run(_ stage: EngineStage, open: Int, seconds: Int) async throws {
        try await prepare(stage, open: open)
        // Before and after: the disk and the neighbours change within seconds.
        let clients = open == 1 ? 1 : 16
        let first = try await peer(stage, clients: clients)
        let before = stage.answers.count
        let cost = try await Cost.measure(stage) { try await drive(stage, open: open, seconds: seconds) }
        print("hop, \(open) executions open")
        let count = stage.answers.count - before
        cost.tell("transitions", count)
        let second = try await peer(stage, clients: clients)
        let mean = (first.rate + second.rate) / 2
        let processor = ((first.processorSecondsPerThousand ?? 0) + (second.processorSecondsPerThousand ?? 0)) / 2
        print(
            "pgbench, \(clients) clients, before and after: \(Int(first.rate)) and \(Int(second.rate)) transitions a second, "
                + "processor of the server \(digits(processor, 3)) s for 1,000")
        print("ratio \(digits(Double(count) / cost.seconds / mean))")
    }

    private static func peer(
        _ stage: EngineStage, clients: Int
    ) async throws -> (rate: Double, processorSecondsPerThousand: Double?) {
        try await Pgbench.rate(
            .rowAndRun, url: stage.url, clients: clients, transactions: clients == 1 ? 4000 : 1000, meter: stage.meter)
    }

    /// What the first calls make once: connections, plans, the machine's parsed definition.
    static func prepare(_ stage: EngineStage, open: Int) async throws {
        _ = try await stage.engine.createMachine(NewMachine(name: "hop", definition: definition))
        try await drive(stage, open: min(open, 16), seconds: 1)
    }

    /// Transitions a second, over so long.
    static func rate(_ stage: EngineStage, open: Int, seconds: Int) async throws -> Double {
        let before = stage.answers.count
        let began = ContinuousClock.now
        try await drive(stage, open: open, seconds: seconds)
        return Double(stage.answers.count - before) / ((ContinuousClock.now - began) / .seconds(1))
    }

    /// Keeps so many executions open for so long, then lets them end. Nobody waits for a start before the next: a start is
    /// answered once it is durable, and a driver that waited would keep fewer open than it says.
    private static func drive(_ stage: EngineStage, open: Int, seconds: Int) async throws {
        let end = ContinuousClock.now.advanced(by: .seconds(seconds))
        try await withThrowingDiscardingTaskGroup { group in
            for lane in 0..<open { group.addTask { try await start(stage, lane) } }
            var running = open
            for await lane in stage.answers.ends {
                if .now < end {
                    group.addTask { try await start(stage, lane) }
                } else {
                    running -= 1
                    if running == 0 { break }
                }
            }
        }
    }

    private static func start(_ stage: EngineStage, _ lane: Int) async throws {
        _ = try await stage.engine.startExecution(machine: "hop", name: nil, input: #"{"lane":\#(lane),"last":false}"#)
    }

    private static let definition: String = {
        let states = (1...10).map { number in
            let payload = #"{"lane.$":"$.lane","last":\#(number == 10)}"#
            let parameters = #""Parameters":{"FunctionName":"answer","Payload":\#(payload)},"ResultPath":null,"#
            let next = number == 10 ? #""End":true"# : #""Next":"Hop\#(number + 1)""#
            return #""Hop\#(number)":{"Type":"Task","Resource":"\#(Answers.resource)",\#(parameters)\#(next)}"#
        }
        return #"{"StartAt":"Hop1","States":{\#(states.joined(separator: ","))}}"#
    }()
}
