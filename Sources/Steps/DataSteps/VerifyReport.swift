import CatalogStore
import JSON
import StepContracts

/// What has been found so far, over all pages: the step's output, and part of the input of the page after.
struct VerifyReport: Sendable, Equatable {
    private(set) var titles = 0
    private(set) var objects = 0
    private(set) var bytes: Int64 = 0
    private(set) var missing = 0
    private(set) var damaged = 0
    /// The first ones, as the output tells them.
    private(set) var problems: [JSON] = []
    /// Where the next page begins.
    var next: RecordCursor?
    /// The last title something was checked of.
    private var latestTitle: String?

    /// So many keys stand in the sentence.
    private static let namedKeys = 3

    /// Reads the output of the page before; `{}` begins anew.
    init(_ document: JSON) throws(StepFailure) {
        if case .object(let members) = document, members.isEmpty { return }
        func count(_ name: String) throws(StepFailure) -> Int {
            // Far from where sums overflow: the report comes with the task, and may be anybody's.
            guard let number = document[name]?.integerValue, (0...1 << 53).contains(number) else {
                throw Self.unknown(name)
            }
            return number
        }
        titles = try count("titles")
        objects = try count("objects")
        bytes = Int64(try count("bytes"))
        missing = try count("missing")
        damaged = try count("damaged")
        guard let problems = document["problems"]?.arrayValue, problems.count <= VerifyLimits.problems else {
            throw Self.unknown("problems")
        }
        self.problems = problems
        // A report without a next page is complete; taken for a start it would be counted twice.
        guard let cursor = document["next"]?.stringValue.flatMap({ RecordCursor(text: $0) }) else {
            throw Self.unknown("next")
        }
        next = cursor
        latestTitle = cursor.titleID
    }

    private static func unknown(_ name: String) -> StepFailure {
        .parametersInvalid("'report.\(name)' is not what verify gives for a page that another one follows")
    }

    mutating func add(_ record: RecordedObject, _ verdict: VerifyVerdict) {
        objects += 1
        bytes += verdict.bytesRead
        if record.titleID != latestTitle { titles += 1 }
        latestTitle = record.titleID
        switch verdict {
        case .sound: return
        case .missing:
            missing += 1
            note("missing", record, found: nil)
        case .damaged(let bytes, let sha256, _):
            damaged += 1
            note(
                "damaged", record,
                found: .members(
                    ("bytes", bytes.map(JSON.integer)), ("sha256", sha256.map(JSON.string))))
        }
    }

    private mutating func note(_ problem: String, _ record: RecordedObject, found: JSON?) {
        guard problems.count < VerifyLimits.problems else { return }
        problems.append(
            .members(
                ("problem", .string(problem)), ("titleId", .string(record.titleID)),
                ("key", .string(record.object.key)),
                (
                    "expected",
                    ["bytes": .integer(record.object.bytes), "sha256": .string(record.object.sha256)]
                ),
                ("found", found)))
    }

    var json: JSON {
        .members(
            ("titles", .integer(titles)), ("objects", .integer(objects)), ("bytes", .integer(bytes)),
            ("missing", .integer(missing)), ("damaged", .integer(damaged)), ("problems", .array(problems)),
            ("summary", .string(summary)), ("next", next.map { .string($0.text) }))
    }

    /// "Of 340 objects of 3 titles 1 is missing and 2 are damaged: missing media/a/1.m4s of title t; ..."
    var summary: String {
        func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
        func be(_ number: Int) -> String { "\(number) \(number == 1 ? "is" : "are")" }
        let subject = "\(count(objects, "object")) of \(count(titles, "title"))"
        guard missing + damaged > 0 else {
            return objects == 0 ? "No title is published." : "\(subject): all as recorded."
        }
        var details = problems.prefix(Self.namedKeys).map { problem in
            "\(problem["problem"]?.stringValue ?? "") \(problem["key"]?.stringValue ?? "") "
                + "of title \(problem["titleId"]?.stringValue ?? "")"
        }
        let rest = missing + damaged - details.count
        if rest > 0 { details.append("and \(rest) more") }
        return "Of \(subject) \(be(missing)) missing and \(be(damaged)) damaged: "
            + "\(details.joined(separator: "; "))."
    }
}
