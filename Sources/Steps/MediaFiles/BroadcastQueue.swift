import CMedia
import CMediaShims
import DequeModule

/// Packets of a broadcast on their way: they wait for the next ones of their stream, by which damaged times are told and mended
/// (``BroadcastClock`` for pictures, ``SoundClock`` for sound).
struct BroadcastQueue {
    private final class Item {
        let packet: Packet
        /// Of the memory that the packet keeps, of which it may be a small part.
        let bytes: Int
        var waits: Bool

        init(_ packet: Packet, waits: Bool) {
            self.packet = packet
            bytes = packet.pointer.pointee.buf.map { Int($0.pointee.size) } ?? packet.size
            self.waits = waits
        }
    }

    private struct PictureLane {
        struct Moment {
            let decoded: Int64
            let shown: Int64?
        }

        struct Waiting {
            let item: Item
            /// By the file.
            let decoded: Int64
            /// Decoding time, where it is known to be right or is mended.
            var settled: Int64?
        }

        enum Showing {
            /// More pictures have to be known.
            case open
            /// At a time, or none where the decoder has to find one.
            case settled(Int64?)
        }

        let clock: BroadcastClock
        /// Times of the latest packets that went on, mended.
        var before: [Moment] = []
        var waiting: [Waiting] = []

        /// - Parameter isEnd: whether those are settled, too, behind which too few are known.
        mutating func letGo(isEnd: Bool) {
            while settleFirst(isEnd: isEnd) {}
        }

        mutating func letGoFirst() { _ = settleFirst(isEnd: true) }

        private mutating func settleFirst(isEnd: Bool) -> Bool {
            guard let first = waiting.first else { return false }
            guard let decoded = first.settled else {
                switch verdict(isEnd: isEnd) {
                case .open: return false
                case .right: waiting[0].settled = first.decoded
                case .damaged(let times): for (place, time) in times.enumerated() { waiting[place].settled = time }
                }
                return settleFirst(isEnd: isEnd)
            }
            guard case .settled(let shown) = showing(of: first, decoded: decoded, isEnd: isEnd) else { return false }
            first.item.packet.decodingTimestamp = decoded
            first.item.packet.presentationTimestamp = shown
            first.item.waits = false
            waiting.removeFirst()
            before = before.suffix(BroadcastClock.longestReordering - 1) + [Moment(decoded: decoded, shown: shown)]
            return true
        }

        mutating func clear() {
            before = []
            waiting = []
        }

        /// Whether the first picture that waits, and some behind it, are decoded when they say.
        private func verdict(isEnd: Bool) -> BroadcastClock.Verdict {
            let (front, behind) = neighbours
            guard isEnd || behind.count >= wanted else { return .open }
            let times = waiting.prefix(BroadcastClock.longestRun + 2).map(\.decoded)
            let mended = clock.mended(front + [times[0]] + behind, at: front.count)
            if let last = before.last {
                let verdict = clock.verdict(on: times, before: last.decoded, isEnd: isEnd)
                return verdict == .right ? mended.map { .damaged([$0]) } ?? .right : verdict
            }
            guard let mended else { return .right }
            // Those behind it may be the ones whose times are damaged.
            return switch clock.verdict(on: Array(times.dropFirst()), before: times[0], isEnd: isEnd) {
            case .open: .open
            case .right: .damaged([mended])
            case .damaged: .right
            }
        }

        /// Packets behind the first that waits by which its time is told.
        private var wanted: Int { BroadcastClock.neighbours - min(before.count, BroadcastClock.side) }

        /// Decoding times of the packets around the first that waits.
        private var neighbours: (front: [Int64], behind: [Int64]) {
            let behind = waiting.dropFirst().prefix(wanted).map { $0.settled ?? $0.decoded }
            return (before.suffix(BroadcastClock.neighbours - behind.count).map(\.decoded), behind)
        }

        /// When the first picture that waits is shown, by when it is decoded.
        private func showing(of picture: Waiting, decoded: Int64, isEnd: Bool) -> Showing {
            guard let time = picture.item.packet.presentationTimestamp else { return .settled(nil) }
            let (front, behind) = neighbours
            let times = front + [decoded] + behind
            if clock.isPlausible(delay: time - decoded, among: times) { return .settled(time) }
            if decoded != picture.decoded, clock.isPlausible(delay: time - picture.decoded, among: times) {
                return .settled(decoded + (time - picture.decoded))
            }
            guard isEnd || waiting.count > BroadcastClock.longestReordering else { return .open }
            let later = waiting.dropFirst().prefix(BroadcastClock.longestReordering)
            let others = before.compactMap(\.shown) + later.compactMap(\.item.packet.presentationTimestamp)
            let isDamaged = clock.isDamaged(
                shown: time, decoded: decoded, later: later.map { $0.settled ?? $0.decoded }, others: others)
            return .settled(isDamaged ? nil : time)
        }
    }

    private struct SoundLane {
        let clock: SoundClock
        /// When the packet that went on last ends.
        var expected: Int64?
        var waiting: [(item: Item, moment: SoundClock.Moment)] = []

