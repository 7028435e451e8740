/// One HTTP request. A value: build it, send it, send it again.
public struct HTTPRequest: Sendable {
    /// What is sent as the request's content.
    public enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// `length` bytes of the file at `path` from byte `offset`, read while they are sent. A file that turns out
        /// shorter fails the request with ``HTTPError/Code/localFile``.
        case file(path: String, offset: Int64, length: Int64)
        /// What is handed over while the request runs; `length` bytes where that is known, else chunked. More or fewer bytes
        /// fail the request with ``HTTPError/Code/cancelled``. Not together with
        /// ``signing``, redirects or a kept-alive connection: it can't be sent again.
        case upload(HTTPUpload, length: Int64?)
    }

    /// `GET`, `PUT`, ...: upper-case letters.
    public var method: String
    /// An absolute `http` or `https` URL, already percent-encoded (see ``PercentEncoding``). Sent as it stands: dot
    /// segments are not resolved. At most 16 KiB.
    public var url: String
    public var headers: HTTPHeaders
    public var body: Body
    public var timeouts: HTTPTimeouts
    /// Signs the request with AWS Signature Version 4. The query has to be sorted by name, with `=` behind names
    /// without a value. A file body needs the header `x-amz-content-sha256`; for bytes it is added.
    public var signing: AWSSigning?
    /// The most bytes of content ``HTTPClient/send(_:)`` keeps in memory; more is ``HTTPError/Code/tooLarge``.
    public var maxResponseBytes: Int
    /// How many redirects are followed; 0, the default, answers the redirect itself. Only `http` and `https` are
    /// followed, and not together with ``signing``.
    public var maxRedirects: Int
    /// Whether a kept-alive connection may be used. When the server closes such a connection just as the request is
    /// written, libcurl sends the request once more on a new one, a POST too; false rules that out for requests that
    /// must not arrive twice.
    public var reusesConnection: Bool

    public init(
        _ method: String, _ url: String, headers: HTTPHeaders = [:], body: Body = .none,
        timeouts: HTTPTimeouts = HTTPTimeouts(), signing: AWSSigning? = nil, maxResponseBytes: Int = 16 << 20,
        maxRedirects: Int = 0, reusesConnection: Bool = true
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeouts = timeouts
        self.signing = signing
        self.maxResponseBytes = maxResponseBytes
        self.maxRedirects = maxRedirects
        self.reusesConnection = reusesConnection
    }
}

/// How long a request may take. Each limit that passes fails the request with ``HTTPError/Code/timeout``.
public struct HTTPTimeouts: Sendable, Hashable {
    /// Name lookup, TCP and TLS together. Waiting for a free connection counts.
    public var connect: Duration
    /// The whole request from the call to the last byte; nil = no limit (event streams, large objects).
    public var total: Duration?
    /// The longest stretch (whole seconds) without a byte in either direction; nil = no limit (long polls). A stream
    /// whose reader lags is not measured.
    public var idle: Duration?

    public init(connect: Duration = .seconds(10), total: Duration? = .seconds(60), idle: Duration? = nil) {
        self.connect = connect
        self.total = total
        self.idle = idle
    }
}

/// Who signs a request, and for which AWS region and service.
public struct AWSSigning: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    public var accessKeyID: String
    public var secretAccessKey: String
    /// The token of temporary credentials (AWS_SESSION_TOKEN).
    public var sessionToken: String?
    /// For example `us-east-1`.
    public var region: String
    /// For example `s3` or `states`.
    public var service: String

    public init(
        accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil, region: String, service: String
    ) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.region = region
        self.service = service
    }

    /// Never the secret: descriptions end up in logs.
    public var description: String { "AWSSigning(\(accessKeyID), \(region), \(service))" }
    public var customMirror: Mirror { Mirror(self, children: ["accessKeyID": accessKeyID]) }
}
