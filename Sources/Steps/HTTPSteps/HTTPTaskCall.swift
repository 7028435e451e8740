import JSON
import StepContracts

/// An HTTP task's call before anything is sent: what the definition says, and what its connection adds.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html
struct HTTPTaskCall: Sendable, Equatable {
    enum Method: String, CaseIterable, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case delete = "DELETE"
        case patch = "PATCH"
        case options = "OPTIONS"
        case head = "HEAD"

        /// Whether a repetition changes nothing more (RFC 9110, section 9.2.2).
        var isIdempotent: Bool { self != .post && self != .patch }
        /// Whether it changes nothing at all (RFC 9110, section 9.2.1).
        var isSafe: Bool { self == .get || self == .head || self == .options }
    }

    let endpoint: String
    let method: Method
    let connectionARN: String?
    var headers: [HTTPTaskField]
    var query: [HTTPTaskField]
    var body: JSON?
    /// The way arrays are written where the content is URL-encoded; nil where it is not.
    let arrayFormat: FormEncoding.ArrayFormat?

    /// Reads a task's parameters. Throws `States.Runtime` with all that is wrong with them.
    init(parameters: JSON) throws(StepFailure) {
        var problems: [String] = []
        endpoint = parameters["ApiEndpoint"]?.stringValue ?? ""
        if endpoint.isEmpty { problems.append("'ApiEndpoint' has to be a URL") }
        let word = parameters["Method"]?.stringValue ?? ""
        if Method(rawValue: word) == nil {
            problems.append(
                "'Method' is '\(word)'; it has to be one of \(Method.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        method = Method(rawValue: word) ?? .get
        connectionARN = Self.connectionARN(parameters, &problems)
        headers = Self.fields(parameters, "Headers", &problems)
        query = Self.fields(parameters, "QueryParameters", &problems)
        for field in headers where HTTPTaskHeaders.isReserved(field.name) {
            problems.append("the header '\(field.name)' can't be set by an HTTP task")
        }
        body = parameters["RequestBody"].flatMap { $0.isNull ? nil : $0 }
        arrayFormat = Self.arrayFormat(parameters["Transform"], &problems)
        if arrayFormat != nil, let body, body.objectValue == nil {
            problems.append("a 'RequestBody' that is to be URL-encoded has to be an object")
        }
        guard problems.isEmpty else { throw .runtime(problems.joined(separator: "; ")) }
    }

    private static func connectionARN(_ parameters: JSON, _ problems: inout [String]) -> String? {
        let named = ["Authentication", "InvocationConfig"].compactMap { name -> String? in
            guard let value = parameters[name], !value.isNull else { return nil }
            guard let arn = value["ConnectionArn"]?.stringValue else {
                problems.append("'\(name)' has to be an object with a 'ConnectionArn'")
                return nil
            }
            return arn
        }
        if named.count > 1 { problems.append("only one of 'Authentication' and 'InvocationConfig' may be there") }
        return named.first
    }

    private static func fields(_ parameters: JSON, _ name: String, _ problems: inout [String]) -> [HTTPTaskField] {
        guard let value = parameters[name], !value.isNull else { return [] }
        guard let members = value.objectValue else {
            problems.append("'\(name)' has to be an object")
            return []
        }
        return members.compactMap { key, value in
            let values = (value.arrayValue ?? [value]).compactMap(HTTPTaskField.text)
            guard values.count == value.arrayValue?.count ?? 1 else {
                problems.append("'\(name).\(key)' has to be a text, a number, a boolean, or a list of them")
                return nil
            }
            return HTTPTaskField(name: key, values: values)
        }
    }

    private static func arrayFormat(_ transform: JSON?, _ problems: inout [String]) -> FormEncoding.ArrayFormat? {
        guard let transform, !transform.isNull else { return nil }
        switch transform["RequestBodyEncoding"]?.stringValue {
        case "NONE": return nil
        case "URL_ENCODED": break
        default:
            problems.append("'Transform.RequestBodyEncoding' has to be NONE or URL_ENCODED")
            return nil
        }
        guard let word = transform["RequestEncodingOptions"]?["ArrayFormat"] else { return .indices }
        guard let format = word.stringValue.flatMap(FormEncoding.ArrayFormat.init) else {
            problems.append(
                "'Transform.RequestEncodingOptions.ArrayFormat' has to be one of "
                    + FormEncoding.ArrayFormat.allCases.map(\.rawValue).joined(separator: ", "))
            return nil
        }
        return format
    }
}

/// A header field or a query parameter.
struct HTTPTaskField: Sendable, Equatable {
    let name: String
    let values: [String]

    /// A scalar as text; nil for what is none.
    static func text(_ value: JSON) -> String? {
        switch value {
        case .string(let text): text
        case .integer, .double, .bool: value.text
        case .null, .array, .object: nil
        }
    }
}

/// Header fields that a definition may not set, by AWS's list; and those that frame the message, which would let a
/// definition say another request than the one that is checked.
enum HTTPTaskHeaders {
    private static let reserved: Set<String> = [
        "a-im", "accept-charset", "accept-datetime", "accept-encoding", "authorization", "cache-control", "connection",
        "content-encoding", "content-length", "content-md5", "date", "expect", "forwarded", "from", "host",
        "http2-settings", "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since",
        "keep-alive", "max-forwards", "origin", "pragma", "proxy-authorization", "proxy-connection", "referer",
        "server", "te", "trailer", "transfer-encoding", "upgrade", "via", "warning",
    ]
    private static let reservedBeginnings = ["x-forwarded", "x-amz", "x-amzn"]

    static func isReserved(_ name: String) -> Bool {
        let name = name.lowercased()
        return reserved.contains(name) || reservedBeginnings.contains { name == $0 || name.hasPrefix($0 + "-") }
    }
}

extension StepFailure {
    /// A fault of the definition or of an answer that no repetition mends.
    static func runtime(_ cause: String) -> StepFailure {
        StepFailure(error: "States.Runtime", cause: cause, retry: .never)
    }
}
