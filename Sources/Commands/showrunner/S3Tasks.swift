import Cryptography
import Encodings
import Engine
import HTTP
import JSON
import ObjectStorage
import StepContracts

/// The SDK integration of S3, as far as the engine does it: reading, writing, listing, copying and deleting objects.
/// Endpoint and credentials are those of the environment, as with the store.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html, and the members of
/// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
struct S3Tasks: ServiceTask {
    /// See ``openStore(_:environment:)``.
    let environment: [String: String]
    let client: HTTPClient

    private enum Operation: String, CaseIterable {
        case getObject, putObject, headObject, deleteObject, copyObject, listObjectsV2
    }

    private static let prefix = "arn:aws:states:::aws-sdk:s3:"
    static let resources = Operation.allCases.map { prefix + $0.rawValue }
    var resources: [String] { Self.resources }
    var callsOutside: Bool { true }

    /// A task's output has no more room.
    private static let maximumBytes = 256 << 10

    func run(resource: String, parameters: JSON, engine: Engine) async throws(StepFailure) -> JSON {
        guard let operation = Operation(rawValue: String(resource.dropFirst(Self.prefix.count))) else {
            preconditionFailure("\(resource) is none of \(Self.resources)")
        }
        let bucket = try text("Bucket", parameters)
        let location: S3Store.Location
        do throws(ObjectStorageError) {
            location = try S3Store.Location(url: "s3://\(bucket)", environment: environment)
        } catch {
            throw failure("S3.S3Exception", error.message)
        }
        let bucketURL = "\(location.endpoint)/\(bucket)"
        if operation == .listObjectsV2 { return try await list(parameters, bucketURL, location.signing) }
        let key = try text("Key", parameters)
        let url = "\(bucketURL)/\(PercentEncoding.encode(key, keepingSlashes: true))"
        switch operation {
        case .getObject:
            let response = try await send(
                HTTPRequest("GET", url, signing: location.signing, maxResponseBytes: Self.maximumBytes))
            var output = Self.members(of: response)
            output["Body"] = .string(response.text)
            return output
        case .headObject:
            return Self.members(of: try await send(HTTPRequest("HEAD", url, signing: location.signing)))
        case .putObject: return try await put(parameters, url, location.signing)
        case .deleteObject:
            let response = try await send(HTTPRequest("DELETE", url, signing: location.signing))
            return .members(
                ("DeleteMarker", response.headers["x-amz-delete-marker"].map { .bool($0 == "true") }),
                ("VersionId", response.headers["x-amz-version-id"].map(JSON.string)))
        case .copyObject:
            let source = try text("CopySource", parameters)
            let response = try await send(
                HTTPRequest("PUT", url, headers: ["x-amz-copy-source": source], signing: location.signing))
            let result = XMLElement.parse(response.body)
            return .members(
                (
                    "CopyObjectResult",
                    .members(
                        ("ETag", result?["ETag"].map(JSON.string)),
                        ("LastModified", result?["LastModified"].map(JSON.string)))
                ),
                ("VersionId", response.headers["x-amz-version-id"].map(JSON.string)))
        case .listObjectsV2: preconditionFailure("a list needs no key")
        }
    }

    private func text(_ name: String, _ parameters: JSON) throws(StepFailure) -> String {
        guard let text = parameters[name]?.stringValue, !text.isEmpty else {
            throw failure("S3.S3Exception", "\(name) has to be a text.")
        }
        return text
    }

    private func put(_ parameters: JSON, _ url: String, _ signing: AWSSigning) async throws(StepFailure) -> JSON {
        // A text is put with its quotes, as the service does: the body is the value's JSON.
        let body = Array((parameters["Body"] ?? .string("")).text.utf8)
        let response = try await send(
            HTTPRequest(
                "PUT", url,
                headers: ["Content-Type": parameters["ContentType"]?.stringValue ?? "text/plain; charset=UTF-8"],
                body: .bytes(body), signing: signing))
        return .members(
            ("ETag", response.headers["ETag"].map(JSON.string)),
            ("ChecksumCRC32", response.headers["x-amz-checksum-crc32"].map(JSON.string)),
            ("ChecksumType", response.headers["x-amz-checksum-type"].map(JSON.string)),
            ("ServerSideEncryption", response.headers["x-amz-server-side-encryption"].map(JSON.string)),
            ("VersionId", response.headers["x-amz-version-id"].map(JSON.string)))
    }

