import Engine
import EventPatterns
import Foundation
import JSON
import RawHTTP
import TemporaryFolder
import Testing

@testable import Triggers

@Suite("Sources of events") struct SourceTests {
    private static let bucket = """
        Triggers:
          films:
            Source: {Kind: s3, Bucket: films}
            EventPattern: {detail-type: [Object Created], detail: {object: {key: [{suffix: .mov}]}}}
            Target: {Arn: m, Input: {key: "{% $states.input.detail.object.key %}"}}
        """

    private static func notification(_ key: String, tag: String, version: String? = nil, at time: String) -> JSON {
        [
            "Records": [
                [
                    "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
                    "eventTime": .string(time),
                    "s3": [
                        "bucket": ["name": "films"],
                        "object": .members(
                            ("key", .string(key)), ("size", 7), ("eTag", .string(tag)),
                            ("versionId", version.map(JSON.string)), ("sequencer", .string(time))),
                    ],
                ]
            ]
        ]
    }

    @Test("one object, one run: five notifications and every listing tell of the same", arguments: [nil, "v1"])
    func objectOnce(version: String?) async throws {
        let stage = try await TriggerStage()
        let running = try await stage.engine(try TriggerStage.triggers(Self.bucket))
        let bucket = ListedBucket()
        let listings = BucketListings(desk: running.desk, buckets: bucket, log: silent)
        #expect(try await listings.reconcile("films") == 0)
        let now = try #require(await running.engine.triggerTime()) / 1_000_000
        bucket.put("a b.mov", version: version ?? "null", tag: "t1", at: now)
        try await withHooks(running) { wire in
            let made = try wire.request("POST", "/console/api/triggers/films/secret", [:], [])
            let secret = try #require(try JSON(parsing: made.content)["Secret"]?.stringValue)
            for index in 0..<5 {
                let body = Self.notification(
                    "a+b.mov", tag: "\"t1\"", version: version, at: "2026-11-28T10:00:0\(index).000Z"
                ).utf8
                let path = index == 0 ? "/hooks/films?token=\(secret)" : "/hooks/films"
                let headers = index == 0 ? [:] : ["Authorization": "Bearer \(secret)"]
                let answer = try wire.request("POST", path, headers, body)
                #expect(answer.status == 200, "\(answer.text)")
                #expect(try JSON(parsing: answer.content)["executions"]?[0]?["isNew"] == .bool(index == 0))
            }
            let wrong = try wire.request("POST", "/hooks/films?token=whsec_wrong", [:], [])
            #expect(wrong.status == 401)
            let test = (["Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "films"] as JSON).utf8
            #expect(
                try wire.request("POST", "/hooks/films", ["Authorization": "Bearer \(secret)"], test).status == 200)
        }
        #expect(try await listings.reconcile("films") == 0)
        #expect(try await running.executions().count == 1)
        await running.end()
    }

    @Test("nobody hears a notification: the listing finds the object, also after the engine has died")
    func lostNotifications() async throws {
        let stage = try await TriggerStage()
        let triggers = try TriggerStage.triggers(Self.bucket)
        var running = try await stage.engine(triggers)
        let bucket = ListedBucket()
        let begin = try #require(await running.engine.triggerTime()) / 1_000_000
        bucket.put("before.mov", tag: "t0", at: begin - 60)
        #expect(try await BucketListings(desk: running.desk, buckets: bucket, log: silent).reconcile("films") == 0)
        for index in 0..<5 { bucket.put("film \(index).mov", tag: "t\(index)", at: begin + 1) }
        bucket.put("notes.txt", tag: "n", at: begin + 1)
        await running.end()

        running = try await stage.engine(triggers)
        let listings = BucketListings(desk: running.desk, buckets: bucket, log: silent)
        bucket.isAway = true
        await #expect(throws: TriggerError.self) { try await listings.reconcile("films") }
        bucket.isAway = false
        #expect(try await listings.reconcile("films") == 5)
        #expect(try await listings.reconcile("films") == 0)
        // The same bytes under the same name are the same event, other bytes are not.
        bucket.put("film 0.mov", tag: "t0", at: begin + 2)
        bucket.put("film 0.mov", tag: "other", at: begin + 2)
        #expect(try await listings.reconcile("films") == 1)
        #expect(try await running.executions().count == 6)
        await running.end()
    }

    @Test("a file that has stayed the same between two looks has arrived; over engines, once")
    func directory() async throws {
        let temporary = try TemporaryFolder()
        let folder = temporary.path
        _ = try temporary.make("inner")
        func write(_ name: String, _ text: String) throws { try temporary.write(name, text.utf8) }
        let triggers = try TriggerStage.triggers(
            """
            Triggers:
              drop:
                Source: {Kind: directory, Path: \(folder)}
                Target: {Arn: m, Input: {path: "{% $states.input.detail.path %}", at: "{% $now() %}"}}
            """)
        let stage = try await TriggerStage()
        var running = try await stage.engine(triggers)
        try write("a.mov", "first")
        try write(".hidden", "x")
        try write("b.mov.part", "x")
        try FileManager.default.createSymbolicLink(atPath: folder + "/link.mov", withDestinationPath: "a.mov")
        var watched = WatchedDirectories(desk: running.desk, log: silent)
        var look = WatchedDirectories.Look()
        await watched.look(at: triggers[0], &look)
        #expect(try await running.executions().isEmpty)
        try write("a.mov", "it has grown")
        await watched.look(at: triggers[0], &look)
        #expect(try await running.executions().isEmpty)
        for _ in 0..<3 { await watched.look(at: triggers[0], &look) }
        #expect(try await running.executions().count == 1)
        await running.end()

        // Another engine knows nothing of it, and its name is taken.
        running = try await stage.engine(triggers)
        watched = WatchedDirectories(desk: running.desk, log: silent)
        look = WatchedDirectories.Look()
        try write("c.mov", "another")
        for _ in 0..<2 { await watched.look(at: triggers[0], &look) }
        #expect(look.trouble == nil)
        let names = try await running.executions()
        #expect(names.count == 2)
        let input = try await running.engine.run(
            "arn:aws:states:us-east-1:000000000000:execution:m:\(names[1])"
        ).input
        #expect(input?["path"]?.stringValue == folder + "/c.mov")
        // Written again, it is another event.
        try write("a.mov", "something else")
        for _ in 0..<2 { await watched.look(at: triggers[0], &look) }
        #expect(try await running.executions().count == 3)

        let nowhere = try TriggerStage.triggers(
            "Triggers: {gone: {Source: {Kind: directory, Path: /no/such/folder}, Target: {Arn: m}}}")
        await watched.look(at: nowhere[0], &look)
        await watched.look(at: nowhere[0], &look)
        #expect(look.trouble?.contains("No such file or directory") == true)
        let notes = watched.desk.notes["gone"].recent
        #expect(notes.count == 1 && notes.first?.news.outcome == .trouble && notes.first?.count == 2)
        await running.end()
        withExtendedLifetime(temporary) {}
    }
}
