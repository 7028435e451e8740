import Encodings
import EventPatterns
import Foundation
import JSON
import SeededNumbers
import StatesLanguage
import Testing
import YAML

@Suite struct TriggerTests {
    private static let origin = TriggerEvents.Origin(account: "000000000000", region: "us-east-1")

    /// Stands for SHA-256 in a room without cryptography: names must differ where texts do.
    private static let digest: EvaluationScope.Digest = { algorithm, bytes in
        #expect(algorithm == .sha256)
        return Hex.digits(FNV1a(bytes).value) + "padding"
    }

    static func read(_ yaml: String, machines: [String]? = nil) throws -> (triggers: [Trigger]?, lines: [String]) {
        let (triggers, problems) = Trigger.read(try YAMLDocument.parse(Array(yaml.utf8)), machines: machines)
        return (triggers, problems.map { $0.text(file: "triggers.yaml") })
    }

    private static func trigger(_ yaml: String) throws -> Trigger {
        let (triggers, lines) = try read("Triggers:\n  t: \(yaml)")
        return try #require(triggers?.first, "\(lines)")
    }

    @Test func readsWhatTheDocumentationShows() throws {
        let checkout = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        let page = try String(
            contentsOf: checkout.appending(path: "../../docs/triggers.md").standardized, encoding: .utf8)
        let examples = page.components(separatedBy: "```yaml\n").dropFirst().map { part in
            part.components(separatedBy: "```")[0]
        }
        #expect(!examples.isEmpty)
        for example in examples { #expect(try Self.read(example).lines == [], "\(example)") }
    }

    @Test func readsWhatATriggerHas() throws {
        let (triggers, lines) = try Self.read(
            """
            Comment: what arrives
            Triggers:
              films:
                Description: Films in the bucket.
                Source: {Kind: s3, Bucket: incoming.films}
                State: DISABLED
                EventPattern:
                  detail: {object: {key: [{suffix: .mov}, {suffix: .mp4}]}}
                Target:
                  Arn: ingest
                  Input: {source: "{% 's3://' & $states.input.detail.bucket.name & '/' & $states.input.detail.object.key %}"}
              uploads: {Source: {Kind: upload}, Target: {Arn: ingest}}
              folder: {Source: {Kind: directory, Path: /srv/films}, Target: {Arn: ingest}}
              payments:
                Source: {Kind: webhook}
                IdempotencyKey: "{% $states.input.detail.id %}"
                Target: {Arn: "arn:aws:states:us-east-1:000000000000:stateMachine:pay"}
            """, machines: ["ingest"])
        #expect(lines == [])
        #expect(triggers?.map(\.name) == ["films", "uploads", "folder", "payments"])
        #expect(
            triggers?.map(\.source) == [
                .s3(bucket: "incoming.films"), .upload, .directory(path: "/srv/films"), .webhook,
            ])
        #expect(triggers?.map(\.isEnabled) == [false, true, true, true])
        #expect(triggers?.first?.pattern != nil)
    }

