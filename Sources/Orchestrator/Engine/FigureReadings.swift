import Journal
import Postgres

/// Readings of machines' figures that all who ask the same share: each looks every few seconds, and sees the same.
struct FigureReadings {
    /// What is asked for.
    struct Question: Hashable {
        let machines: [String]
        let countedTo: Int
    }

    typealias Answer = Result<[MachineFigures], PostgresError>
    typealias Reading = Task<Answer, Never>

    /// How long what was found is told again, in microseconds: shorter than the pause of a page that looks again.
    private static let keptFor: Int64 = 3_000_000

    private var readings: [Question: (reading: Reading, endedAt: Int64?)] = [:]

    /// The reading under way, or the one that has ended just now; nil where there is none.
    mutating func shared(_ question: Question, at now: Int64) -> Reading? {
        readings = readings.filter { _, known in known.endedAt.map { now - $0 < Self.keptFor } ?? true }
        return readings[question]?.reading
    }

    mutating func begin(_ reading: Reading, _ question: Question) { readings[question] = (reading, nil) }

    /// A reading has ended. One that failed is told to those who wait for it, and to nobody after.
    mutating func end(_ question: Question, _ answer: Answer, at now: Int64) {
        guard case .success = answer else { return readings[question] = nil }
        readings[question]?.endedAt = now
    }
}
