import Foundation
import Glibc
import JSON
import Synchronization
import Testing
import WorkerProtocol

/// An engine's side of `/worker/v1` over a real socket, whose answers a test decides and whose questions it awaits.
/// One thread accepts, one serves each connection; polls wait as long as they ask to.
final class ScriptedEngine: Sendable {
    enum Event: Sendable, Hashable {
        case poll(PollRequest)
        case heartbeat(HeartbeatRequest)
        case complete(CompleteRequest)
        case fail(FailRequest)
    }

    struct Answer: Sendable {
        var status: Int
        var json: JSON?
        var headers: [String] = []
        /// The content where it is no JSON.
        var text: String?

        static let accepted = Answer(status: 200, json: [:])
        static let stale = Answer(
            status: 409,
            json: WorkerProblem(code: WorkerProblem.staleToken, status: 409, detail: "the attempt has ended").json)
        static let starting = Answer(status: 503, json: nil, headers: ["Retry-After: 0"])
    }

    private struct State {
        var offers: [TaskOffer] = []
        var gone: Set<String> = []
        /// Tasks whose outcomes are not taken for the time being.
        var untaken: Set<String> = []
        /// Answers to the next outcomes, before they are simply accepted.
        var outcomes: [Answer] = []
        /// What else this server has, by path: sources of films.
        var pages: [String: Answer] = [:]
        var listener: Int32 = -1
        var connections: Set<Int32> = []
        var waiting: [Event] = []
        var seen: [Event] = []
        var readers: [CheckedContinuation<Void, Never>] = []
    }

    let port: Int
    private let state = Mutex(State())
    /// Wakes waiting polls.
    private let condition = NSCondition()

    var url: String { "http://127.0.0.1:\(port)" }

    init() throws {
        let (listener, port) = try ScriptedEngine.listen(port: 0)
        self.port = port
        state.withLock { $0.listener = listener }
        serve(listener)
    }

    deinit { stop() }

    // MARK: - What the test does

    func offer(_ offer: TaskOffer) {
        state.withLock { $0.offers.append(offer) }
        condition.lock()
        condition.broadcast()
        condition.unlock()
    }

    func declareGone(_ token: String) { state.withLock { _ = $0.gone.insert(token) } }

    func takeOutcomes(_ takes: Bool, of token: String) {
        state.withLock { state in
            if takes { state.untaken.remove(token) } else { state.untaken.insert(token) }
        }
    }

    func answerNextOutcomes(_ answers: Answer...) { state.withLock { $0.outcomes += answers } }

    func serve(_ path: String, _ answer: Answer) { state.withLock { $0.pages[path] = answer } }

    /// As a killed process: the port is closed, and every connection breaks.
    func stop() {
        let (listener, connections) = state.withLock { state in
            defer { state.listener = -1 }
            return (state.listener, state.connections)
        }
        if listener >= 0 { shutdown(listener, Int32(SHUT_RDWR)) }
        for connection in connections { shutdown(connection, Int32(SHUT_RDWR)) }
        condition.lock()
        condition.broadcast()
        condition.unlock()
    }

    func start() throws {
        let (listener, _) = try ScriptedEngine.listen(port: port)
        state.withLock { $0.listener = listener }
        serve(listener)
    }

