import Encodings
public import JSON

/// The events of sources in the form of EventBridge: `source`, `detail-type`, `time` and `detail` among others.
///
/// Source: https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
public enum TriggerEvents {
    /// Who tells of events, for their `account` and `region`.
    public struct Origin: Sendable, Hashable {
        public let account: String
        public let region: String

        public init(account: String, region: String) {
            self.account = account
            self.region = region
        }
    }

    /// An upload is complete.
    ///
    /// - Parameters:
    ///   - key: of the object that it became.
    ///   - url: of the same.
    ///   - time: such as `2026-03-08T07:30:00Z`.
    ///   - metadata: what the client said of the file.
    public static func upload(
        id: String, key: String, url: String, bytes: Int, metadata: JSON, time: String, from origin: Origin
    ) -> JSON {
        event(
            id: id, source: "showrunner.uploads", type: "Upload Completed", time: time, resources: [], origin,
            detail: [
                "upload-id": .string(id), "key": .string(key), "url": .string(url), "size": .integer(bytes),
                "metadata": metadata,
            ])
    }

    /// A file has arrived in a directory.
    ///
    /// - Parameter modified: when it was last written, such as `2026-03-08T07:30:00.123456789Z`.
    public static func file(path: String, bytes: Int, modified: String, time: String, from origin: Origin) -> JSON {
        event(
            id: "\(path) \(modified)", source: "showrunner.directories", type: "File Arrived", time: time,
            resources: [], origin,
            detail: ["path": .string(path), "size": .integer(bytes), "modified": .string(modified)])
    }

    /// Something was posted to a webhook.
    ///
    /// - Parameters:
    ///   - id: one of its own for each request.
    ///   - body: what was posted.
    public static func webhook(name: String, id: String, body: JSON, time: String, from origin: Origin) -> JSON {
        event(
            id: id, source: "showrunner.webhooks", type: "Webhook Received", time: time, resources: [.string(name)],
            origin, detail: body)
    }

    /// A notification may hold so many records.
    public static let maximumRecords = 1000

    /// The events of a bucket's notification, as S3 and Ceph post it, in the form in which S3 hands them to EventBridge.
    /// Records of other kinds than creation and deletion of objects are left out.
    ///
    /// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html and
    /// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    public static func s3(notification: JSON, from origin: Origin) throws(NotificationError) -> [JSON] {
        guard let records = notification["Records"]?.arrayValue else {
            throw NotificationError(reason: "it has no array Records")
        }
        guard records.count <= maximumRecords else {
            throw NotificationError(reason: "it has \(records.count) records; \(maximumRecords) are allowed")
        }
        var events: [JSON] = []
        for (index, record) in records.enumerated() {
            if let event = try s3(record: record, index, from: origin) { events.append(event) }
        }
        return events
    }

    private static func s3(
        record: JSON, _ index: Int, from origin: Origin
    ) throws(NotificationError) -> JSON? {
        func text(_ value: JSON?, _ name: String) throws(NotificationError) -> String {
            guard let text = value?.stringValue, !text.isEmpty else {
                throw NotificationError(reason: "record \(index) has no \(name)")
            }
            return text
        }
        var name = try text(record["eventName"], "eventName")
        if name.hasPrefix("s3:") { name.removeFirst(3) }
        let parts = name.split(separator: ":", maxSplits: 1)
        let type: String
        switch parts.first {
        case "ObjectCreated": type = "Object Created"
        case "ObjectRemoved": type = "Object Deleted"
        default: return nil
        }
        let reasons = ["Put": "PutObject", "Post": "POST Object", "Copy": "CopyObject"]
        let action = parts.count > 1 ? String(parts[1]) : ""
        let bucket = try text(record["s3"]?["bucket"]?["name"], "s3.bucket.name")
        let object = record["s3"]?["object"]
        let key = try text(object?["key"], "s3.object.key")
        // Ceph's gateway writes keys as they are, where AWS writes them as forms do.
        let isPlain = record["eventSource"] == "ceph:s3"
        guard let decoded = isPlain ? key : formDecoded(key) else {
            throw NotificationError(reason: "record \(index) has a key that is not percent-encoded UTF-8: '\(key)'")
        }
        let time = try text(record["eventTime"], "eventTime")
        func kept(_ name: String) -> JSON? {
            // Ceph writes an empty text where a bucket has no versions.
            guard let value = object?[name], value != "", !value.isNull else { return Optional.none }
            return value
        }
        let sequencer = kept("sequencer")
        return event(
            id: "\(bucket)/\(decoded)/\(sequencer?.stringValue ?? time)", source: "aws.s3", type: type, time: time,
            resources: [.string("arn:aws:s3:::\(bucket)")], origin,
            detail: .members(
                ("version", "0"), ("bucket", ["name": .string(bucket)]),
                (
                    "object",
                    .members(
                        ("key", .string(decoded)), ("size", kept("size")), ("etag", kept("eTag").map(unquoted)),
                        ("version-id", kept("versionId")), ("sequencer", sequencer))
                ), ("reason", .string(reasons[action] ?? action))))
    }

    /// Some servers put a digest into quotes, as HTTP does.
    private static func unquoted(_ value: JSON) -> JSON {
        guard let text = value.stringValue, text.utf8.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else {
            return value
        }
        return .string(String(text.dropFirst().dropLast()))
    }

    /// Keys stand in AWS's notifications as in forms: `+` for a space, `%XX` for bytes.
    private static func formDecoded(_ text: String) -> String? {
        PercentEncoding.decode(text.replacing("+", with: " "))
    }

    static func event(
        id: String, source: String, type: String, time: String, resources: [JSON], _ origin: Origin, detail: JSON
    ) -> JSON {
        [
            "version": "0", "id": .string(id), "detail-type": .string(type), "source": .string(source),
            "account": .string(origin.account), "time": .string(time), "region": .string(origin.region),
            "resources": .array(resources), "detail": detail,
        ]
    }
}

/// Why a bucket's notification can't be read.
public struct NotificationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Without full stop.
    public let reason: String

    public var description: String { "the notification can't be read: \(reason)" }
}
