import HTTPServer
import Metrics
import Synchronization

/// How many rows in the audit log calls have that their key's role does not allow: a hundred at once for each key, and
/// one a minute in the long run. Whoever has any key could fill the log's disk without it.
final class DeniedCalls: Sendable {
    private struct Entry {
        var bucket: TokenBucket
        var leftOut = 0
    }

    /// By key. There are never more than keys that are known.
    private let entries = Mutex<[String: Entry]>([:])

    static let atOnce = 100
    /// The bucket counts tokens a second.
    private static let secondsEach: Int64 = 60

    /// Whether the row of a denied call is written.
    ///
    /// - Parameter moment: microseconds since 1970.
    /// - Returns: how many of the key were left out since its last row; nil where this one is left out, too.
    func admit(_ accessKeyID: String, at moment: Int64) -> Int? {
        let instant = moment * 1000 / Self.secondsEach
        let leftOut: Int? = entries.withLock { entries in
            var entry =
                entries[accessKeyID]
                ?? Entry(bucket: TokenBucket(size: Self.atOnce, refillPerSecond: 1, at: instant))
            defer { entries[accessKeyID] = entry }
            guard entry.bucket.take(at: instant) == nil else {
                entry.leftOut += 1
                return nil
            }
            defer { entry.leftOut = 0 }
            return entry.leftOut
        }
        if leftOut == nil { Counter(label: "showrunner_audit_rows_left_out_total").increment() }
        return leftOut
    }
}
