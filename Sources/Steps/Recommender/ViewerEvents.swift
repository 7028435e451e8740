/// One thing that a profile did with one title, as the viewers' service records it.
public struct ViewerEvent: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// Watched up to a share of its length.
        case play
        case like, dislike
        /// Takes a like or dislike back.
        case neutral
        /// Rated with half a star to five.
        case rating
        case listAdd = "list_add"
        case listRemove = "list_remove"
        /// Taken out of what is being watched; how far it was watched stays known.
        case dismiss
    }

    /// Number of the title.
    public var item: Int32
    public var kind: Kind
    /// Of a play the watched share, 0...1; of a rating the stars, 0.5...5; of all others 0.
    public var value: Float
    /// Unix seconds.
    public var time: Int64

    public init(item: Int32, kind: Kind, value: Float = 0, time: Int64) {
        self.item = item
        self.kind = kind
        self.value = value
        self.time = time
    }
}

/// What all events of one profile with one title come to. Of events of a kind the latest counts, whatever their order.
public struct TitleActivity: Sendable {
    /// The largest share that was ever watched; nil where it was never played.
    public private(set) var watched: Float?
    /// Where the latest play ended, and when.
    public private(set) var position: (share: Float, time: Int64)?
    /// Unix seconds of the latest event that says something of taste.
    public private(set) var latest: Int64 = 0
    private var opinion: (kind: ViewerEvent.Kind, time: Int64)?
    private var rating: (stars: Float, time: Int64)?
    private var list: (isOn: Bool, time: Int64)?
    private var dismissed: Int64?

    public init() {}

    public mutating func add(_ event: ViewerEvent) {
        // Of two at the same second the later one in a fixed order counts, so that the order of arrival does not.
        switch event.kind {
        case .play:
            watched = max(watched ?? 0, event.value)
            if (position?.time ?? .min, position?.share ?? -1) < (event.time, event.value) {
                position = (event.value, event.time)
            }
        case .like, .dislike, .neutral:
            if (opinion?.time ?? .min, opinion?.kind.rawValue ?? "") < (event.time, event.kind.rawValue) {
                opinion = (event.kind, event.time)
            }
        case .rating:
            if (rating?.time ?? .min, rating?.stars ?? -1) < (event.time, event.value) {
                rating = (event.value, event.time)
            }
        case .listAdd, .listRemove:
            let isOn = event.kind == .listAdd
            if list.map({ ($0.time, $0.isOn ? 1 : 0) < (event.time, isOn ? 1 : 0) }) ?? true {
                list = (isOn, event.time)
            }
        case .dismiss:
            dismissed = max(dismissed ?? .min, event.time)
            return
        }
        latest = max(latest, event.time)
    }

    /// Evidence that the profile likes the title: 0 and less is none, and the title counts as seen all the same.
    ///
    /// Watched to nine tenths: 1; less: the share; under one tenth: none. A like adds 1, a rating a third for each star
    /// above two, a place on the list one half. A dislike, or two stars and less, outweighs everything: -1.
    public var evidence: Float {
        if opinion?.kind == .dislike { return -1 }
        if let rating, rating.stars <= 2 { return -1 }
        var sum: Float = 0
        if let watched, watched >= 0.1 { sum += watched >= 0.9 ? 1 : watched }
        if opinion?.kind == .like { sum += 1 }
        if let rating { sum += (rating.stars - 2) / 3 }
        if list?.isOn == true { sum += 0.5 }
        return sum
    }

    /// Whether it tells anything of taste: what was only dismissed, or taken off a list, does not.
    public var isTelling: Bool {
        watched != nil || rating != nil || list?.isOn == true || opinion.map { $0.kind != .neutral } == true
    }

    /// When and where the profile stopped watching; nil for what it has hardly begun, has finished or has dismissed.
    public var unfinished: (share: Float, time: Int64)? {
        guard let position, (0.02..<0.95).contains(position.share), (dismissed ?? .min) < position.time else {
            return nil
        }
        return position
    }
}
