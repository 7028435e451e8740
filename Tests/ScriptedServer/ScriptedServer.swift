import Glibc
import Synchronization

/// A server on loopback that answers as a script says, byte for byte: what no well-behaved server would send.
///
/// It listens until the process ends: a test's last word of it, its address, comes before the last connection does, and
/// a listener that is closed resets those that wait.
public final class ScriptedServer: Sendable {
    /// One connection, with blocking reads and writes on a thread of its own.
    public struct Connection {
        fileprivate let descriptor: CInt

        /// A request's head, with `content` of the length its head names; nil when the client has closed.
        public func receive() -> Received? {
            var bytes: [UInt8] = []
            while bytes.suffix(4) != [13, 10, 13, 10] {
                guard let byte = read(1) else { return nil }
                bytes += byte
            }
            let head = String(decoding: bytes, as: UTF8.self)
            let length = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
                .flatMap { Int($0.dropFirst(15).filter(\.isNumber)) }
            return Received(head: head, content: length.flatMap { read($0) } ?? [])
        }

        /// Content in chunks (RFC 9112, section 7.1), whole; nil when the client has closed within it.
        public func chunks() -> [UInt8]? {
            var content: [UInt8] = []
            while true {
                var line: [UInt8] = []
                while line.suffix(2) != [13, 10] {
                    guard let byte = read(1) else { return nil }
                    line += byte
                }
                guard let size = Int(String(decoding: line.dropLast(2), as: UTF8.self), radix: 16),
                    let chunk = read(size + 2)
                else { return nil }
                if size == 0 { return content }
                content += chunk.dropLast(2)
            }
        }

        private func read(_ count: Int) -> [UInt8]? {
            var bytes = [UInt8](repeating: 0, count: count)
            var filled = 0
            while filled < count {
                let got = bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress! + filled, count - filled, 0) }
                guard got > 0 else { return nil }
                filled += got
            }
            return bytes
        }

        /// False when the client has closed.
        @discardableResult public func send(_ bytes: [UInt8]) -> Bool {
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
                }
                guard count > 0 else { return false }
                rest = rest.dropFirst(count)
            }
            return true
        }

        @discardableResult public func send(_ text: String) -> Bool { send(Array(text.utf8)) }

        public func answer(_ status: Int = 200, _ headers: String = "", _ body: String = "") {
            send("HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
        }

        /// Ends the answer, and takes what the client still sends: closed before that, the kernel would reset the
        /// connection, and the client might lose what it has not read yet.
        fileprivate func close() {
            shutdown(descriptor, CInt(SHUT_WR))
            var patience = timeval(tv_sec: 1, tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            awaitClose()
            Glibc.close(descriptor)
        }

        /// Blocks until the client closes.
        public func awaitClose() {
            while read(1) != nil {}
        }
    }

    public struct Received: Sendable {
        public let head: String
        public let content: [UInt8]

        public var line: String { String(head.prefix { $0 != "\r\n" }) }

        public func header(_ name: String) -> String? {
            head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
                .map { String($0.dropFirst(name.count + 1).drop { $0 == " " }) }
        }
    }

    public let url: String

    /// - Parameter script: called for each connection, on its own thread; returning closes the connection.
    public init(_ script: @escaping @Sendable (Connection) -> Void) throws {
        let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let failed = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, length) != 0 || listen(listener, 64) != 0
                    || getsockname(listener, address, &length) != 0
            }
        }
        url = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
        guard !failed else { throw Failure(code: errno) }
        Self.thread {
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0 else { return }
                Self.thread {
                    let connection = Connection(descriptor: descriptor)
                    script(connection)
                    connection.close()
                }
            }
        }
    }

    public struct Failure: Error { let code: CInt }

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    private static func thread(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body()
                return nil
            }, Unmanaged.passRetained(Work(body)).toOpaque())
        precondition(failure == 0, "No thread.")
        pthread_detach(thread)
    }
}

/// Values that connections leave for the test.
public final class Collected<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])

    public init() {}

    public var all: [Value] { values.withLock { $0 } }
    public func add(_ value: Value) { values.withLock { $0.append(value) } }
}

/// A door that opens once.
public final class Gate: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    public init() { sem_init(semaphore, 0, 0) }
    deinit { semaphore.deallocate() }

    public func open() { sem_post(semaphore) }

    /// Blocks the calling thread; false after a minute, when something is broken.
    public func pass() -> Bool {
        var deadline = timespec()
        clock_gettime(CLOCK_REALTIME, &deadline)
        deadline.tv_sec += 60
        return sem_timedwait(semaphore, &deadline) == 0
    }
}
