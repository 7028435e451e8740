import Cryptography
import Encodings
import Engine
import EventPatterns
import JSON
import RawHTTP
import TemporaryFolder
import Testing

@testable import Triggers

@Suite("Paused triggers") struct PauseTests {
    private static let json = ["Content-Type": "application/json"]

    private static func pause(_ wire: Wire, _ name: String, _ reason: JSON?) throws -> Wire.Answer {
        try wire.request(
            "POST", "/console/api/triggers/\(name)/pause", json, JSON.members(("reason", reason)).utf8)
    }

    private static func resume(_ wire: Wire, _ name: String) throws -> Wire.Answer {
        try wire.request("POST", "/console/api/triggers/\(name)/resume", json, [])
    }

    @Test("a webhook is told to come again, over a change of engines, and then starts what it told of")
    func webhook() async throws {
        let stage = try await TriggerStage()
        let triggers = try TriggerStage.triggers(
            """
            Triggers:
              payments:
                Source: {Kind: webhook}
                IdempotencyKey: "{% $states.input.detail.id %}"
                Target: {Arn: m}
            """)
        let body = Array(#"{"id":"p-1"}"#.utf8)
        @Sendable func tell(_ wire: Wire, _ secret: String) throws -> Wire.Answer {
            let signature = "sha256=" + Hex.encode(HMACSHA256.code(body, key: Array(secret.utf8)))
            return try wire.request(
                "POST", "/hooks/payments", ["X-Hub-Signature-256": signature, "Content-Type": "application/json"], body)
        }
        var running = try await stage.engine(triggers)
        let secret = try await withHooks(running) { wire in
            let made = try wire.request("POST", "/console/api/triggers/payments/secret", [:], [])
            let secret = try #require(try JSON(parsing: made.content)["Secret"]?.stringValue)
            for (reason, status) in [
                (nil, 400), ("", 400), (3, 400), (.string(String(repeating: "x", count: 1025)), 400), ("a\0b", 400),
                ("the bank looks at it", 200),
            ] as [(JSON?, Int)] {
                #expect(try Self.pause(wire, "payments", reason).status == status, "\(reason?.text ?? "none")")
            }
            #expect(try Self.pause(wire, "unknown", "why").status == 404)
            #expect(try Self.resume(wire, "unknown").status == 404)
            let answer = try tell(wire, secret)
            #expect(answer.status == 503 && answer["retry-after"] == "60", "\(answer.text)")
            #expect(!answer.text.contains("bank"), "the reason is for people here")
            return secret
        }
        #expect(try await running.executions().isEmpty)
        await running.end()

        running = try await stage.engine(triggers)
        try await withHooks(running) { wire in
            let view = try JSON(parsing: try wire.request("GET", "/console/api/triggers/payments", [:]).content)
            #expect(view["Pause"]?["Reason"] == "the bank looks at it" && view["Pause"]?["Since"] != nil)
            #expect(try tell(wire, secret).status == 503)
            let after = try JSON(parsing: try wire.request("GET", "/console/api/triggers/payments", [:]).content)
            #expect(after["Counts"] == ["Held": 1] && after["LastNote"]?["Outcome"] == "Held")
            let resumed = try Self.resume(wire, "payments")
            #expect(resumed.status == 200)
            #expect(try JSON(parsing: resumed.content)["Pause"] == nil)
            let told = try JSON(parsing: try tell(wire, secret).content)
            #expect(told["executions"]?[0]?["isNew"] == true)
        }
        #expect(try await running.executions().count == 1)
        #expect(try await running.engine.pausedTriggers().isEmpty)
        await running.end()
    }

    private static let films = """
        Triggers:
          films:
            Source: {Kind: s3, Bucket: films}
            Target: {Arn: m, Input: {key: "{% $states.input.detail.object.key %}"}}
          gone:
            Source: {Kind: s3, Bucket: films}
            EventPattern: {detail-type: [Object Deleted]}
            Target: {Arn: m}
        """

    /// What a bucket tells of one object.
    private static func notification(_ name: String) -> [UInt8] {
        let object: JSON = ["key": "a.mov", "size": 7, "eTag": "t1", "sequencer": "1"]
        let record: JSON = [
            "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": .string(name),
            "eventTime": "2026-11-28T10:00:00.000Z", "s3": ["bucket": ["name": "films"], "object": object],
        ]
        return (["Records": [record]] as JSON).utf8
    }

    @Test("a removal that one trigger can't use is asked for again, as long as another that means it is paused")
    func removalForTwo() async throws {
        let stage = try await TriggerStage()
        let running = try await stage.engine(
            try TriggerStage.triggers(
                """
                Triggers:
                  broken:
                    Source: {Kind: s3, Bucket: films}
                    EventPattern: {detail-type: [Object Deleted]}
                    Target: {Arn: m, Input: {size: "{% $number($states.input.detail.object.key) %}"}}
                  gone:
                    Source: {Kind: s3, Bucket: films}
                    EventPattern: {detail-type: [Object Deleted]}
                    Target: {Arn: m}
                """))
        try await running.engine.pauseTrigger("gone", reason: "too many")
        let headers = try await withHooks(running) { wire in
            let made = try wire.request("POST", "/console/api/triggers/broken/secret", [:], [])
            let secret = try #require(try JSON(parsing: made.content)["Secret"]?.stringValue)
            let headers = ["Authorization": "Bearer \(secret)"]
            let removed = try wire.request("POST", "/hooks/broken", headers, Self.notification("ObjectRemoved:Delete"))
            #expect(removed.status == 503, "\(removed.text)")
            return headers
        }
        try await running.engine.resumeTrigger("gone")
        try await withHooks(running) { wire in
            let removed = try wire.request("POST", "/hooks/broken", headers, Self.notification("ObjectRemoved:Delete"))
            #expect(removed.status == 422, "\(removed.text)")
        }
        #expect(try await running.executions().count == 1)
        await running.end()
    }

    @Test("of two failures the one that may pass is told")
    func worse() {
        for passing in [TriggerError.Code.unavailable, .source, .paused] {
            for lasting in [TriggerError.Code.event, .refused] {
                let (one, other) = (TriggerError(passing, "later"), TriggerError(lasting, "never"))
                #expect(one.worse(than: other) == one && other.worse(than: one) == one)
            }
        }
    }

    @Test("a bucket: of what was created the listing tells after the pause; what it can't tell is asked for again")
    func bucket() async throws {
        let stage = try await TriggerStage()
        let running = try await stage.engine(try TriggerStage.triggers(Self.films))
        let bucket = ListedBucket()
        let listings = BucketListings(desk: running.desk, buckets: bucket, log: silent)
        #expect(try await listings.reconcile("films") == 0)
        let now = try #require(await running.engine.triggerTime()) / 1_000_000
        try await running.engine.pauseTrigger("films", reason: "too many")
        try await running.engine.pauseTrigger("gone", reason: "too many")
        bucket.put("a.mov", tag: "t1", at: now)
        let listed = try await running.engine.triggerRecord("films").listedThrough
        #expect(try await listings.reconcile("films") == 0)
        #expect(try await running.engine.triggerRecord("films").listedThrough == listed, "the horizon stays")
        let headers = try await withHooks(running) { wire in
            let made = try wire.request("POST", "/console/api/triggers/films/secret", [:], [])
            let secret = try #require(try JSON(parsing: made.content)["Secret"]?.stringValue)
            let headers = ["Authorization": "Bearer \(secret)"]
            let created = try wire.request("POST", "/hooks/films", headers, Self.notification("ObjectCreated:Put"))
            #expect(created.status == 200)
            #expect(try JSON(parsing: created.content)["executions"] == [])
            let removed = try wire.request("POST", "/hooks/films", headers, Self.notification("ObjectRemoved:Delete"))
            #expect(removed.status == 503, "\(removed.text)")
            return headers
        }
        #expect(try await running.executions().isEmpty)
        try await running.engine.resumeTrigger("films")
        try await running.engine.resumeTrigger("gone")
        #expect(try await listings.reconcile("films") == 1)
        try await withHooks(running) { wire in
            let removed = try wire.request("POST", "/hooks/films", headers, Self.notification("ObjectRemoved:Delete"))
            #expect(removed.status == 200, "\(removed.text)")
        }
        #expect(try await running.executions().count == 2)
        await running.end()
    }

    @Test("a directory: files that arrive meanwhile start their executions after the pause")
    func directory() async throws {
        let temporary = try TemporaryFolder()
        let folder = temporary.path
        let triggers = try TriggerStage.triggers(
            "Triggers: {drop: {Source: {Kind: directory, Path: \(folder)}, Target: {Arn: m}}}")
        let stage = try await TriggerStage()
        let running = try await stage.engine(triggers)
        let watched = WatchedDirectories(desk: running.desk, log: silent)
        var look = WatchedDirectories.Look()
        try temporary.write("a.mov", "film".utf8)
        await watched.look(at: triggers[0], &look)
        try await running.engine.pauseTrigger("drop", reason: "the disk is full")
        for _ in 0..<3 { await watched.look(at: triggers[0], &look) }
        #expect(try await running.executions().isEmpty && look.trouble == nil)
        try await running.engine.resumeTrigger("drop")
        for _ in 0..<2 { await watched.look(at: triggers[0], &look) }
        #expect(try await running.executions().count == 1)
        await running.end()
        withExtendedLifetime(temporary) {}
    }
}

@Suite("Triggers beside each other") struct NeighbourTests {
    private static let bucket = """
        Triggers:
          broken:
            Source: {Kind: s3, Bucket: films}
            Target: {Arn: m, Input: {size: "{% $number($states.input.detail.object.key) %}"}}
          whole:
            Source: {Kind: s3, Bucket: films}
            Target: {Arn: m, Input: {key: "{% $states.input.detail.object.key %}"}}
        """

