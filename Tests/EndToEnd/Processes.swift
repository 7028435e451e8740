import Foundation

/// A process of this machine. Two that have had the same pid differ in their start.
struct ProcessStamp: Hashable, Sendable, CustomStringConvertible {
    let pid: Int32
    let start: String
    let name: String

    var description: String { "\(pid) (\(name))" }

    /// Nil when there is no such process, or only its remains.
    init?(pid: Int32) {
        guard let fields = ProcessTable.fields(of: pid), fields.state != "Z" else { return nil }
        (self.pid, start, name) = (pid, fields.start, fields.name)
    }

    var isRunning: Bool { ProcessStamp(pid: pid) == self }
}

/// What /proc knows (proc(5)).
enum ProcessTable {
    fileprivate struct Fields {
        let name: String
        let state: String
        let parent: Int32
        let start: String
    }

    fileprivate static func fields(of pid: Int32) -> Fields? {
        guard let bytes = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        // The name may hold anything; it ends at the last parenthesis.
        guard let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")") else { return nil }
        let rest = text[text.index(after: close)...].split(separator: " ")
        guard rest.count > 19, let parent = Int32(rest[1]) else { return nil }
        return Fields(
            name: String(text[text.index(after: open)..<close]), state: String(rest[0]), parent: parent,
            start: String(rest[19]))
    }

    private static var pids: [Int32] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) } }
    }

    /// All processes below one, and itself.
    static func tree(of root: Int32) throws -> Set<ProcessStamp> {
        var children: [Int32: [Int32]] = [:]
        for pid in try pids {
            if let fields = fields(of: pid) { children[fields.parent, default: []].append(pid) }
        }
        var found: Set<ProcessStamp> = []
        var waiting = [root]
        while let pid = waiting.popLast() {
            if let stamp = ProcessStamp(pid: pid) { found.insert(stamp) }
            waiting += children[pid] ?? []
        }
        return found
    }

    /// All processes with a text in their command line.
    static func mentioning(_ text: String) throws -> Set<ProcessStamp> {
        var found: Set<ProcessStamp> = []
        for pid in try pids {
            guard let bytes = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline"),
                String(decoding: bytes, as: UTF8.self).contains(text), let stamp = ProcessStamp(pid: pid)
            else { continue }
            found.insert(stamp)
        }
        return found
    }
}

/// Ports of loopback that nobody listens on.
enum FreePorts {
    /// The first of `count` neighbours. Somebody may take one between the look and its use; then `up` says so.
    static func neighbours(_ count: Int) -> Int {
        while true {
            // Below the range that the kernel hands out for outgoing connections (ip_local_port_range, 32768 on).
            let first = Int.random(in: 20_000..<32_000)
            if (first..<first + count).allSatisfy(isFree) { return first }
        }
    }

    private static func isFree(_ port: Int) -> Bool {
        guard let listener = Listener(port: port) else { return false }
        return withExtendedLifetime(listener) { true }
    }
}

/// Holds a port.
final class Listener {
    private let descriptor: Int32

    /// Which address the port is held at.
    enum Address: String, CaseIterable {
        case loopback = "127.0.0.1"
        case everywhere = "0.0.0.0"
        case loopback6 = "::1"
    }

    /// Whether the machine has an address of IPv6.
    static var hasIPv6: Bool { Listener(port: 0, at: .loopback6) != nil }

    /// Nil when the port is taken.
    init?(port: Int, at address: Address = .loopback) {
        let status: Int32
        switch address {
        case .loopback, .everywhere:
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var name = Loopback.address(port)
            if address == .everywhere { name.sin_addr.s_addr = INADDR_ANY }
            status = Self.bind(descriptor, &name)
        case .loopback6:
            descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            name.sin6_port = in_port_t(UInt16(port).bigEndian)
            name.sin6_addr = in6addr_loopback
            status = Self.bind(descriptor, &name)
        }
        guard descriptor >= 0, status == 0, listen(descriptor, 1) == 0 else {
            // `deinit` closes: the instance is whole, and ends here.
            return nil
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    private static func bind<Name>(_ descriptor: Int32, _ name: inout Name) -> Int32 {
        withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.bind(descriptor, $0, socklen_t(MemoryLayout<Name>.size))
            }
        }
    }
}

enum Loopback {
    static func address(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = in_addr_t(UInt32(0x7F00_0001).bigEndian)
        return address
    }
}
