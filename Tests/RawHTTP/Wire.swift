import Foundation
import Glibc

/// One TCP connection and the bytes that go over it: requests as a client writes them, answers as they come.
/// Blocking; to be used inside ``onThread(_:)``.
public final class Wire {
    public struct Answer: Sendable {
        public let status: Int
        /// By lower-case name.
        public let headers: [String: String]
        public let content: [UInt8]

        public var text: String { String(decoding: content, as: UTF8.self) }
        public subscript(name: String) -> String? { headers[name.lowercased()] }
    }

    public struct Failure: Error { public let reason: String }

    private let socket: CInt
    private var received: [UInt8] = []

    public init(port: Int) throws {
        socket = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if result != 0 { throw Failure(reason: "connect: \(String(cString: strerror(errno)))") }
        // A server that never answers fails the test instead of hanging it.
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(socket) }

    public func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            if count <= 0 { throw Failure(reason: "send: \(String(cString: strerror(errno)))") }
            rest = rest.dropFirst(count)
        }
    }

    /// Writes a request's head; its content is sent apart, if at all.
    public func begin(_ method: String, _ path: String, _ headers: [String: String], length: Int?) throws {
        var head = "\(method) \(path) HTTP/1.1\r\nHost: test\r\n"
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) { head += "\(name): \(value)\r\n" }
        if let length { head += "Content-Length: \(length)\r\n" }
        try send(Array((head + "\r\n").utf8))
    }

    public func request(
        _ method: String, _ path: String, _ headers: [String: String] = [:], _ content: [UInt8]? = nil
    ) throws -> Answer {
        try begin(method, path, headers, length: content?.count)
        if let content { try send(content) }
        return try answer(hasContent: method != "HEAD")
    }

    public func answer(hasContent: Bool = true) throws -> Answer {
        let end = Array("\r\n\r\n".utf8)
        var head = received.firstRange(of: end)
        while head == nil {
            try receive()
            head = received.firstRange(of: end)
        }
        guard let head else { throw Failure(reason: "no head") }
        let lines = String(decoding: received[..<head.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(
                in: .whitespaces)
        }
        received.removeSubrange(..<head.upperBound)
        let length = hasContent ? headers["content-length"].flatMap { Int($0) } ?? 0 : 0
        while received.count < length { try receive() }
        let content = Array(received[..<length])
        received.removeSubrange(..<length)
        let status = Int(lines[0].split(separator: " ").dropFirst().first ?? "") ?? 0
        return Answer(status: status, headers: headers, content: content)
    }

    /// Whether anything has come that has not been read yet.
    public var hasAnswer: Bool {
        var byte: UInt8 = 0
        return !received.isEmpty || recv(socket, &byte, 1, CInt(MSG_PEEK) | CInt(MSG_DONTWAIT)) > 0
    }

    /// What comes until a text, and the text, as one; for answers without an end.
    public func text(through mark: String) throws -> String {
        let mark = Array(mark.utf8)
        var range = received.firstRange(of: mark)
        while range == nil {
            try receive()
            range = received.firstRange(of: mark)
        }
        guard let range else { throw Failure(reason: "no mark") }
        let text = String(decoding: received[..<range.upperBound], as: UTF8.self)
        received.removeSubrange(..<range.upperBound)
        return text
    }

    /// Sends what no well-behaved client would, and gives what comes until the server closes, which may be before it has
    /// taken everything.
    public func exchange(_ text: String) throws -> String {
        do { try send(Array(text.utf8)) } catch let failure as Failure where failure.reason.hasPrefix("send: ") {}
        return try rest()
    }

    /// What comes until the server closes.
    public func rest() throws -> String {
        do {
            while true { try receive() }
        } catch let failure as Failure where failure.reason == Self.closed {
            return String(decoding: received, as: UTF8.self)
        }
    }

    private static let closed = "the server closed"

    private func receive() throws {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(socket, &buffer, buffer.count, 0)
        // A server that has not read everything resets the connection as it closes it.
        if count == 0 || count < 0 && errno == ECONNRESET { throw Failure(reason: Self.closed) }
        if count < 0 { throw Failure(reason: String(cString: strerror(errno))) }
        received.append(contentsOf: buffer[..<count])
    }
}

/// Runs blocking work on a thread of its own, so that the server's tasks keep theirs. It stays part of the caller's
/// task: expectations inside belong to the test.
public func onThread<Answer: Sendable>(_ body: @escaping @Sendable () throws -> Answer) async throws -> Answer {
    try await withTaskExecutorPreference(BlockingExecutor.shared) { try body() }
}

private final class BlockingExecutor: TaskExecutor {
    static let shared = BlockingExecutor()

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        Thread { job.runSynchronously(on: self.asUnownedTaskExecutor()) }.start()
    }
}
