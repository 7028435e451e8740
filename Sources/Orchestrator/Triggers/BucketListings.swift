import EventPatterns
import Engine
import JSON
public import Logging
public import ServiceLifecycle
import StatesLanguage

/// Lists buckets, for events that nobody has told.
public protocol BucketVersions: Sendable {
    /// Where a page begins.
    associatedtype Mark: Sendable
    /// A page of the versions of all objects, and where the next one begins. Throws `.source`.
    func versions(
        of bucket: String, after mark: Mark?
    ) async throws(TriggerError) -> (versions: [BucketVersion], next: Mark?)
}

/// One version of one object.
public struct BucketVersion: Sendable, Hashable {
    public let key: String
    /// `null` where the bucket has no versions.
    public let versionID: String
    public let bytes: Int64
    /// Seconds since 1970.
    public let modifiedAt: Int64
    /// Without quotes.
    public let entityTag: String

    public init(key: String, versionID: String, bytes: Int64, modifiedAt: Int64, entityTag: String) {
        self.key = key
        self.versionID = versionID
        self.bytes = bytes
        self.modifiedAt = modifiedAt
        self.entityTag = entityTag
    }
}

/// Compares buckets with what was started, at the start of the engine and every few minutes: a notification may be lost,
/// and its object starts an execution all the same, under the name that the notification would have given it.
public struct BucketListings<Buckets: BucketVersions>: Service {
    let desk: TriggerDesk
    let buckets: Buckets
    let interval: Duration
    let log: Logger

    public init(desk: TriggerDesk, buckets: Buckets, interval: Duration = .seconds(300), log: Logger) {
        self.desk = desk
        self.buckets = buckets
        self.interval = interval
        self.log = log
    }

    /// How far back each listing looks, in microseconds: an object that comes in parts may be as old as its first.
    static var overlap: Int64 { 7 * 86_400 * 1_000_000 }

    public func run() async throws {
        let names = Set(
            desk.triggers.compactMap { trigger -> String? in
                if case .s3(let bucket) = trigger.source, trigger.isEnabled { bucket } else { nil }
            })
        guard !names.isEmpty else { return try await gracefulShutdown() }
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                var isServing = await desk.service.triggerTime() != nil
                for bucket in names.sorted() where isServing {
                    do throws(TriggerError) {
                        let started = try await reconcile(bucket)
                        if started > 0 {
                            log.notice(
                                "a listing has started what no notification had",
                                metadata: ["bucket": "\(bucket)", "executions": "\(started)"])
                        }
                    } catch {
                        let isListed = error.code == .event || error.code == .refused
                        log.warning(
                            isListed ? "a listing could not start all that it found" : "a bucket was not listed",
                            metadata: ["bucket": "\(bucket)", "error": "\(error)"])
                        if error.code == .source { await note(error, of: bucket) }
                        isServing = error.code != .unavailable
                    }
                }
                do { try await Task.sleep(for: isServing ? interval : .seconds(2)) } catch { return }
            }
        }
    }

    private func note(_ error: TriggerError, of bucket: String) async {
        let time = await desk.service.triggerTime()
        for trigger in desk.triggers where trigger.source == .s3(bucket: bucket) && trigger.isEnabled {
            desk.notes.note(TriggerNews(.trouble, of: trigger.name, reason: error.message), at: time)
        }
    }

    /// Looks through a bucket once; how many executions it started.
    func reconcile(_ bucket: String) async throws(TriggerError) -> Int {
        guard let begin = await desk.service.triggerTime() else {
            throw TriggerError(.unavailable, "The engine is starting, stopping or standing by.")
        }
        var looks: [(trigger: Trigger, horizon: Int64)] = []
        for trigger in desk.triggers where trigger.source == .s3(bucket: bucket) && trigger.isEnabled {
            let record: TriggerRecord
            do throws(EngineError) { record = try await desk.service.triggerRecord(trigger.name) } catch {
                throw TriggerError(engine: error)
            }
            // Its horizon stays: what came meanwhile is found when it is resumed.
            if record.pause != nil { continue }
            looks.append((trigger, max(record.since, (record.listedThrough ?? record.since) - Self.overlap)))
        }
        if looks.isEmpty { return 0 }
        var started = 0
        var failure: TriggerError?
        var mark: Buckets.Mark?
        repeat {
            let page = try await buckets.versions(of: bucket, after: mark)
            for (trigger, horizon) in looks {
                // A second of its own for stores that tell no parts of one.
                let found = await start(
                    page.versions.filter { ($0.modifiedAt + 1) * 1_000_000 > horizon }, of: bucket, by: trigger)
                started += found.started
                if let other = found.failure {
                    if other.code == .unavailable { throw other }
                    failure = failure ?? other
                }
            }
            mark = page.next
        } while mark != nil
        // What could not be started is looked at again: the horizon stays.
        if let failure { throw failure }
        for (trigger, _) in looks {
            do throws(EngineError) { try await desk.service.noteTriggerListed(trigger.name, through: begin) } catch {
                throw TriggerError(engine: error)
            }
        }
        return started
    }

    /// Starts those versions of a page that a trigger waits for and that no execution stands for yet. One that can't be used
    /// keeps no other from its execution.
    private func start(
        _ versions: [BucketVersion], of bucket: String, by trigger: Trigger
    ) async -> (started: Int, failure: TriggerError?) {
        var wanted: [(event: JSON, name: String?)] = []
        for version in versions {
            let event = Self.event(version, bucket)
            guard trigger.matches(event) else { continue }
            // One whose expressions fail has no name; the desk says so.
            wanted.append((event, Self.name(of: event, by: trigger)))
        }
        if wanted.isEmpty { return (0, nil) }
        let taken: Set<String>
        do throws(EngineError) {
            taken = try await desk.service.takenNames(machine: trigger.target, among: wanted.compactMap(\.name))
        } catch {
            return (0, TriggerError(engine: error))
        }
        var started = 0
        var failure: TriggerError?
        for (event, name) in wanted where name.map({ !taken.contains($0) }) ?? true {
            do throws(TriggerError) {
                let found = try await desk.take(event, for: [trigger])
                started += found.started.count { $0.isNew }
                if !found.held.isEmpty {
                    return (started, TriggerError(.unavailable, "The trigger '\(trigger.name)' is paused."))
                }
            } catch {
                if error.code == .unavailable { return (started, error) }
                failure = failure ?? error
            }
        }
        return (started, failure)
    }

    /// What the execution of an event is called; nil where the trigger can't use the event.
    private static func name(of event: JSON, by trigger: Trigger) -> String? {
        do { return try TriggerDesk.start(of: trigger, for: event).executionName } catch { return nil }
    }

    /// The event that S3 would have told.
    static func event(_ version: BucketVersion, _ bucket: String) -> JSON {
        let time = Timestamp.text(microseconds: version.modifiedAt * 1_000_000)
        return [
            "version": "0", "id": .string("\(bucket)/\(version.key)/\(version.versionID)"),
            "detail-type": "Object Created", "source": "aws.s3", "account": .string(ARN.account),
            "time": .string(time), "region": .string(ARN.region), "resources": [.string("arn:aws:s3:::\(bucket)")],
            "detail": [
                "version": "0", "bucket": ["name": .string(bucket)],
                "object": .members(
                    ("key", .string(version.key)), ("size", .integer(Int(version.bytes))),
                    ("etag", .string(version.entityTag)),
                    ("version-id", version.versionID == "null" ? nil : .string(version.versionID))),
                "reason": "Listing",
            ],
        ]
    }
}
