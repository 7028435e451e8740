import Encodings

/// An HTTP/1.1 and HTTP/2 client over libcurl.
///
/// Each client runs one thread of its own, keeps connections alive and shares them between its requests. Callers
/// wait asynchronously: no call here blocks the cooperative pool. Cancelling the caller's task aborts its transfer.
/// Files are read and written, and observers run, on the client's thread: where a slow disk must not delay other
/// requests (heartbeats), use a second client.
///
/// Only `http` and `https` are spoken. The proxy variables of the environment hold, except for loopback hosts.
public final class HTTPClient: Sendable {
    /// Which peers a client may connect to.
    public enum Addresses: Sendable, Hashable {
        case any
        /// Refuses loopback, private, link-local and reserved addresses after name lookup, on redirects too, and uses
        /// no proxy: for URLs that come from outside (webhooks, HTTP tasks).
        case publicOnly
        /// As `publicOnly`, and over https alone; but the ranges named may be reached, over http, too. For calls that
        /// carry secrets to URLs that come from outside. Redirects are the caller's to follow.
        case guarded(allowing: [AddressRange])
    }

    /// What holds for all requests of one client.
    public struct Configuration: Sendable {
        public var userAgent: String
        /// Connections kept at once; further requests wait, within their timeouts.
        public var maxConnections: Int
        public var maxConnectionsPerHost: Int
        public var addresses: Addresses
        /// A PEM file of trusted certificate authorities instead of the system's.
        public var certificateAuthorities: String?

        public init(
            userAgent: String = "Showrunner", maxConnections: Int = 128, maxConnectionsPerHost: Int = 32,
            addresses: Addresses = .any, certificateAuthorities: String? = nil
        ) {
            self.userAgent = userAgent
            self.maxConnections = maxConnections
            self.maxConnectionsPerHost = maxConnectionsPerHost
            self.addresses = addresses
            self.certificateAuthorities = certificateAuthorities
        }
    }

    private let configuration: Configuration
    private let loop: TransferLoop

    var addresses: Addresses { configuration.addresses }

    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        loop = TransferLoop(
            maxConnections: configuration.maxConnections, maxConnectionsPerHost: configuration.maxConnectionsPerHost)
    }

    /// Requests under way still finish; then the thread ends.
    deinit { loop.stop() }

    /// Sends a request and answers the whole response, whatever its status.
    public func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        try await run(request, into: .memory(limit: request.maxResponseBytes))
    }

    /// Sends a request and writes the content of a 2xx answer to the file at `path`, created or emptied first.
    ///
    /// Of an answer with another status the file is not touched, and the response's body holds the first 64 KiB. When
    /// the transfer fails, the file is removed. Nothing is flushed to the disk: that is the caller's.
    ///
    /// - Parameters:
    ///   - range: the bytes to ask for (`Range` header, RFC 9110 section 14.2); a server that ignores it answers 200.
    ///   - maxBytes: more is ``HTTPError/Code/tooLarge``.
    ///   - observer: sees every piece in order, on the client's thread (to hash while receiving).
    public func download(
        _ request: HTTPRequest, to path: String, range: Range<Int64>? = nil, maxBytes: Int64,
        observer: (@Sendable (UnsafeRawBufferPointer) -> Void)? = nil
    ) async throws(HTTPError) -> HTTPResponse {
        var request = request
        if let range { request.headers["Range"] = Self.rangeHeader(range) }
        return try await run(request, into: .file(path: path, limit: maxBytes, observer: observer))
    }

    /// Sends a request and returns as soon as the head of the answer is there; the content follows as it is read.
    /// `maxResponseBytes` does not apply: what waits in memory is bounded by holding the sender back.
    public func stream(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream {
        try check(request)
        let channel = BodyChannel()
        let transfer = Transfer(request: request, sink: .channel(channel), configuration: configuration)
        let body = HTTPBody(channel: channel, transfer: transfer, loop: loop)
        let loop = self.loop
        let head = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Result<Head, HTTPError>, Never>) in
                let once = OnceContinuation(continuation)
                transfer.whenDone(head: { once.resume(.success(Head(status: $0, headers: $1))) }) { result in
                    once.resume(result.map { Head(status: $0.status, headers: $0.headers) })
                }
                loop.start(transfer)
            }
        } onCancel: {
            loop.cancel(transfer)
        }
        withExtendedLifetime(self) {}
        let value = try head.get()
        return HTTPStream(status: value.status, headers: value.headers, body: body)
    }

    /// Sends a request and answers the lines of its content as they arrive: server-sent events, JSON lines.
    ///
    /// Throws ``HTTPError/Code/status(_:)`` for anything but a 2xx answer, with the first bytes of its content in
    /// `detail`. Give the request `timeouts.total = nil` and an idle limit above the server's keep-alive comments.
    public func lines(_ request: HTTPRequest) async throws(HTTPError) -> HTTPLines {
        let stream = try await stream(request)
        guard (200...299).contains(stream.status) else {
            var bytes: [UInt8] = []
            let iterator = stream.body.makeAsyncIterator()
            while bytes.count < 4096, let piece = try await iterator.next() { bytes += piece }
            throw HTTPError(
                code: .status(stream.status),
                message: "\(request.method) \(addressWithoutSecrets(request.url)) was answered with \(stream.status).",
                detail: String(decoding: bytes.prefix(4096), as: UTF8.self), mayHaveReachedServer: true)
        }
        return HTTPLines(body: stream.body)
    }

    /// The `Range` header for a half-open range of bytes, which must not be empty.
    public static func rangeHeader(_ range: Range<Int64>) -> String {
        precondition(!range.isEmpty && range.lowerBound >= 0, "A byte range has at least one byte.")
        return "bytes=\(range.lowerBound)-\(range.upperBound - 1)"
    }

    private func check(_ request: HTTPRequest) throws(HTTPError) {
        do { try validate(request) } catch {
            if case .upload(let upload, _) = request.body { upload.close() }
            throw error
        }
    }

    private struct Head: Sendable {
        var status: Int
        var headers: HTTPHeaders
    }

    private func run(_ request: HTTPRequest, into sink: Transfer.Sink) async throws(HTTPError) -> HTTPResponse {
        try check(request)
        let transfer = Transfer(request: request, sink: sink, configuration: configuration)
        let loop = self.loop
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation {
                (continuation: CheckedContinuation<Result<HTTPResponse, HTTPError>, Never>) in
                transfer.whenDone { continuation.resume(returning: $0) }
                loop.start(transfer)
            }
        } onCancel: {
            loop.cancel(transfer)
        }
        // The client may otherwise be released, and its loop stopped, while this request waits in the inbox.
        withExtendedLifetime(self) {}
        return try result.get()
    }
}
