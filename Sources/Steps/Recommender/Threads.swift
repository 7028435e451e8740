/// How work is spread over threads by a room that has none.
///
/// Work is cut into blocks whose borders depend on the data alone, and results of blocks are joined in their order:
/// whatever the number of threads, every bit of the result is the same.
public struct Threads: Sendable {
    /// How many blocks run at a time; 1 at least.
    public let count: Int
    private let perform: @Sendable (_ blocks: Int, _ body: @Sendable (Int) -> Void) -> Void

    /// - Parameters:
    ///   - count: how many threads `perform` uses.
    ///   - perform: calls the body once with each of `0..<blocks`, in any order and on any thread, and returns when all
    ///     calls have. Dispatch's `concurrentPerform` is one.
    public init(
        count: Int, perform: @escaping @Sendable (_ blocks: Int, _ body: @Sendable (Int) -> Void) -> Void
    ) {
        precondition(count >= 1, "Work needs a thread.")
        self.count = count
        self.perform = perform
    }

    /// The caller's thread alone.
    public static let one = Threads(count: 1) { blocks, body in
        for block in 0..<blocks { body(block) }
    }

    /// Calls the body with each block of a range, the last one shorter where the size does not divide the count.
    func forEachBlock(of count: Int, size: Int, _ body: @Sendable (_ block: Int, _ range: Range<Int>) -> Void) {
        let blocks = (count + size - 1) / size
        if blocks == 0 { return }
        if self.count == 1 || blocks == 1 {
            for block in 0..<blocks { body(block, block * size..<min(count, (block + 1) * size)) }
            return
        }
        perform(blocks) { block in body(block, block * size..<min(count, (block + 1) * size)) }
    }
}

/// Memory that blocks write to side by side, each its own part.
///
/// `@unchecked Sendable`: no two blocks touch the same element, which those who cut the work see to. It has one owner,
/// who frees it.
struct Cells<Element>: @unchecked Sendable {
    let base: UnsafeMutablePointer<Element>

    init(_ base: UnsafeMutablePointer<Element>) { self.base = base }
}

/// A block's own memory of floats; zero at first.
struct Scratch: ~Copyable {
    let base: UnsafeMutablePointer<Float>
    let count: Int

    init(_ count: Int) {
        self.count = count
        let raw = UnsafeMutableRawPointer.allocate(byteCount: max(1, count) * 4, alignment: 64)
        base = raw.bindMemory(to: Float.self, capacity: max(1, count))
        base.initialize(repeating: 0, count: count)
    }

    deinit { base.deallocate() }
}
