/// The lines of a response as they arrive, without their line feed (or carriage return and line feed). A last line
/// without an end counts. Broken UTF-8 is replaced by U+FFFD. A line over 1 MiB is ``HTTPError/Code/tooLarge``.
///
/// One reader, once, as ``HTTPBody``.
public struct HTTPLines: AsyncSequence, Sendable {
    public typealias Element = String
    public typealias Failure = HTTPError

    /// The longest line in bytes.
    public static let maxLineBytes = 1 << 20

    let body: HTTPBody

    public func makeAsyncIterator() -> Iterator { Iterator(source: body.makeAsyncIterator()) }

    public struct Iterator: AsyncIteratorProtocol {
        private var source: HTTPBody.Iterator
        private var pending: [UInt8] = []
        /// Before this index of `pending` there is no line feed: a line that arrives in pieces is searched once.
        private var searched = 0
        private var isAtEnd = false

        init(source: HTTPBody.Iterator) { self.source = source }

        public mutating func next() async throws(HTTPError) -> String? {
            while true {
                if let feed = pending[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                    var line = pending[..<feed]
                    if line.last == UInt8(ascii: "\r") { line.removeLast() }
                    let text = String(decoding: line, as: UTF8.self)
                    pending.removeSubrange(...feed)
                    searched = 0
                    return text
                }
                searched = pending.count
                guard pending.count <= HTTPLines.maxLineBytes else {
                    throw HTTPError(
                        code: .tooLarge,
                        message: "A line of the answer is longer than \(HTTPLines.maxLineBytes) bytes.",
                        mayHaveReachedServer: true)
                }
                if isAtEnd {
                    guard !pending.isEmpty else { return nil }
                    let text = String(decoding: pending, as: UTF8.self)
                    pending = []
                    searched = 0
                    return text
                }
                if let piece = try await source.next() { pending += piece } else { isAtEnd = true }
            }
        }
    }
}