    /// The next message that `pick` takes; messages before it are passed over.
    func next<Value>(_ pick: (Event) -> Value?) async -> Value {
        while true {
            let found = state.withLock { state -> Value? in
                while !state.waiting.isEmpty {
                    if let value = pick(state.waiting.removeFirst()) { return value }
                }
                return nil
            }
            if let found { return found }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state -> Bool in
                    if !state.waiting.isEmpty { return true }
                    state.readers.append(continuation)
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    func nextPoll() async -> PollRequest { await next { if case .poll(let value) = $0 { value } else { nil } } }

    func nextHeartbeat(where condition: (HeartbeatRequest) -> Bool = { _ in true }) async -> HeartbeatRequest {
        await next { if case .heartbeat(let value) = $0, condition(value) { value } else { nil } }
    }

    func nextComplete() async -> CompleteRequest {
        await next { if case .complete(let value) = $0 { value } else { nil } }
    }

    func nextFail() async -> FailRequest { await next { if case .fail(let value) = $0 { value } else { nil } } }

    /// Every message so far, whether awaited or not.
    var history: [Event] { state.withLock { $0.seen } }

    // MARK: - The server

    private static func listen(port: Int) throws -> (Int32, Int) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(listener >= 0)
        var on: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        try withUnsafeMutablePointer(to: &address) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try #require(bind(listener, $0, length) == 0, "\(String(cString: strerror(errno)))")
                try #require(Glibc.listen(listener, 64) == 0)
                try #require(getsockname(listener, $0, &length) == 0)
            }
        }
        return (listener, Int(UInt16(bigEndian: address.sin_port)))
    }

    private func serve(_ listener: Int32) {
        Thread { [weak self] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0, let self else { break }
                self.state.withLock { _ = $0.connections.insert(connection) }
                Thread { [weak self] in
                    while self?.exchange(connection) == true {}
                    self?.state.withLock { _ = $0.connections.remove(connection) }
                    close(connection)
                }.start()
            }
            close(listener)
        }.start()
    }

    /// Reads one request and answers it; false when the connection is done.
    private func exchange(_ connection: Int32) -> Bool {
        guard let (path, body) = readRequest(connection) else { return false }
        let answer = answer(path, body)
        let bytes = answer.text.map { Array($0.utf8) } ?? answer.json?.utf8 ?? []
        var head = "HTTP/1.1 \(answer.status) X\r\n"
        if answer.status != 204 { head += "Content-Length: \(bytes.count)\r\nContent-Type: application/json\r\n" }
        for header in answer.headers { head += "\(header)\r\n" }
        let message = Array((head + "\r\n").utf8) + bytes
        return send(connection, message, message.count, Int32(MSG_NOSIGNAL)) == message.count
    }

    private func readRequest(_ connection: Int32) -> (path: String, body: [UInt8])? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var headEnd: Int?
        var length = 0
        while true {
            if headEnd == nil, let range = bytes.firstRange(of: Array("\r\n\r\n".utf8)) {
                headEnd = range.upperBound
                let head = String(decoding: bytes[..<range.lowerBound], as: UTF8.self).lowercased()
                for line in head.split(separator: "\r\n") where line.hasPrefix("content-length:") {
                    length = Int(line.dropFirst("content-length:".count).filter { $0.isNumber }) ?? 0
                }
            }
            if let headEnd, bytes.count >= headEnd + length {
                let words = String(decoding: bytes[..<headEnd], as: UTF8.self).split(separator: " ")
                return words.count > 1 ? (String(words[1]), Array(bytes[headEnd..<(headEnd + length)])) : nil
            }
            let count = recv(connection, &buffer, buffer.count, 0)
            if count <= 0 { return nil }
            bytes += buffer[..<count]
        }
    }

    private func answer(_ path: String, _ body: [UInt8]) -> Answer {
        do {
            switch path {
            case WorkerProtocolPath.poll:
                let request = try PollRequest(body: body)
                note(.poll(request))
                return poll(request)
            case WorkerProtocolPath.heartbeat:
                let request = try HeartbeatRequest(body: body)
                note(.heartbeat(request))
                let gone = state.withLock { $0.gone }
                let tasks = request.tasks.map {
                    HeartbeatReply.TaskStatus(token: $0.token, status: gone.contains($0.token) ? .gone : .ok)
                }
                return Answer(status: 200, json: HeartbeatReply(tasks: tasks).json)
            case WorkerProtocolPath.complete:
                let request = try CompleteRequest(body: body)
                note(.complete(request))
                return outcomeAnswer(request.token)
            case WorkerProtocolPath.fail:
                let request = try FailRequest(body: body)
                note(.fail(request))
                return outcomeAnswer(request.token)
            default:
                return state.withLock { $0.pages[path] } ?? Answer(status: 404, json: nil)
            }
        } catch {
            Issue.record("\(path): \(error)")
            return Answer(
                status: 400,
                json: WorkerProblem(code: WorkerProblem.invalidMessage, status: 400, detail: "\(error)").json)
        }
    }

    private func outcomeAnswer(_ token: String) -> Answer {
        state.withLock { state in
            if state.untaken.contains(token) { return .starting }
            return state.outcomes.isEmpty ? .accepted : state.outcomes.removeFirst()
        }
    }

    private func poll(_ request: PollRequest) -> Answer {
        let deadline = Date(timeIntervalSinceNow: Double(request.waitSeconds))
        condition.lock()
        defer { condition.unlock() }
        while true {
            let (offer, isUp) = state.withLock { state -> (TaskOffer?, Bool) in
                guard state.listener >= 0 else { return (nil, false) }
                return (state.offers.isEmpty ? nil : state.offers.removeFirst(), true)
            }
            if let offer { return Answer(status: 200, json: PollReply(task: offer).json) }
            if !isUp || !condition.wait(until: deadline) { return Answer(status: 204, json: nil) }
        }
    }

    private func note(_ event: Event) {
        let readers = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.waiting.append(event)
            state.seen.append(event)
            defer { state.readers = [] }
            return state.readers
        }
        for reader in readers { reader.resume() }
    }
}
