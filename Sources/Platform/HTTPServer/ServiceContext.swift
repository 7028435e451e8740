import Encodings
public import Hummingbird
import Synchronization

/// What the routes of our servers know about a request besides the request itself.
public struct ServiceContext: RequestContext {
    public var coreContext: CoreRequestContextStorage
    /// The request's name in logs, problems and the `Request-Id` field: the client's own where it sent a well-formed one.
    public internal(set) var requestID: String
    /// The peer's IP address, nil on a Unix-domain socket.
    public let peerAddress: String?

    public init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        requestID = RequestIDs.next()
        peerAddress = source.channel.remoteAddress?.ipAddress
    }

    /// Whether the peer is on this machine.
    public var isLoopback: Bool {
        guard let peerAddress else { return true }
        return peerAddress == "::1" || peerAddress.hasPrefix("127.") || peerAddress.hasPrefix("::ffff:127.")
    }
}

/// Names for requests, unique over processes: 64 random bits of the process, then a count.
private enum RequestIDs {
    private static let process = Hex.digits(UInt64.random(in: .min ... .max))
    private static let count = Atomic<UInt64>(0)

    static func next() -> String {
        process + Hex.digits(count.wrappingAdd(1, ordering: .relaxed).newValue)
    }
}
