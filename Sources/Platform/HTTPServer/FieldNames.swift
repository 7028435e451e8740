public import HTTPTypes

extension HTTPField.Name {
    /// A name known to be well-formed.
    public static func constant(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is no HTTP field name") }
        return name
    }

    public static let requestID = constant("Request-Id")
    /// RFC 8288.
    public static let link = constant("Link")
    public static let referrerPolicy = constant("Referrer-Policy")
    public static let crossOriginOpenerPolicy = constant("Cross-Origin-Opener-Policy")
    public static let forwardedFor = constant("X-Forwarded-For")
    /// Which operation a request of AWS's JSON protocols asks for.
    public static let amzTarget = constant("X-Amz-Target")
    public static let amznRequestID = constant("x-amzn-RequestId")
    public static let amznErrorType = constant("x-amzn-ErrorType")
}
