/// A process, as far as the rest of the world can tell: whether what is meant for it reaches it now, later or never.
/// Unchecked: all happens on the scheduler's thread.
final class Host: @unchecked Sendable {
    enum State { case running, frozen, dead }

    let name: String
    private(set) var state = State.running
    /// What arrived while it was frozen, in its order.
    private var waiting: [() -> Void] = []
    /// Told when it dies.
    private var mourners: [Int: () -> Void] = [:]
    private var mournerCount = 0

    init(_ name: String) { self.name = name }

    /// Hands something to the process: at once, when it goes on, or never.
    func deliver(_ action: @escaping () -> Void) {
        switch state {
        case .running: action()
        case .frozen: waiting.append(action)
        case .dead: break
        }
    }

    func freeze() { if state == .running { state = .frozen } }

    /// Goes on, as after SIGCONT.
    func thaw() {
        guard state == .frozen else { return }
        state = .running
        let arrived = waiting
        waiting = []
        for action in arrived { deliver(action) }
    }

    /// Ends, as after SIGKILL.
    func die() {
        guard state != .dead else { return }
        state = .dead
        waiting = []
        let told = mourners.sorted { $0.key < $1.key }
        mourners = [:]
        for (_, mourner) in told { mourner() }
    }

    /// Calls back when it dies, unless ``forget(_:)`` comes first.
    func onDeath(_ mourner: @escaping () -> Void) -> Int {
        mournerCount += 1
        mourners[mournerCount] = mourner
        return mournerCount
    }

    func forget(_ number: Int) { mourners[number] = nil }
}
