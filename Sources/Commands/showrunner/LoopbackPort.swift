import Glibc

/// A port that something of ours will listen on.
struct LoopbackPort {
    private let port: Int

    init(_ port: Int) { self.port = port }

    /// Checks that nobody listens there, before anything is started.
    ///
    /// What `up` starts listens on 127.0.0.1, which a listener on every address of the machine takes too. One on ::1
    /// alone would not be in the way; but `localhost` leads there first, and people would meet another program.
    func requireFree() throws(CommandFailure) {
        var four = sockaddr_in()
        four.sin_family = sa_family_t(AF_INET)
        four.sin_port = in_port_t(UInt16(port).bigEndian)
        four.sin_addr.s_addr = in_addr_t(UInt32(0x7F00_0001).bigEndian)
        var six = sockaddr_in6()
        six.sin6_family = sa_family_t(AF_INET6)
        six.sin6_port = in_port_t(UInt16(port).bigEndian)
        six.sin6_addr = in6addr_loopback
        try requireFree(four, AF_INET, "127.0.0.1")
        try requireFree(six, AF_INET6, "::1")
    }

    /// - Parameter address: a `sockaddr_in` or `sockaddr_in6`.
    private func requireFree<Address>(
        _ address: Address, _ family: Int32, _ text: String
    ) throws(CommandFailure) {
        let socket = Glibc.socket(family, Int32(SOCK_STREAM.rawValue), 0)
        // A machine without the address has nobody there either.
        guard socket >= 0 else { return }
        defer { close(socket) }
        var on: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        let status = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
        guard status != 0, errno != EADDRNOTAVAIL else { return }
        throw CommandFailure(
            "port \(port) can't be used: \(String(cString: strerror(errno))) on \(text); choose another with --port")
    }
}
