/// An answer with its content in memory.
public struct HTTPResponse: Sendable {
    /// The status code, 200...599. A status is not an error: the caller judges it.
    public var status: Int
    public var headers: HTTPHeaders
    /// The content, at most the request's `maxResponseBytes`. Empty after a download that went to a file; of a
    /// refused download the first 64 KiB.
    public var body: [UInt8]

    public init(status: Int, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The content as UTF-8, broken sequences replaced by U+FFFD.
    public var text: String { String(decoding: body, as: UTF8.self) }
}

/// An answer whose content arrives piece by piece.
public struct HTTPStream: Sendable {
    public let status: Int
    public let headers: HTTPHeaders
    /// The content. To be read once, by one reader; letting go of it ends the transfer.
    public let body: HTTPBody
}
