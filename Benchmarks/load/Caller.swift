import Foundation
import Glibc

/// Why a benchmark cannot go on.
public struct Failure: Error {
    public let reason: String

    public init(reason: String) { self.reason = reason }
}

/// A client of the wire: a connection that is kept, and one call at a time.
public final class Caller {
    private let socket: CInt
    private var received: [UInt8] = []

    public init(port: UInt16) throws {
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

    public func call(_ operation: String, _ body: String) throws {
        try send(operation, body)
        try receive()
    }

    public func send(_ operation: String, _ body: String) throws {
        try send(
            "/", body,
            "X-Amz-Target: AWSStepFunctions.\(operation)\r\nContent-Type: application/x-amz-json-1.0\r\n")
    }

    /// Posts JSON to a path and gives the answer's content.
    @discardableResult
    public func post(_ path: String, _ body: String) throws -> String {
        try send(path, body, "Content-Type: application/json\r\n")
        return try receive()
    }

    private func send(_ path: String, _ body: String, _ fields: String) throws {
        let request = Array(
            ("POST \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
                .utf8)
        guard Glibc.send(socket, request, request.count, CInt(MSG_NOSIGNAL)) == request.count else {
            throw Failure(reason: "send: \(String(cString: strerror(errno)))")
        }
    }

    /// The content of the next answer, which has to be 200 or 204.
    @discardableResult
    public func receive() throws -> String {
        let end = Array("\r\n\r\n".utf8)
        var head = received.firstRange(of: end)
        while head == nil {
            try read()
            head = received.firstRange(of: end)
        }
        guard let head else { throw Failure(reason: "no head") }
        let text = String(decoding: received[..<head.lowerBound], as: UTF8.self)
        let isEmpty = text.hasPrefix("HTTP/1.1 204")
        guard let length = isEmpty ? 0 : text.firstMatch(of: /(?i)content-length: (\d+)/).flatMap({ Int($0.1) }) else {
            throw Failure(reason: "an answer without length: \(text)")
        }
        received.removeSubrange(..<head.upperBound)
        while received.count < length { try read() }
        let body = String(decoding: received[..<length], as: UTF8.self)
        received.removeSubrange(..<length)
        guard isEmpty || text.hasPrefix("HTTP/1.1 200") else { throw Failure(reason: "\(text)\n\(body)") }
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
public func onThread<Answer: Sendable>(_ body: @escaping @Sendable () throws -> Answer) async throws -> Answer {
    try await withCheckedThrowingContinuation { continuation in
        Thread { continuation.resume(with: Result { try body() }) }.start()
    }
}