        /// - Parameter isEnd: whether those are settled, too, behind which too few are known.
        mutating func letGo(isEnd: Bool) {
            while settleFirst(isEnd: isEnd) {}
        }

        mutating func letGoFirst() { _ = settleFirst(isEnd: true) }

        private mutating func settleFirst(isEnd: Bool) -> Bool {
            guard !waiting.isEmpty else { return false }
            switch clock.verdict(on: waiting.map(\.moment), expected: expected, isEnd: isEnd) {
            case .open: return false
            case .right: letGo(1, shift: 0)
            case .damaged(let count, let shift): letGo(count, shift: shift)
            }
            return true
        }

        mutating func clear() {
            expected = nil
            waiting = []
        }

        private mutating func letGo(_ count: Int, shift: Int64) {
            for (item, moment) in waiting.prefix(count) {
                item.packet.shift(by: shift)
                item.waits = false
                expected = moment.end + shift
            }
            waiting.removeFirst(count)
        }
    }

    private var pictures: [Int: PictureLane] = [:]
    private var sounds: [Int: SoundLane] = [:]
    private var items: Deque<Item> = []
    private var bytes = 0
    private let mostPackets: Int
    private let mostBytes: Int

    /// - Parameters:
    ///   - mostPackets: that wait; beyond that the first goes on, so that no stream waits for one that has fallen silent.
    ///   - mostBytes: of memory that they keep.
    init(_ streams: [StreamInfo], limits: MediaLimits, mostPackets: Int = 4096, mostBytes: Int = 64 << 20) {
        (self.mostPackets, self.mostBytes) = (mostPackets, mostBytes)
        for info in streams {
            switch info.kind {
            case .video:
                pictures[info.index] = PictureLane(
                    clock: BroadcastClock(timeBase: info.timeBase, longestSeconds: limits.durationSeconds))
            case .audio:
                let tolerance = max(1, Int64(BroadcastClock.toleranceSeconds / info.timeBase.value))
                let longest = max(1, Int64(limits.durationSeconds / info.timeBase.value))
                sounds[info.index] = SoundLane(clock: SoundClock(tolerance: tolerance, longest: longest))
            case .subtitle, .attachedPicture, .other: break
            }
        }
    }

    mutating func add(_ packet: Packet) {
        let (index, time) = (packet.streamIndex, packet.decodingTimestamp)
        let item = Item(packet, waits: time != nil && (pictures[index] != nil || sounds[index] != nil))
        items.append(item)
        bytes += item.bytes
        if let time {
            pictures[index]?.waiting.append(PictureLane.Waiting(item: item, decoded: time))
            pictures[index]?.letGo(isEnd: false)
            sounds[index]?.waiting.append((item, SoundClock.Moment(time: time, duration: packet.duration)))
            sounds[index]?.letGo(isEnd: false)
        }
        if items.count > mostPackets || bytes > mostBytes { letGoFirst() }
    }

    /// Settles the packet at the head by what is there; those of its stream that follow it wait on.
    private mutating func letGoFirst() {
        guard let head = items.first, head.waits else { return }
        pictures[head.packet.streamIndex]?.letGoFirst()
        sounds[head.packet.streamIndex]?.letGoFirst()
    }

    /// The next packet whose time is settled, if there is one; its content is the caller's.
    mutating func next(into packet: Packet) -> Bool {
        guard let item = items.first, !item.waits else { return false }
        items.removeFirst()
        bytes -= item.bytes
        av_packet_move_ref(packet.pointer, item.packet.pointer)
        return true
    }

    /// No packet follows for now: all are settled by what is there.
    mutating func letGoAll() {
        for index in pictures.keys { pictures[index]?.letGo(isEnd: true) }
        for index in sounds.keys { sounds[index]?.letGo(isEnd: true) }
    }

    /// Forgets what is there of other streams: of those that are left out nothing follows by which they would be settled.
    mutating func keep(streams: Set<Int>) {
        items.removeAll { !streams.contains($0.packet.streamIndex) }
        bytes = items.reduce(0) { $0 + $1.bytes }
        for index in pictures.keys where !streams.contains(index) { pictures[index]?.clear() }
        for index in sounds.keys where !streams.contains(index) { sounds[index]?.clear() }
    }

    /// Forgets all, after a seek.
    mutating func clear() {
        items = []
        bytes = 0
        for index in pictures.keys { pictures[index]?.clear() }
        for index in sounds.keys { sounds[index]?.clear() }
    }
}

extension Packet {
    /// Decoding timestamp in the stream's time base, nil when unknown.
    public fileprivate(set) var decodingTimestamp: Int64? {
        get { pointer.pointee.dts == media_no_timestamp() ? nil : pointer.pointee.dts }
        set { pointer.pointee.dts = newValue ?? media_no_timestamp() }
    }

    /// Presentation timestamp in the stream's time base, nil when unknown.
    fileprivate var presentationTimestamp: Int64? {
        get { pointer.pointee.pts == media_no_timestamp() ? nil : pointer.pointee.pts }
        set { pointer.pointee.pts = newValue ?? media_no_timestamp() }
    }
}
