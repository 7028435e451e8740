import Cryptography
import Engine
import HTTP
import JSON
import ObjectStorage
import StepContracts

/// The SDK integration of S3, as far as the engine does it: getObject and putObject. Endpoint and credentials are those
/// of the environment, as with the store.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
struct S3Tasks: ServiceTask {
    /// See ``openStore(_:environment:)``.
    let environment: [String: String]
    let client: HTTPClient

    private static let prefix = "arn:aws:states:::aws-sdk:s3:"
    static let resources = ["getObject", "putObject"].map { prefix + $0 }
    var resources: [String] { Self.resources }

    /// A task's output has no more room.
    private static let maximumBytes = 256 << 10

    func run(resource: String, parameters: JSON) async throws(StepFailure) -> JSON {
        guard let bucket = parameters["Bucket"]?.stringValue, let key = parameters["Key"]?.stringValue else {
            throw failure("S3.S3Exception", "Bucket and Key have to be texts.")
        }
        let location: S3Store.Location
        do throws(ObjectStorageError) {
            location = try S3Store.Location(url: "s3://\(bucket)", environment: environment)
        } catch {
            throw failure("S3.S3Exception", error.message)
        }
        let url = "\(location.endpoint)/\(bucket)/\(PercentEncoding.encode(key, keepingSlashes: true))"
        if resource.hasSuffix("getObject") {
            let response = try await send(
                HTTPRequest("GET", url, signing: location.signing, maxResponseBytes: Self.maximumBytes))
            var output = Self.members(of: response)
            output["Body"] = .string(response.text)
            return output
        }
        // A text is put with its quotes, as the service does: the body is the value's JSON.
        let body = Array((parameters["Body"] ?? .string("")).text.utf8)
        let response = try await send(
            HTTPRequest(
                "PUT", url,
                headers: ["Content-Type": parameters["ContentType"]?.stringValue ?? "text/plain; charset=UTF-8"],
                body: .bytes(body), signing: location.signing))
        return .members(
            ("ETag", response.headers["ETag"].map(JSON.string)),
            ("ChecksumCRC32", response.headers["x-amz-checksum-crc32"].map(JSON.string)),
            ("ChecksumType", response.headers["x-amz-checksum-type"].map(JSON.string)),
            ("ServerSideEncryption", response.headers["x-amz-server-side-encryption"].map(JSON.string)),
            ("VersionId", response.headers["x-amz-version-id"].map(JSON.string)))
    }

    private static func members(of response: HTTPResponse) -> JSON {
        var metadata: JSON = [:]
        for field in response.headers {
            let name = field.name.lowercased()
            if name.hasPrefix("x-amz-meta-") { metadata[String(name.dropFirst(11))] = .string(field.value) }
        }
        return .members(
            ("AcceptRanges", response.headers["Accept-Ranges"].map(JSON.string)),
            ("ContentLength", .integer(response.body.count)),
            ("ContentType", response.headers["Content-Type"].map(JSON.string)),
            ("ETag", response.headers["ETag"].map(JSON.string)),
            ("LastModified", response.headers["Last-Modified"].map(JSON.string)), ("Metadata", metadata),
            ("ServerSideEncryption", response.headers["x-amz-server-side-encryption"].map(JSON.string)),
            ("VersionId", response.headers["x-amz-version-id"].map(JSON.string)))
    }

    private func send(_ request: HTTPRequest) async throws(StepFailure) -> HTTPResponse {
        let response: HTTPResponse
        do throws(HTTPError) {
            response = try await client.send(request)
        } catch {
            throw StepFailure(error: "S3.SdkClientException", cause: error.message, retry: .transient)
        }
        guard !(200..<300).contains(response.status) else { return response }
        let text = response.text
        let code = Self.content(of: "Code", in: text) ?? ""
        let message = Self.content(of: "Message", in: text) ?? "The service answered \(response.status)."
        let name = Self.modelled.contains(code) ? "S3.\(code)Exception" : "S3.S3Exception"
        throw failure(
            name,
            "\(message) (Service: S3, Status Code: \(response.status), "
                + "Request ID: \(response.headers["x-amz-request-id"] ?? "null"), "
                + "Extended Request ID: \(response.headers["x-amz-id-2"] ?? "null"))")
    }

    /// The errors that the service's model names; the others are all one.
    private static let modelled: Set<String> = [
        "NoSuchKey", "NoSuchBucket", "InvalidObjectState", "EncryptionTypeMismatch",
    ]

    /// The text of the first element of a name.
    private static func content(of element: String, in text: String) -> String? {
        guard let start = text.firstRange(of: "<\(element)>"), let end = text.firstRange(of: "</\(element)>"),
            start.upperBound <= end.lowerBound
        else { return nil }
        return String(text[start.upperBound..<end.lowerBound])
    }

    private func failure(_ error: String, _ cause: String) -> StepFailure {
        StepFailure(error: error, cause: cause, retry: .never)
    }
}
