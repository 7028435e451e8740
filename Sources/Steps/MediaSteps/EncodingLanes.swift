import Glibc
import MediaFiles
import Synchronization

/// Threads that encode, each the pictures of rungs of its own, in the order in which they are handed over.
///
/// An encoder that is given one thread makes the same bytes of the same pictures each time and on each machine. Several
/// threads of x264's do not where the peak rate binds: each looks at how far the others have come. So the rungs are what is
/// done side by side, and not the pictures of one of them.
final class EncodingLanes {
    private let lanes: [EncodingLane]
    /// The lane of each rung; empty where everything is done on the caller's thread.
    private let places: [Int]

    /// Pictures of each rung that may wait for its encoder: an encoder takes them in bursts, as it looks ahead.
    private static let waitingAtMost = 4

    /// - Parameters:
    ///   - efforts: how much there is to do for each rung, in any measure.
    ///   - threads: how many may be kept busy; with 1 there is no other than the caller's.
    init(efforts: [Double], threads: Int) {
        guard threads > 1 else {
            (lanes, places) = ([], [])
            return
        }
        let shares = EncodingLanes.places(efforts: efforts, lanes: min(threads, efforts.count))
        lanes = Set(shares).sorted().map { lane in
            EncodingLane(capacity: EncodingLanes.waitingAtMost * shares.count { $0 == lane })
        }
        places = shares
    }

    deinit { for lane in lanes { lane.abandon() } }

    /// Which of `lanes` lanes each rung is on: the largest first, each on the one that has least to do.
    static func places(efforts: [Double], lanes: Int) -> [Int] {
        var load = [Double](repeating: 0, count: max(1, lanes))
        var places = efforts.map { _ in 0 }
        for rung in efforts.indices.sorted(by: { (efforts[$0], $1) > (efforts[$1], $0) }) {
            let lane = load.indices.min { (load[$0], $0) < (load[$1], $1) } ?? 0
            places[rung] = lane
            load[lane] += efforts[rung]
        }
        return places
    }

    /// Encodes a picture, here or later; the picture is the lane's from now on.
    /// - Throws: what has gone wrong on the lane so far.
    func encode(_ picture: Frame, for output: VideoEncoding.Output, rung: Int) throws(MediaError) {
        try perform(EncodingLane.Work(picture: picture, output: output), rung)
    }

    /// Ends a rung's file, here or later.
    func end(_ output: VideoEncoding.Output, rung: Int) throws(MediaError) {
        try perform(EncodingLane.Work(picture: nil, output: output), rung)
    }

    /// Waits until all that was handed over is done.
    /// - Parameter continues: asked a few times a second; false ends the waiting.
    func finish(continues: () -> Bool) throws(MediaError) {
        for lane in lanes { lane.close() }
        for lane in lanes {
            while !lane.isOver() {
                guard continues() else { throw .stopped }
            }
            if let failure = lane.failure { throw failure }
        }
    }

    private func perform(_ work: EncodingLane.Work, _ rung: Int) throws(MediaError) {
        guard !places.isEmpty else { return try work.perform() }
        try lanes[places[rung]].add(work)
    }
}

/// One thread, and what waits for it.
private final class EncodingLane: Sendable {
    /// A picture for a rung, or the rung's end.
    ///
    /// `@unchecked Sendable`: whoever hands it over touches neither the picture nor the encoder and file behind the output
    /// again before the lane is over.
    struct Work: @unchecked Sendable {
        let picture: Frame?
        let output: VideoEncoding.Output

        func perform() throws(MediaError) {
            if let picture { try output.encode(picture) } else { try output.end() }
        }
    }

    private struct State {
        var waiting: [Work] = []
        /// Nothing of what waits is done any more.
        var isAbandoned = false
        var isOver = false
        var failure: MediaError?
    }

    private let state = Mutex(State())
    /// Counts what waits and the end; counts the places for what may come; is posted when the thread ends.
    private let waiting = CountingSemaphore(0)
    private let room: CountingSemaphore
    private let over = CountingSemaphore(0)

    init(capacity: Int) {
        room = CountingSemaphore(capacity)
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { context in
                guard let context else { preconditionFailure("a lane's thread was started without its lane") }
                Unmanaged<EncodingLane>.fromOpaque(context).takeRetainedValue().work()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(status == 0, "no thread for encoding: \(String(cString: strerror(status)))")
        pthread_detach(thread)
    }

    var failure: MediaError? { state.withLock { $0.failure } }

    /// Waits for a place, and puts the work there.
    func add(_ work: Work) throws(MediaError) {
        room.wait()
        let failure = state.withLock { state in
            state.waiting.append(work)
            return state.failure
        }
        waiting.post()
        if let failure { throw failure }
    }

    /// Nothing more will come: whoever waits for work and finds none is at the end.
    func close() { waiting.post() }

    /// Ends the thread, and returns when it has ended.
    func abandon() {
        let isOver = state.withLock { state in
            state.isAbandoned = true
            return state.isOver
        }
        guard !isOver else { return }
        close()
        over.wait()
    }

    /// Whether the thread has ended; waits for that a fifth of a second.
    func isOver() -> Bool {
        if over.wait(milliseconds: 200) { state.withLock { $0.isOver = true } }
        return state.withLock { $0.isOver }
    }

    private func work() {
        while true {
            waiting.wait()
            let next = state.withLock { state -> (work: Work?, isWanted: Bool) in
                let isWanted = state.failure == nil && !state.isAbandoned
                return (state.waiting.isEmpty ? nil : state.waiting.removeFirst(), isWanted)
            }
            // Its end is told after all the work.
            guard let work = next.work else { break }
            if next.isWanted {
                do throws(MediaError) { try work.perform() } catch {
                    state.withLock { $0.failure = error }
                }
            }
            room.post()
        }
        over.post()
    }
}

/// A semaphore of POSIX (sem_overview(7)).
///
/// `@unchecked Sendable`: the calls on it are made for several threads, and it has one owner, who frees it.
private final class CountingSemaphore: @unchecked Sendable {
    private let semaphore: UnsafeMutablePointer<sem_t>

    init(_ count: Int) {
        semaphore = .allocate(capacity: 1)
        precondition(sem_init(semaphore, 0, UInt32(count)) == 0, "no semaphore: \(String(cString: strerror(errno)))")
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func post() {
        precondition(sem_post(semaphore) == 0, "a semaphore broke: \(String(cString: strerror(errno)))")
    }

    func wait() {
        while sem_wait(semaphore) != 0 {
            precondition(errno == EINTR, "a semaphore broke: \(String(cString: strerror(errno)))")
        }
    }

    /// False where it was not posted in time.
    func wait(milliseconds: Int) -> Bool {
        var deadline = timespec()
        clock_gettime(CLOCK_REALTIME, &deadline)
        deadline.tv_nsec += milliseconds * 1_000_000
        deadline.tv_sec += deadline.tv_nsec / 1_000_000_000
        deadline.tv_nsec %= 1_000_000_000
        while sem_timedwait(semaphore, &deadline) != 0 {
            if errno == ETIMEDOUT { return false }
            precondition(errno == EINTR, "a semaphore broke: \(String(cString: strerror(errno)))")
        }
        return true
    }
}
