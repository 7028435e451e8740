import JSON
import OrderedCollections

/// Why a kept state can't be read: a fault of what was kept, or a format of a later release.
public struct ScheduleStateError: Error, Sendable, Hashable, CustomStringConvertible {
    public let reason: String

    public var description: String { "the schedule's state can't be read: \(reason)" }
}

/// The text of a state. Every release reads what earlier ones wrote, so names are never changed, only added.
extension ScheduleState {
    public static let formatVersion = 1

    public var text: String {
        let json = JSON.members(
            ("v", .integer(ScheduleState.formatVersion)),
            ("anchor", .integer(anchor)), ("horizon", .integer(horizon)), ("timing", .string(fingerprint)),
            ("held", wasHeld ? true : nil),
            ("pause", pause.map { ["reason": .string($0.reason), "since": .integer($0.since)] }),
            ("waiting", waiting.isEmpty ? nil : .array(waiting.map(\.json))),
            ("buffered", buffered.isEmpty ? nil : .array(buffered.map(\.json))),
            ("running", running.isEmpty ? nil : .array(running.map(\.json))),
            ("backfills", backfills.isEmpty ? nil : .array(backfills.map(\.json))),
            ("starts", .integer(starts)),
            (
                "skips",
                skips.isEmpty
                    ? nil
                    : .object(
                        OrderedDictionary(
                            SkipReason.allCases.compactMap { reason in
                                skips[reason].map { (reason.rawValue, JSON.integer($0)) }
                            }, uniquingKeysWith: { first, _ in first }))
            ))
        return json.text
    }

    /// Reads what ``text`` of this or an earlier release gave.
    public init(text: String) throws(ScheduleStateError) {
        let json: JSON
        do { json = try JSON(parsing: text) } catch { throw ScheduleStateError(reason: error.description) }
        let reader = StateReader(json: json)
        let version = try reader.number("v")
        guard version <= ScheduleState.formatVersion else {
            throw ScheduleStateError(
                reason: "format \(version) was written by a later release; this one reads"
                    + " \(ScheduleState.formatVersion)")
        }
        anchor = try reader.number("anchor")
        horizon = try reader.number("horizon")
        fingerprint = try reader.text("timing")
        wasHeld = json["held"] == true
        if let member = json["pause"] {
            let reader = StateReader(json: member)
            pause = Pause(reason: try reader.text("reason"), since: try reader.number("since"))
        }
        for json in try reader.list("waiting") { waiting.append(try StateReader(json: json).fire()) }
        for json in try reader.list("buffered") { buffered.append(try StateReader(json: json).fire()) }
        for json in try reader.list("running") {
            running.append(
                Run(
                    fire: try StateReader(json: json).fire(), isConfirmed: json["confirmed"] == true,
                    isCancelled: json["cancelled"] == true))
        }
        for json in try reader.list("backfills") {
            let reader = StateReader(json: json)
            backfills.append(
                Backfill(
                    after: try reader.number("after"), through: try reader.number("through"),
                    overlapPolicy: try reader.word("overlap")))
        }
        starts = try reader.number("starts")
        for (name, count) in json["skips"]?.objectValue ?? [:] {
            guard let reason = SkipReason(rawValue: name), let count = count.integerValue else {
                throw ScheduleStateError(reason: "'\(name)' is no reason")
            }
            skips[reason] = count
        }
    }
}

extension ScheduleState.Fire {
    fileprivate var json: JSON {
        .members(
            ("name", .string(executionName)), ("time", .integer(time)),
            ("start", start == time ? nil : .integer(start)),
            ("cause", .string(cause.rawValue)), ("overlap", .string(overlapPolicy.rawValue)))
    }
}

extension ScheduleState.Run {
    fileprivate var json: JSON {
        var json = fire.json
        if isConfirmed { json["confirmed"] = true }
        if isCancelled { json["cancelled"] = true }
        return json
    }
}

extension ScheduleState.Backfill {
    fileprivate var json: JSON {
        ["after": .integer(after), "through": .integer(through), "overlap": .string(overlapPolicy.rawValue)]
    }
}

/// The members of an object, each demanded with its type.
private struct StateReader {
    let json: JSON

    func number(_ key: String) throws(ScheduleStateError) -> Int {
        guard let number = json[key]?.integerValue else {
            throw ScheduleStateError(reason: "'\(key)' is no whole number")
        }
        return number
    }

    func text(_ key: String) throws(ScheduleStateError) -> String {
        guard let text = json[key]?.stringValue else { throw ScheduleStateError(reason: "'\(key)' is no text") }
        return text
    }

    func word<Word: RawRepresentable<String>>(_ key: String) throws(ScheduleStateError) -> Word {
        let text = try text(key)
        guard let word = Word(rawValue: text) else { throw ScheduleStateError(reason: "'\(text)' is no '\(key)'") }
        return word
    }

    /// Left out where it is empty.
    func list(_ key: String) throws(ScheduleStateError) -> [JSON] {
        guard let value = json[key] else { return [] }
        guard let elements = value.arrayValue else { throw ScheduleStateError(reason: "'\(key)' is no list") }
        return elements
    }

    func fire() throws(ScheduleStateError) -> ScheduleState.Fire {
        let time = try number("time")
        return ScheduleState.Fire(
            executionName: try text("name"), time: time, start: json["start"] == nil ? time : try number("start"),
            cause: try word("cause"), overlapPolicy: try word("overlap"))
    }
}
