import HTTP

/// Content that is passed on as it comes.
typealias PassedContent = HTTPUpload

/// A call as it is handed on.
struct HandedOnCall: Sendable {
    enum Content: Sendable {
        case bytes([UInt8])
        case upload(PassedContent, length: Int64?)
    }

    /// What became of it.
    enum Outcome: Sendable {
        case answered(Answer)
        /// The active engine has certainly not made it; why, for people.
        case notMade(String)
        /// It may have made it; why nobody knows.
        case unknown(String)
        /// It can't be sent at all; why.
        case malformed(String)
    }

    struct Answer: Sendable {
        let status: Int
        let headers: [(name: String, value: String)]
        let content: AnswerContent
    }

    enum AnswerContent: Sendable {
        /// None, for a head that may name a length all the same.
        case none(length: String?)
        case whole([UInt8])
        case stream(HTTPBody.Iterator, length: Int?)
    }

    let method: String
    /// Path and query, as they came.
    let target: String
    /// All but those that belong to the connection.
    let headers: [(name: String, value: String)]
    var content = Content.bytes([])
    /// Whether it changes nothing, so that it may be made twice.
    let isRepeatable: Bool

    /// What an engine answers to a call that was handed on to it though it is not active: 421, Misdirected Request
    /// (RFC 9110, section 15.5.20).
    static let misdirected = 421
    /// Answers of this length at most are read whole before their head is passed on, so that one that breaks off is no
    /// answer.
    private static let wholeBytes = 1 << 20

    /// Fields that belong to one connection (RFC 9110, section 7.6.1), and those that either side makes itself.
    static let connectionFields: Set<String> = [
        "connection", "content-length", "date", "expect", "host", "keep-alive", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    ]

    func request(to address: String) -> HTTPRequest {
        var fields = HTTPHeaders()
        for (name, value) in headers { fields.add(name, value) }
        let body: HTTPRequest.Body =
            switch content {
            case .bytes(let bytes) where bytes.isEmpty && ["GET", "HEAD", "DELETE", "OPTIONS"].contains(method): .none
            case .bytes(let bytes): .bytes(bytes)
            case .upload(let upload, let length): .upload(upload, length: length)
            }
        return HTTPRequest(
            method, address + target, headers: fields, body: body,
            // Polls and streams are quiet for as long as they like; an engine that is gone is found out by its lease.
            timeouts: HTTPTimeouts(connect: .seconds(2), total: nil, idle: nil),
            // On a connection that breaks libcurl would send a change again.
            reusesConnection: isRepeatable)
    }

    func outcome(of stream: HTTPStream) async throws(HTTPError) -> Outcome {
        if stream.status == Self.misdirected { return .notMade("The engine that was active is so no more.") }
        let length = stream.headers["Content-Length"]
        let headers = stream.headers.filter { !Self.connectionFields.contains($0.name.lowercased()) }
            .map { (name: $0.name, value: $0.value) }
        func answer(_ content: AnswerContent) -> Outcome {
            .answered(Answer(status: stream.status, headers: headers, content: content))
        }
        if method == "HEAD" || stream.status == 204 || stream.status == 304 { return answer(.none(length: length)) }
        let iterator = stream.body.makeAsyncIterator()
        guard let count = length.flatMap({ Int($0) }), count <= Self.wholeBytes else {
            return answer(.stream(iterator, length: length.flatMap { Int($0) }))
        }
        var bytes: [UInt8] = []
        while let piece = try await iterator.next() { bytes += piece }
        return answer(.whole(bytes))
    }

    func outcome(of error: HTTPError) -> Outcome {
        if error.code == .invalidRequest { return .malformed(error.message) }
        return error.mayHaveReachedServer ? .unknown(error.message) : .notMade(error.message)
    }
}