    @Test("an event that one trigger can't use starts what the others say, and an object that can't be used none less")
    func oneFails() async throws {
        let stage = try await TriggerStage()
        let triggers = try TriggerStage.triggers(Self.bucket)
        let running = try await stage.engine(triggers)
        let bucket = ListedBucket()
        let listings = BucketListings(desk: running.desk, buckets: bucket, log: silent)
        #expect(try await listings.reconcile("films") == 0)
        let now = try #require(await running.engine.triggerTime()) / 1_000_000
        bucket.put("a.mov", tag: "t1", at: now)
        bucket.put("12", tag: "t2", at: now)
        bucket.put("13", tag: "t3", at: now)
        let failure = await #expect(throws: TriggerError.self) { try await listings.reconcile("films") }
        #expect(failure?.code == .event)
        // a.mov by one trigger, 12 and 13 by both.
        #expect(try await running.executions().count == 5)
        let event = BucketListings<ListedBucket>.event(
            BucketVersion(key: "b.mov", versionID: "null", bytes: 7, modifiedAt: now, entityTag: "t4"), "films")
        await #expect(throws: TriggerError.self) { try await running.desk.take(event, for: triggers) }
        #expect(try await running.executions().count == 6)
        await running.end()
    }

    @Test("listings need no secret: one that can't be opened keeps no object from its execution")
    func lostMasterKey() async throws {
        let stage = try await TriggerStage()
        let triggers = try TriggerStage.triggers(
            "Triggers: {films: {Source: {Kind: s3, Bucket: films}, Target: {Arn: m}}}")
        var running = try await stage.engine(triggers)
        _ = try await running.engine.renewTriggerSecret("films")
        await running.end()
        running = try await stage.engine(triggers, ring: try KeyRing([MasterKey()]))
        let bucket = ListedBucket()
        let now = try #require(await running.engine.triggerTime()) / 1_000_000
        bucket.put("a.mov", tag: "t1", at: now)
        #expect(try await BucketListings(desk: running.desk, buckets: bucket, log: silent).reconcile("films") == 1)
        try await withHooks(running) { wire in
            let view = try JSON(parsing: try wire.request("GET", "/console/api/triggers/films", [:]).content)
            #expect(view["HasSecret"] == true)
            let told = try wire.request("POST", "/hooks/films?token=x", [:], [])
            #expect(told.status == 409 && told.text.contains("make a new one"), "\(told.text)")
        }
        await running.end()
    }

    @Test("a file whose start was refused is tried again after a while, without having been touched")
    func refusedFile() async throws {
        let temporary = try TemporaryFolder()
        let folder = temporary.path
        let triggers = try TriggerStage.triggers(
            "Triggers: {drop: {Source: {Kind: directory, Path: \(folder)}, Target: {Arn: later}}}")
        let stage = try await TriggerStage()
        let running = try await stage.engine(triggers)
        let watched = WatchedDirectories(desk: running.desk, log: silent)
        var look = WatchedDirectories.Look()
        try temporary.write("a.mov", "film".utf8)
        for _ in 0..<3 { await watched.look(at: triggers[0], &look) }
        #expect(running.desk.notes["drop"].counts == [.refused: 1])
        try await running.deploy("later")
        for _ in 0..<WatchedDirectories.looksBetweenTries { await watched.look(at: triggers[0], &look) }
        #expect(running.desk.notes["drop"].counts == [.refused: 1, .started: 1])
        await running.end()
        withExtendedLifetime(temporary) {}
    }
}
