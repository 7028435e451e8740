import HeapModule
import OrderedCollections

/// Ready tasks that are alike in everything that decides who may take them, by priority and share. What lies in its
/// heaps may be stale, since tasks leave from the middle: what is popped is looked at first.
struct Lane: Sendable {
    /// A task's place among those of its share: the earliest deadline first, then first come, first served.
    struct Place: Sendable, Comparable {
        let deadline: Microseconds
        let order: UInt64
        let name: TaskName

        static func < (left: Place, right: Place) -> Bool {
            (left.deadline, left.order) < (right.deadline, right.order)
        }
        static func == (left: Place, right: Place) -> Bool { left.order == right.order }
    }

    /// A share's place among those of its priority, as it was when it was put there: tags only rise.
    struct Turn: Sendable, Comparable {
        let tag: UInt64
        let order: UInt64
        let share: String

        static func < (left: Turn, right: Turn) -> Bool { (left.tag, left.order) < (right.tag, right.order) }
        static func == (left: Turn, right: Turn) -> Bool { left.tag == right.tag && left.order == right.order }
    }

    struct Share: Sendable {
        var places: Heap<Place> = []
        var count = 0
    }

    struct Level: Sendable {
        var shares: OrderedDictionary<String, Share> = [:]
        var turns: Heap<Turn> = []
        /// Those with a deadline.
        var deadlines: Heap<Place> = []
        var count = 0
    }

    let kind: TaskKind
    /// By priority.
    var levels: [Int: Level] = [:]
    var count = 0
}

/// How far a flow has come in the turns: the start-time fair queueing of Goyal, Vin and Cheng (1996). A flow that waits
/// has a tag; the lowest goes next and its tag rises by what the turn costs. One that comes back from idleness begins
/// where the others are, so that nobody saves turns up.
struct Turns: Sendable {
    /// The tag of the last one served.
    private(set) var now: UInt64 = 0
    /// How many turns a flow that nobody could serve may be behind.
    private let credit: UInt64

    init(credit: UInt64) { self.credit = credit }

    /// The tag of a flow that was idle.
    func tag(afterIdling tag: UInt64?) -> UInt64 { max(tag ?? 0, now) }

    /// Serves a flow; gives its next tag.
    mutating func serve(_ tag: UInt64, cost: UInt64) -> UInt64 {
        let start = max(tag, now > credit ? now - credit : 0)
        now = max(now, start)
        return start + cost
    }
}
