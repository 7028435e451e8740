import Dispatch
public import Recommender
import Synchronization

extension Threads {
    /// Dispatch's threads, each of which takes the next block until none is left. Results do not depend on their number.
    public static func dispatch(_ count: Int) -> Threads {
        if count == 1 { return .one }
        return Threads(count: count) { blocks, body in
            let next = Atomic<Int>(0)
            DispatchQueue.concurrentPerform(iterations: min(count, blocks)) { _ in
                while true {
                    let block = next.wrappingAdd(1, ordering: .relaxed).oldValue
                    if block >= blocks { return }
                    body(block)
                }
            }
        }
    }
}