    @Test func tellsAllThatIsWrong() throws {
        let (triggers, lines) = try Self.read(
            """
            Triggers:
              a:
                Source: {Kind: webhook}
                Target: {Arn: ingest}
              b/c:
                Source: {Kind: s3, Path: /x}
                EventPattern: {detail: {a: 1}}
                Target: {Arn: ingest, Input: {x: "{% ( %}"}}
              d:
                Source: {Kind: directory, Path: a/../b}
                IdempotencyKey: constant
                Target: {Arn: ingst}
              e:
                Source: {Kind: S3}
                Pattern: {}
              f:
                Source: {Kind: s3, Bucket: Not A Bucket}
                IdempotencyKey: "{% $f( %}"
                Target: {Arn: ingest}
            """, machines: ["ingest"])
        #expect(triggers == nil)
        let expected = [
            "3:5: error: A webhook has an IdempotencyKey",
            "5:3: error: 'b/c' is no name of a trigger",
            "6:13: error: A source of kind s3 has a Bucket",
            "6:30: error: Path belongs to the kind directory",
            "7:32: error: Expected an array of values; write [1]",
            "8:43: error: Expected ')'",
            "10:37: error: 'a/../b' is no absolute path",
            "11:21: error: The IdempotencyKey is the same for all events",
            "12:19: error: There is no state machine 'ingst'; did you mean 'ingest'?",
            "14:5: error: Target missing",
            "14:20: error: 'S3' is not known; did you mean 's3'?",
            "15:5: error: 'Pattern' means nothing here",
            "17:32: error: 'Not A Bucket' is no name of a bucket",
            "18:28: error: Expected ')'",
        ]
        #expect(lines.count == expected.count)
        for (line, start) in zip(lines, expected) { #expect(line.hasPrefix("triggers.yaml:\(start)"), "\(line)") }
    }

    private static func notification(
        _ event: String = "ObjectCreated:Put", key: String = "films/a+b%2Fc%C3%BC.mov", etag: String = "e1",
        version: String? = nil, bucket: String = "films"
    ) -> JSON {
        [
            "Records": [
                [
                    "eventVersion": "2.1", "eventSource": "aws:s3", "eventTime": "2026-03-08T07:30:00.123Z",
                    "eventName": .string(event),
                    "s3": [
                        "bucket": ["name": .string(bucket)],
                        "object": .members(
                            ("key", .string(key)), ("size", 1024), ("eTag", .string(etag)),
                            ("versionId", version.map { .string($0) }), ("sequencer", "0055")),
                    ],
                ]
            ]
        ]
    }

    private static func event(_ notification: JSON) throws -> JSON {
        try #require(try TriggerEvents.s3(notification: notification, from: origin).first)
    }

    @Test func aNotificationBecomesTheEventOfEventBridge() throws {
        #expect(
            try Self.event(Self.notification(version: "v1")) == [
                "version": "0", "id": "films/films/a b/cü.mov/0055", "detail-type": "Object Created",
                "source": "aws.s3", "account": "000000000000", "time": "2026-03-08T07:30:00.123Z",
                "region": "us-east-1", "resources": ["arn:aws:s3:::films"],
                "detail": [
                    "version": "0", "bucket": ["name": "films"],
                    "object": [
                        "key": "films/a b/cü.mov", "size": 1024, "etag": "e1", "version-id": "v1", "sequencer": "0055",
                    ],
                    "reason": "PutObject",
                ],
            ])
        // Ceph: a prefix, quotes, an empty version.
        let ceph = try Self.event(
            Self.notification("s3:ObjectCreated:CompleteMultipartUpload", etag: "\"e1\"", version: ""))
        #expect(ceph["detail"]?["reason"] == "CompleteMultipartUpload")
        #expect(ceph["detail"]?["object"]?["etag"] == "e1")
        #expect(ceph["detail"]?["object"]?["version-id"] == nil)
        // And keys as they are.
        let plain = try Self.event([
            "Records": [
                [
                    "eventVersion": "2.2", "eventSource": "ceph:s3", "eventTime": "2026-11-28T10:44:40.315326Z",
                    "eventName": "ObjectCreated:Put",
                    "s3": [
                        "bucket": ["name": "films"],
                        "object": ["key": "in/50% of é 1+1.mov", "size": 6, "eTag": "e1", "versionId": ""],
                    ],
                ]
            ]
        ])
        #expect(plain["detail"]?["object"]?["key"] == "in/50% of é 1+1.mov")
        #expect(try Self.event(Self.notification("ObjectRemoved:Delete"))["detail-type"] == "Object Deleted")
        #expect(try TriggerEvents.s3(notification: Self.notification("s3:TestEvent"), from: Self.origin).isEmpty)
    }

