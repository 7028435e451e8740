import StatesLanguage

/// What is wrong with a schedule expression, and where.
public struct ScheduleExpressionProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// Characters (Unicode scalars) from the expression's beginning.
    public let offset: Int
    /// Without full stop.
    public let reason: String

    public var description: String { "character \(offset + 1): \(reason)" }
}

/// When a schedule fires: `cron(...)`, `rate(...)` or `at(...)`, as EventBridge Scheduler writes it.
///
/// Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
public struct ScheduleExpression: Sendable, Hashable {
    public let text: String
    public let kind: Kind

    public enum Kind: Sendable, Hashable {
        /// At the local times that the fields name.
        case cron(CronExpression)
        /// Every so many seconds, a multiple of 60, from the schedule's start on. Days have 24 hours.
        case rate(seconds: Int)
        /// Once.
        case at(LocalTime)
    }

    /// Longer texts are refused.
    public static let maximumLength = 256
    /// The longest period of a rate, a hundred years.
    static let maximumRate = 36_525 * 86_400

    init(text: String, kind: Kind) {
        self.text = text
        self.kind = kind
    }

    /// Reads an expression; throws its first problem.
    public init(_ text: String) throws(ScheduleExpressionProblem) {
        let (expression, problems) = ScheduleExpression.read(text)
        if let first = problems.first { throw first }
        guard let expression else { preconditionFailure("a schedule expression without problems is one") }
        self = expression
    }

    /// Reads an expression, or tells all that is wrong with it.
    public static func read(_ text: String) -> (expression: ScheduleExpression?, problems: [ScheduleExpressionProblem])
    {
        func refused(_ reason: String, at offset: Int = 0) -> (ScheduleExpression?, [ScheduleExpressionProblem]) {
            (nil, [ScheduleExpressionProblem(offset: offset, reason: reason)])
        }
        guard text.unicodeScalars.count <= maximumLength else {
            return refused("the expression has more than \(maximumLength) characters")
        }
        guard let open = text.firstIndex(of: "("), text.hasSuffix(")") else {
            return refused("a schedule expression is cron(fields), rate(value unit) or at(yyyy-mm-ddThh:mm:ss)")
        }
        let word = text[..<open]
        let offset = word.unicodeScalars.count + 1
        let inside = String(text[text.index(after: open)...].dropLast())
        switch word {
        case "cron":
            var parser = CronParser()
            let cron = parser.expression(inside, offset: offset)
            return (cron.map { ScheduleExpression(text: text, kind: .cron($0)) }, parser.problems)
        case "rate":
            do throws(ScheduleExpressionProblem) {
                return (ScheduleExpression(text: text, kind: .rate(seconds: try rate(inside, offset: offset))), [])
            } catch {
                return (nil, [error])
            }
        case "at":
            guard let local = LocalTime(inside) else {
                return refused("'\(inside)' is no time; write it like at(2026-11-20T13:00:00)", at: offset)
            }
            return (ScheduleExpression(text: text, kind: .at(local)), [])
        default: return refused("'\(word)' is none of cron, rate and at")
        }
    }

    private static func rate(_ text: String, offset: Int) throws(ScheduleExpressionProblem) -> Int {
        let words = text.split(separator: " ")
        guard words.count == 2 else {
            throw ScheduleExpressionProblem(
                offset: offset, reason: "rate has a number and a unit, as in rate(5 minutes); this is '\(text)'")
        }
        guard words[0].utf8.count <= 9, words[0].utf8.allSatisfy(isDigit), let value = Int(words[0]), value > 0 else {
            throw ScheduleExpressionProblem(offset: offset, reason: "'\(words[0])' is no positive whole number")
        }
        let unit: Int
        switch words[1] {
        case "minute", "minutes": unit = 60
        case "hour", "hours": unit = 3600
        case "day", "days": unit = 86_400
        default:
            throw ScheduleExpressionProblem(
                offset: offset + text.unicodeScalars.distance(from: text.startIndex, to: words[1].startIndex),
                reason: "'\(words[1])' is none of minutes, hours and days")
        }
        guard value * unit <= maximumRate else {
            throw ScheduleExpressionProblem(offset: offset, reason: "a rate of \(text) is longer than a hundred years")
        }
        return value * unit
    }
}

extension LocalTime {
    /// Reads `yyyy-mm-ddThh:mm:ss`; nil when the text is no such time.
    init?(_ text: String) {
        // The form of a timestamp without its offset.
        guard text.utf8.count == 19, let microseconds = Timestamp.microseconds(rfc3339: text + "Z") else { return nil }
        self.init(secondsAsUTC: Int(microseconds / 1_000_000))
    }
}
