import Encodings
import HTTP

extension S3Store {
    /// How often a call is made in all when the store fails in a way that may pass.
    static let maxAttempts = 6

    /// A request on the bucket, or on an object in it (`key` relative to the store).
    func request(
        _ method: String, key: String? = nil, query: [(name: String, value: String)] = [], headers: HTTPHeaders = [:],
        body: HTTPRequest.Body = .none
    ) -> HTTPRequest {
        var url = key.map(location.objectURL) ?? location.bucketURL
        if !query.isEmpty { url += "?" + PercentEncoding.query(query) }
        var request = HTTPRequest(method, url, headers: headers, body: body, signing: location.signing)
        // Large objects take as long as they take; a transfer that stands still does not.
        request.timeouts = HTTPTimeouts(connect: .seconds(10), total: nil, idle: .seconds(30))
        return request
    }

    /// Sends a request until it is answered for good: failures of connections and of the server, and requests to slow
    /// down, are repeated with growing random pauses. Every request of this store may be repeated.
    func send(_ action: String, _ request: HTTPRequest) async throws(ObjectStorageError) -> HTTPResponse {
        try await answer(action) { () async throws(HTTPError) in try await self.client.send(request) }
    }

    /// The same around another way of sending.
    func answer(
        _ action: String, _ attempt: () async throws(HTTPError) -> HTTPResponse
    ) async throws(ObjectStorageError) -> HTTPResponse {
        var number = 1
        while true {
            let result: Result<HTTPResponse, HTTPError>
            do throws(HTTPError) {
                result = .success(try await attempt())
            } catch {
                result = .failure(error)
            }
            let isLast = number == Self.maxAttempts
            switch result {
            case .success(let response):
                if !S3Refusal.isPassing(response) { return response }
                if isLast { throw refusal(action, response) }
            case .failure(let error):
                if isLast || !S3Refusal.isPassing(error) { throw failure(action, error) }
            }
            try await pause(afterAttempt: number)
            number += 1
        }
    }

    /// "Full jitter": anything up to a limit that doubles from 0.1 s to 3.2 s.
    func pause(afterAttempt number: Int) async throws(ObjectStorageError) {
        let limit = 100 << min(number - 1, 5)
        do {
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...limit)))
        } catch {
            throw ObjectStorageError(.cancelled, "The call to the object store was cancelled.")
        }
    }

    /// What a request that got no answer means.
    func failure(_ action: String, _ error: HTTPError) -> ObjectStorageError {
        let code: ObjectStorageError.Code =
            switch error.code {
            case .cancelled: .cancelled
            case .tooLarge: .tooLarge
            case .localFile: error.isNoSpace ? .noSpace : .localFile
            case .invalidRequest: .refused
            case .connect, .forbiddenAddress, .timeout, .tls, .redirects, .interrupted, .malformedAnswer, .status,
                .other:
                .unavailable
            }
        return ObjectStorageError(
            code, "Cannot \(action) in \(baseURL) at \(location.endpoint): \(error.message)", cause: error)
    }

    /// What an answer with a bad status means.
    func refusal(_ action: String, _ response: HTTPResponse) -> ObjectStorageError {
        let refusal = S3Refusal(response)
        let key = location.signing.accessKeyID
        let reason =
            switch refusal.code {
            case "SignatureDoesNotMatch":
                "the signature made with the access key \(key) is wrong; AWS_SECRET_ACCESS_KEY does not belong to it"
            case "InvalidAccessKeyId": "the access key \(key) is unknown there"
            case "RequestTimeTooSkewed": "the clocks of this machine and of the store differ too much"
            case "ExpiredToken": "the session token of the access key \(key) has expired"
            case "NoSuchBucket": "the bucket \(location.bucket) does not exist"
            case "": "HTTP status \(refusal.status)"
            default:
                "\(refusal.code)\(refusal.message.isEmpty ? "" : ": \(refusal.message)") (HTTP status \(refusal.status))"
            }
        return ObjectStorageError(
            refusal.kind, "Cannot \(action) in \(baseURL) at \(location.endpoint): \(reason).")
    }

    /// Answers the response when its status is a success, and throws what it means otherwise.
    func requireSuccess(_ action: String, _ response: HTTPResponse) throws(ObjectStorageError) -> HTTPResponse {
        guard (200...299).contains(response.status) else { throw refusal(action, response) }
        return response
    }
}

/// S3's error document: `<Error><Code>NoSuchKey</Code><Message>...</Message></Error>`. Answers to HEAD have none.
struct S3Refusal {
    let status: Int
    let code: String
    let message: String

    init(_ response: HTTPResponse) {
        status = response.status
        let error = XMLElement.parse(response.body)
        let isError = error?.name == "Error"
        code = isError ? error?["Code"] ?? "" : ""
        message = isError ? String((error?["Message"] ?? "").prefix(500)) : ""
    }

    /// Codes first: several share a status.
    var kind: ObjectStorageError.Code {
        switch code {
        case "NoSuchBucket": return .storeMissing
        case "NoSuchKey": return .notFound
        case "XAmzContentSHA256Mismatch", "BadDigest": return .checksumMismatch
        case "EntityTooLarge": return .tooLarge
        case "QuotaExceeded": return .noSpace
        default: break
        }
        switch status {
        case 401, 403: return .accessDenied
        case 404: return .notFound
        case 412: return .alreadyExists
        case 416: return .invalidRange
        case 507: return .noSpace
        default: return Self.isPassing(status: status, code: code) ? .unavailable : .refused
        }
    }

    static func isPassing(_ response: HTTPResponse) -> Bool {
        guard response.status >= 400 else { return false }
        return isPassing(status: response.status, code: response.status >= 500 ? "" : S3Refusal(response).code)
    }

    private static func isPassing(status: Int, code: String) -> Bool {
        switch status {
        case 408, 429, 500, 502, 503, 504: true
        // Two conditional writes of one key at once.
        case 409: code == "ConditionalRequestConflict" || code == "OperationAborted"
        case 400: code == "RequestTimeout"
        default: false
        }
    }

    static func isPassing(_ error: HTTPError) -> Bool {
        switch error.code {
        case .connect, .timeout, .interrupted, .other: true
        case .invalidRequest, .forbiddenAddress, .tls, .redirects, .tooLarge, .malformedAnswer, .localFile, .status,
            .cancelled:
            false
        }
    }
}
