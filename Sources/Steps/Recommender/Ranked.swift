/// A title with its score.
public struct Ranked: Sendable, Hashable {
    public var item: Int32
    public var score: Float

    public init(item: Int32, score: Float) {
        self.item = item
        self.score = score
    }

    /// Higher scores first; among equal ones the title that comes first in the catalogue, so that every machine ranks
    /// alike.
    @inline(__always)
    static func precedes(_ left: Ranked, _ right: Ranked) -> Bool {
        left.score > right.score || (left.score == right.score && left.item < right.item)
    }

    /// The best of them, in order.
    static func best(_ all: [Ranked], count: Int) -> [Ranked] {
        if all.count <= count { return all.sorted(by: precedes) }
        var selection = Selection(count: count)
        for one in all { selection.offer(one) }
        return selection.ranking()
    }
}

/// The best of many, as a heap whose root is the worst of those kept.
struct Selection {
    private let count: Int
    private var heap: [Ranked] = []

    init(count: Int) {
        self.count = count
        heap.reserveCapacity(count)
    }

    mutating func removeAll() { heap.removeAll(keepingCapacity: true) }

    /// A score below that is not kept; nil while there is room.
    var floor: Float? { heap.count < count ? nil : heap.first?.score }

    mutating func offer(_ one: Ranked) {
        if heap.count < count {
            heap.append(one)
            var index = heap.count - 1
            while index > 0 {
                let parent = (index - 1) / 2
                guard Ranked.precedes(heap[parent], heap[index]) else { break }
                heap.swapAt(parent, index)
                index = parent
            }
            return
        }
        guard let worst = heap.first, Ranked.precedes(one, worst) else { return }
        heap[0] = one
        var index = 0
        while true {
            var child = 2 * index + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, Ranked.precedes(heap[child], heap[child + 1]) { child += 1 }
            guard Ranked.precedes(heap[index], heap[child]) else { break }
            heap.swapAt(index, child)
            index = child
        }
    }

    func ranking() -> [Ranked] { heap.sorted(by: Ranked.precedes) }
}
