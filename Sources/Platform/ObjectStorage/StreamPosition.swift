import Synchronization

/// How far a stream has been read. One reader; the lock only makes it safe to hand on.
final class StreamPosition: Sendable {
    private let rest: Mutex<Range<Int64>>

    init(_ range: Range<Int64>) { rest = Mutex(range) }

    /// The next bytes to read, at most `count`; nil at the end.
    func advance(by count: Int64) -> Range<Int64>? {
        rest.withLock { rest in
            guard !rest.isEmpty else { return nil }
            let end = min(rest.lowerBound + count, rest.upperBound)
            defer { rest = end..<rest.upperBound }
            return rest.lowerBound..<end
        }
    }
}
