public import HTTPTypes
public import Hummingbird
public import JSON

/// Answers as AWS's JSON 1.0 protocol has them.
///
/// Source: https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
extension Response {
    public static func awsJSON(
        _ document: JSON, status: HTTPResponse.Status = .ok, context: ServiceContext
    ) -> Response {
        var response = Response.json(document, status: status)
        response.headers[.contentType] = "application/x-amz-json-1.0"
        response.headers[.amznRequestID] = context.requestID
        return response
    }

    /// A refusal.
    ///
    /// - Parameters:
    ///   - name: the error's in AWS's service model, by which SDKs decide.
    ///   - seconds: when the same call may be made again, where that is known.
    public static func awsError(
        _ name: String, _ message: String, status: HTTPResponse.Status, retryAfter seconds: Int? = nil,
        context: ServiceContext
    ) -> Response {
        var response = awsJSON(
            ["__type": .string(name), "message": .string(message)], status: status, context: context)
        response.headers[.amznErrorType] = name
        response.headers[.retryAfter] = seconds.map(String.init)
        return response
    }
}
