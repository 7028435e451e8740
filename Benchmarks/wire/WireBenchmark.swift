import Foundation
import Glibc
import Load

/// What the wire API costs: StartExecution calls a second, and how long it takes from a start until its first task is in a
/// worker's hands; next to pgbench's rate for the smallest transition on the same server in the same run.
///
///     wire-benchmark PORT DATABASE [SECONDS]
///
/// of a running engine, where DATABASE is its database's URI. Speaks HTTP over sockets of its own, one connection and one thread
/// a client, each call when the one before is answered. An execution of the measured machine is one Pass state: it begins and
/// ends with one row of the journal.
@main
struct WireBenchmark {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count > 2, let port = UInt16(arguments[1]) else {
            FileHandle.standardError.write(Data("usage: wire-benchmark PORT DATABASE [SECONDS]\n".utf8))
            exit(2)
        }
        let seconds = arguments.count > 3 ? Double(arguments[3]) ?? 10 : 10
        let setUp = try Caller(port: port)
        let role = #""roleArn":"arn:aws:iam::000000000000:role/benchmark""#
        let mark = String(UInt32.random(in: 0 ... .max), radix: 16)
        let pass = #"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"End\":true}}}"#
        try setUp.call("CreateStateMachine", #"{"name":"pass-\#(mark)",\#(role),"definition":"\#(pass)"}"#)

        print("load before: \(try String(contentsOfFile: "/proc/loadavg", encoding: .utf8))", terminator: "")
        print("StartExecution: clients  calls/s  p50 ms  p99 ms")
        for clients in [1, 32] {
            let latencies = try await load(port, clients: clients, seconds: seconds) { caller in
                try caller.call("StartExecution", #"{"stateMachineArn":"\#(Self.prefix)stateMachine:pass-\#(mark)"}"#)
            }
            tell(clients, latencies, seconds)
        }

        print("start until the first task is handed out: executions/s  p50 ms  p99 ms")
        let handOuts = try await measureHandOut(port, mark, role, setUp, seconds: seconds)
        tell(1, handOuts, seconds)

        for clients in [1, 32] {
            let count = Int(seconds) * (clients == 1 ? 150 : 60)
            let peer = try await Pgbench.rate(.row, url: arguments[2], clients: clients, transactions: count)
            print("pgbench, \(clients) clients: \(Int(peer.rate)) a second")
        }
        print("load after: \(try String(contentsOfFile: "/proc/loadavg", encoding: .utf8))", terminator: "")
    }

    static let prefix = "arn:aws:states:us-east-1:000000000000:"

    private static func tell(_ clients: Int, _ latencies: [Double], _ seconds: Double) {
        print(
            "\(clients)\t\(Int(Double(latencies.count) / seconds))\t\(digits(latencies.quantile(0.5)))\t"
                + digits(latencies.quantile(0.99)))
        fflush(nil)
    }

    /// Calls from so many clients for so long; the latencies in milliseconds, sorted.
    private static func load(
        _ port: UInt16, clients: Int, seconds: Double, _ call: @escaping @Sendable (Caller) throws -> Void
    ) async throws -> [Double] {
        let end = ContinuousClock.now.advanced(by: .milliseconds(Int64(seconds * 1000)))
        return try await withThrowingTaskGroup(of: [Double].self) { group in
            for _ in 0..<clients {
                group.addTask {
                    try await onThread {
                        let caller = try Caller(port: port)
                        var latencies: [Double] = []
                        while .now < end {
                            let before = ContinuousClock.now
                            try call(caller)
                            latencies.append((ContinuousClock.now - before) / .milliseconds(1))
                        }
                        return latencies
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }.sorted()
        }
    }

    /// From the first byte of StartExecution until a GetActivityTask that waited is answered. One at a time: the poll waits
    /// before the start is sent, as far as the order of two connections can tell.
    private static func measureHandOut(
        _ port: UInt16, _ mark: String, _ role: String, _ setUp: Caller, seconds: Double
    ) async throws -> [Double] {
        let activity = "\(prefix)activity:a-\(mark)"
        try setUp.call("CreateActivity", #"{"name":"a-\#(mark)"}"#)
        let task =
            #"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Task\",\"Resource\":\"\#(activity)\",\"End\":true}}}"#
        try setUp.call("CreateStateMachine", #"{"name":"task-\#(mark)",\#(role),"definition":"\#(task)"}"#)
        return try await onThread {
            let (starter, worker) = (try Caller(port: port), try Caller(port: port))
            var latencies: [Double] = []
            let end = ContinuousClock.now.advanced(by: .milliseconds(Int64(seconds * 1000)))
            while .now < end {
                try worker.send("GetActivityTask", #"{"activityArn":"\#(activity)"}"#)
                // Time for the poll to be waiting when the start comes; it is not part of what is measured.
                usleep(2000)
                let before = ContinuousClock.now
                try starter.send("StartExecution", #"{"stateMachineArn":"\#(prefix)stateMachine:task-\#(mark)"}"#)
                let answer = try worker.receive()
                latencies.append((ContinuousClock.now - before) / .milliseconds(1))
                try starter.receive()
                guard let token = answer.firstMatch(of: /"taskToken":"([^"]*)"/)?.1 else {
                    throw Failure(reason: "no task came: \(answer)")
                }
                try starter.call("SendTaskSuccess", #"{"taskToken":"\#(token)","output":"{}"}"#)
            }
            return latencies.sorted()
        }
    }
}