    private func list(
        _ parameters: JSON, _ bucketURL: String, _ signing: AWSSigning
    ) async throws(StepFailure) -> JSON {
        var query = [(name: "list-type", value: "2")]
        for (member, name) in [
            ("Prefix", "prefix"), ("Delimiter", "delimiter"), ("StartAfter", "start-after"),
            ("ContinuationToken", "continuation-token"), ("EncodingType", "encoding-type"),
        ] {
            guard let value = parameters[member], !value.isNull else { continue }
            query.append((name, try text(member, parameters)))
        }
        if let limit = parameters["MaxKeys"], !limit.isNull {
            guard let number = limit.integerValue, (0...1000).contains(number) else {
                throw failure("S3.S3Exception", "MaxKeys has to be a number from 0 to 1000.")
            }
            query.append(("max-keys", "\(number)"))
        }
        let response = try await send(
            HTTPRequest(
                "GET", "\(bucketURL)?\(PercentEncoding.query(query))", signing: signing, maxResponseBytes: 4 << 20))
        guard let root = XMLElement.parse(response.body), root.name == "ListBucketResult" else {
            throw failure("S3.SdkClientException", "The service answered something that is no list.")
        }
        return S3Listing.json(root)
    }

    private static func members(of response: HTTPResponse) -> JSON {
        var metadata: JSON = [:]
        for field in response.headers {
            let name = field.name.lowercased()
            if name.hasPrefix("x-amz-meta-") { metadata[String(name.dropFirst(11))] = .string(field.value) }
        }
        return .members(
            ("AcceptRanges", response.headers["Accept-Ranges"].map(JSON.string)),
            (
                "ContentLength",
                response.headers["Content-Length"].flatMap { Int($0) }.map { .integer($0) }
                    ?? .integer(response.body.count)
            ),
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
        // A copy that fails halfway has been answered with 200 already.
        let isCopy = request.headers["x-amz-copy-source"] != nil
        let hasFailed = isCopy && XMLElement.parse(response.body)?.name == "Error"
        if (200..<300).contains(response.status), !hasFailed { return response }
        let refusal = XMLElement.parse(response.body)
        // Answers to HEAD have no content.
        let code = refusal?["Code"] ?? (response.status == 404 && request.method == "HEAD" ? "NoSuchKey" : "")
        let message = refusal?["Message"] ?? "The service answered \(response.status)."
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

    private func failure(_ error: String, _ cause: String) -> StepFailure {
        StepFailure(error: error, cause: cause, retry: .never)
    }
}

/// ListObjectsV2's answer as the SDK's members.
private enum S3Listing {
    private static let texts = [
        "ContinuationToken", "Delimiter", "EncodingType", "Name", "NextContinuationToken", "Prefix", "StartAfter",
    ]
    private static let numbers = ["KeyCount", "MaxKeys"]

    static func json(_ root: XMLElement) -> JSON {
        var listing: JSON = [:]
        func children(_ name: String, _ body: (XMLElement) -> JSON) -> JSON? {
            let found = root.children.filter { $0.name == name }
            return found.isEmpty ? nil : .array(found.map(body))
        }
        listing["CommonPrefixes"] = children("CommonPrefixes") { .members(("Prefix", $0["Prefix"].map(JSON.string))) }
        listing["Contents"] = children("Contents") { object in
            .members(
                ("ETag", object["ETag"].map(JSON.string)), ("Key", object["Key"].map(JSON.string)),
                ("LastModified", object["LastModified"].map(JSON.string)),
                ("Size", object["Size"].flatMap { Int($0) }.map { .integer($0) }),
                ("StorageClass", object["StorageClass"].map(JSON.string)))
        }
        listing["IsTruncated"] = .bool(root["IsTruncated"] == "true")
        for name in texts { listing[name] = root[name].flatMap { $0.isEmpty ? nil : .string($0) } }
        // Present even where it is empty, as the service has it.
        listing["Prefix"] = root["Prefix"].map(JSON.string)
        for name in numbers { listing[name] = root[name].flatMap { Int($0) }.map { .integer($0) } }
        return listing
    }
}
