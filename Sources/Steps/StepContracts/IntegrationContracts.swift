extension StepContract {
    /// The HTTP task of AWS Step Functions.
    ///
    /// Source: https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html
    public static let httpInvoke = StepContract(
        name: "http:invoke", version: 1, summary: "Calls an HTTPS API.", runner: .dataWorker,
        input: [
            StepField("ApiEndpoint", .string, "the URL to call"),
            StepField("Method", .string, "GET, POST, PUT, DELETE, PATCH, OPTIONS or HEAD"),
            StepField("Authentication", .object, required: false, "ConnectionArn: who calls"),
            StepField("InvocationConfig", .object, required: false, "ConnectionArn, instead of Authentication"),
            StepField("Headers", .object, required: false, "header fields by name"),
            StepField("QueryParameters", .object, required: false, "query parameters by name"),
            StepField("RequestBody", .any, required: false, "the content"),
            StepField(
                "Transform", .object, required: false,
                "RequestBodyEncoding NONE or URL_ENCODED, and RequestEncodingOptions with ArrayFormat"),
        ],
        output: [
            StepField("Headers", .object, "header fields by name, each with its values"),
            StepField("ResponseBody", .any, "the content: JSON where it says so, else text"),
            StepField("StatusCode", .number, "200 to 299"),
            StepField("StatusText", .string, "what the status is called"),
        ], errors: [StepErrorName.httpOutcomeUnknown, StepErrorName.httpAddressForbidden],
        resource: "arn:aws:states:::http:invoke")
}
