import Glibc

/// Why a request got no answer. An answer with a bad status is a response, not an error (``Code/status`` excepted,
/// which only ``HTTPClient/lines(_:)`` throws).
public struct HTTPError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of failure.
    public enum Code: Sendable, Hashable {
        /// The request itself is malformed: URL, method, header, signing. Nothing was sent.
        case invalidRequest
        /// No connection: name unknown, refused, unreachable.
        case connect
        /// The client refuses private addresses, and the host has no other.
        case forbiddenAddress
        /// A limit of ``HTTPTimeouts`` passed.
        case timeout
        /// No trusted TLS connection.
        case tls
        /// More redirects than allowed, or one to something other than http and https.
        case redirects
        /// The content, header or line is larger than the limit.
        case tooLarge
        /// The connection broke before the answer was complete.
        case interrupted
        /// What came is not HTTP.
        case malformedAnswer
        /// A file to be sent or written failed; `systemError` says how.
        case localFile
        /// The server answered with an unexpected status.
        case status(Int)
        /// The task was cancelled.
        case cancelled
        /// Anything else libcurl reports; `detail` has its words.
        case other
    }

    public let code: Code
    /// One sentence with method, URL (without query) and reason.
    public let message: String
    /// libcurl's own words, or empty.
    public let detail: String
    /// Whether bytes of the request had left. False: the server has certainly not seen it, so even a request that
    /// must not be repeated may be. True: the outcome is unknown.
    public let mayHaveReachedServer: Bool
    /// errno of a ``Code/localFile`` failure.
    public let systemError: Int32?

    public init(
        code: Code, message: String, detail: String = "", mayHaveReachedServer: Bool, systemError: Int32? = nil
    ) {
        self.code = code
        self.message = message
        self.detail = detail
        self.mayHaveReachedServer = mayHaveReachedServer
        self.systemError = systemError
    }

    public var description: String { message }

    /// Whether the local disk or quota is full.
    public var isNoSpace: Bool { systemError == ENOSPC || systemError == EDQUOT }
}
