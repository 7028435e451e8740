import Foundation
import Glibc
import Postgres

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
            tell("", clients, latencies, seconds)
        }

        print("start until the first task is handed out: executions/s  p50 ms  p99 ms")
        let handOuts = try await measureHandOut(port, mark, role, setUp, seconds: seconds)
        tell("", 1, handOuts, seconds)

        try await pgbench(arguments[2], seconds: seconds)
        print("load after: \(try String(contentsOfFile: "/proc/loadavg", encoding: .utf8))", terminator: "")
    }

    static let prefix = "arn:aws:states:us-east-1:000000000000:"

    private static func tell(_ name: String, _ clients: Int, _ latencies: [Double], _ seconds: Double) {
        func digits(_ value: Double) -> String { String((value * 100).rounded() / 100) }
        print(
            "\(name)\(clients)\t\(Int(Double(latencies.count) / seconds))\t\(digits(latencies[latencies.count / 2]))\t"
                + digits(latencies[latencies.count * 99 / 100]))
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

    /// The smallest transition, a row of 1 KiB in one transaction, by PostgreSQL's own client on the engine's server.
    private static func pgbench(_ url: String, seconds: Double) async throws {
        let connection = try await PostgresConnection.connect(url, applicationName: "benchmark", deadline: .seconds(10))
        try await connection.script(
            """
            DROP TABLE IF EXISTS plain;
            CREATE TABLE plain (execution_id uuid, seq bigint, writer text, at bigint, effects text,
                                              PRIMARY KEY (execution_id, seq))
            """, deadline: .seconds(10))
        await connection.close()
        let path = FileManager.default.temporaryDirectory.path + "/wire-benchmark-insert.sql"
        try """
        INSERT INTO plain VALUES (gen_random_uuid(), 0, 'pgbench', 0, repeat('e', 1024)) ON CONFLICT DO NOTHING

        """.write(toFile: path, atomically: true, encoding: .utf8)
        for clients in [1, 32] {
            print("pgbench, \(clients) clients")
            fflush(nil)
            // By count, not by time: pgbench's alarm signal is blocked in what a thread of the pool starts.
            let command =
                "pgbench -n -c \(clients) -j 2 -t \(Int(seconds) * (clients == 1 ? 150 : 60)) -M extended -f '\(path)' '\(url)'"
            guard system(command + " | grep -E '^(tps|latency average)'") == 0 else {
                throw Failure(reason: "pgbench failed: \(command)")
            }
        }
    }
}

struct Failure: Error {
    let reason: String
}

/// A client of the wire: a connection that is kept, and one call at a time.
final class Caller {
    private let socket: CInt
    private var received: [UInt8] = []

    init(port: UInt16) throws {
        socket = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        var one: CInt = 1
        setsockopt(socket, CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(reason: "connect: \(String(cString: strerror(errno)))") }
    }

    deinit { close(socket) }

    func call(_ operation: String, _ body: String) throws {
        try send(operation, body)
        try receive()
    }

    func send(_ operation: String, _ body: String) throws {
        let request = Array(
            ("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: AWSStepFunctions.\(operation)\r\n"
                + "Content-Type: application/x-amz-json-1.0\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)").utf8)
        guard Glibc.send(socket, request, request.count, CInt(MSG_NOSIGNAL)) == request.count else {
            throw Failure(reason: "send: \(String(cString: strerror(errno)))")
        }
    }

    /// The content of the next answer, which has to be 200.
    @discardableResult
    func receive() throws -> String {
        let end = Array("\r\n\r\n".utf8)
        var head = received.firstRange(of: end)
        while head == nil {
            try read()
            head = received.firstRange(of: end)
        }
        guard let head else { throw Failure(reason: "no head") }
        let text = String(decoding: received[..<head.lowerBound], as: UTF8.self)
        guard let length = text.firstMatch(of: /(?i)content-length: (\d+)/).flatMap({ Int($0.1) }) else {
            throw Failure(reason: "an answer without length: \(text)")
        }
        received.removeSubrange(..<head.upperBound)
        while received.count < length { try read() }
        let body = String(decoding: received[..<length], as: UTF8.self)
        received.removeSubrange(..<length)
        guard text.hasPrefix("HTTP/1.1 200") else { throw Failure(reason: "\(text)\n\(body)") }
        return body
    }

    private func read() throws {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        let count = recv(socket, &buffer, buffer.count, 0)
        guard count > 0 else { throw Failure(reason: "the engine has cut the connection") }
        received.append(contentsOf: buffer[..<count])
    }
}

/// Runs blocking work on a thread of its own.
func onThread<Answer: Sendable>(_ body: @escaping @Sendable () throws -> Answer) async throws -> Answer {
    try await withCheckedThrowingContinuation { continuation in
        Thread { continuation.resume(with: Result { try body() }) }.start()
    }
}
