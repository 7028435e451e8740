import HTTPServer
import Synchronization

/// The buckets of all operations. One for the whole engine, which has one account.
final class Throttle: Sendable {
    private let quotas: RequestQuotas
    private let buckets = Mutex<[String: TokenBucket]>([:])

    init(quotas: RequestQuotas) { self.quotas = quotas }

    /// Whether starts are counted apart by the machine's type.
    var tellsTypesApart: Bool { quotas.quotas[RequestQuotas.expressStart] != nil }

    /// Counts a call. Throws ThrottlingException when the operation's bucket is empty.
    ///
    /// - Parameter instant: nanoseconds on a clock that does not go back.
    func admit(_ operation: String, at instant: Int64) throws(ServiceError) {
        guard let quota = quotas.quotas[operation] else { return }
        let wait = buckets.withLock { buckets in
            buckets[
                operation,
                default: TokenBucket(
                    size: quota.bucketSize, refillPerSecond: quota.refillPerSecond, at: instant)
            ].take(at: instant)
        }
        guard let wait else { return }
        throw ServiceError(
            name: "ThrottlingException",
            message: "Rate exceeded: \(operation) may be called \(quota.bucketSize) times at once and "
                + "\(quota.refillPerSecond) times a second",
            retryAfterSeconds: Int((wait + 999_999_999) / 1_000_000_000), limit: "request_rate")
    }
}