    @Test(
        arguments: [
            ("{}", "it has no array Records"),
            (#"{"Records": [{}]}"#, "record 0 has no eventName"),
            (#"{"Records": [{"eventName": "ObjectCreated:Put"}]}"#, "record 0 has no s3.bucket.name"),
            (
                #"{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "%C3"}}}]}"#,
                "record 0 has a key that is not percent-encoded UTF-8: '%C3'"
            ),
            (
                #"{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "%+1"}}}]}"#,
                "record 0 has a key that is not percent-encoded UTF-8: '%+1'"
            ),
        ])
    func refusesWhatIsNoNotification(text: String, reason: String) throws {
        let json = try JSON(parsing: text)
        let error = #expect(throws: NotificationError.self) {
            try TriggerEvents.s3(notification: json, from: Self.origin)
        }
        #expect(error?.reason == reason)
    }

    @Test func anObjectStartsOneExecution() throws {
        let trigger = try Self.trigger("{Source: {Kind: s3, Bucket: films}, Target: {Arn: ingest}}")
        func name(_ notification: JSON) throws -> String {
            let event = try Self.event(notification)
            #expect(trigger.matches(event))
            let start = try trigger.start(for: event, digest: Self.digest)
            #expect(start.input == event)
            return start.executionName
        }
        let first = try name(Self.notification())
        #expect(first.hasPrefix("t-"))
        #expect(first.utf8.count == 18)
        // However often and by whatever operation it is told.
        #expect(try name(Self.notification("ObjectCreated:Post")) == first)
        #expect(try name(Self.notification(version: "null")) == first)
        // Other bytes, another version, another key.
        let names = Set([
            first, try name(Self.notification(etag: "e2")), try name(Self.notification(version: "v1")),
            try name(Self.notification(key: "x")),
        ])
        #expect(names.count == 4)
        // A version names its bytes, whatever their digest.
        #expect(try name(Self.notification(etag: "e2", version: "v1")) == name(Self.notification(version: "v1")))
        // Another bucket is another trigger's; a deletion is meant only where the pattern says so.
        #expect(!trigger.matches(try Self.event(Self.notification(bucket: "other"))))
        let deletion = try Self.event(Self.notification("ObjectRemoved:Delete"))
        #expect(!trigger.matches(deletion))
        let deletions = try Self.trigger(
            #"{Source: {Kind: s3, Bucket: films}, EventPattern: {detail-type: [Object Deleted]}, Target: {Arn: x}}"#)
        #expect(deletions.matches(deletion))
        #expect(!deletions.matches(try Self.event(Self.notification())))
        #expect(try deletions.start(for: deletion, digest: Self.digest).executionName != first)
    }

    @Test func oneUploadOneRun() throws {
        let trigger = try Self.trigger(
            """
            {Source: {Kind: upload}, EventPattern: {detail: {metadata: {kind: [film]}}},
              Target: {Arn: ingest, Input: {source: "{% $states.input.detail.key %}", run: "{% $uuid() %}"}}}
            """)
        func upload(_ id: String, kind: String = "film") -> JSON {
            TriggerEvents.upload(
                id: id, key: "uploads/\(id)/a.mov", url: "file:///store/uploads/\(id)/a.mov", bytes: 5,
                metadata: ["kind": .string(kind)],
                time: "2026-03-08T07:30:00Z", from: Self.origin)
        }
        #expect(trigger.matches(upload("1")))
        #expect(!trigger.matches(upload("1", kind: "subtitles")))
        let start = try trigger.start(for: upload("1"), digest: Self.digest)
        #expect(start.input["source"] == "uploads/1/a.mov")
        #expect(start.key == "1")
        #expect(try trigger.start(for: upload("1"), digest: Self.digest) == start)
        let other = try trigger.start(for: upload("2"), digest: Self.digest)
        #expect(other.executionName != start.executionName)
        #expect(other.input["run"] != start.input["run"])
    }

    @Test func otherSourcesHaveKeysToo() throws {
        let folder = try Self.trigger("{Source: {Kind: directory, Path: /srv}, Target: {Arn: x}}")
        let file = TriggerEvents.file(
            path: "/srv/a.mov", bytes: 7, modified: "2026-03-08T07:30:00.5Z", time: "2026-03-08T07:31:00Z",
            from: Self.origin)
        #expect(
            try folder.start(for: file, digest: Self.digest).key == #"["/srv/a.mov",7,"2026-03-08T07:30:00.5Z"]"#)
        let hook = try Self.trigger(
            #"{Source: {Kind: webhook}, IdempotencyKey: "{% $states.input.detail.id %}", Target: {Arn: x}}"#)
        func post(_ body: JSON) -> JSON {
            TriggerEvents.webhook(name: "t", id: "r1", body: body, time: "2026-03-08T07:31:00Z", from: Self.origin)
        }
        #expect(try hook.start(for: post(["id": "p-1"]), digest: Self.digest).key == "p-1")
        #expect(try hook.start(for: post(["id": 5]), digest: Self.digest).key == "5")
        for body: JSON in [["id": ""], [:], ["id": .string(String(repeating: "x", count: 4097))]] {
            #expect(throws: EvaluationError.self) { try hook.start(for: post(body), digest: Self.digest) }
        }
    }

    @Test func aDisabledTriggerStartsNothing() throws {
        let trigger = try Self.trigger("{Source: {Kind: upload}, State: DISABLED, Target: {Arn: x}}")
        #expect(!trigger.matches(["detail": ["upload-id": "1"]]))
    }
}
