/// Goes over boxes that lie side by side (ISO/IEC 14496-12, 4.2), reading their heads only.
struct BoxWalk {
    struct Found {
        let type: String
        /// With its head.
        let whole: Range<Int>
        let content: Range<Int>
        /// Whether the file goes on to its end.
        let isComplete: Bool
    }

    private let source: any StoredBytes
    private var place: Int
    private let end: Int
    /// Whether what is inside a box is walked over: the file then says itself where it ends.
    private let isInside: Bool
    private var count = 0

    /// Boxes side by side: in headers, where there are a dozen, and in a file, where a fragment has three or four.
    static let (maximumInside, maximumInFile) = (10_000, 4_000_000)

    init(_ source: any StoredBytes, in range: Range<Int>? = nil) {
        self.source = source
        isInside = range != nil
        place = range?.lowerBound ?? 0
        end = range?.upperBound ?? source.count
    }

    /// Nil at the end. The last box of a file may end early: what is missing then is told by who needs it.
    /// - Throws: `samplesInvalid` where a box has an impossible size, `limitExceeded` where there are too many.
    mutating func next() throws(PackagingError) -> Found? {
        guard end - place >= 8 else { return nil }
        count += 1
        let most = isInside ? BoxWalk.maximumInside : BoxWalk.maximumInFile
        guard count <= most else {
            throw PackagingError(.limitExceeded, "more than \(most) boxes side by side, at byte \(place)")
        }
        let start = place
        let head = try source.bytes(start..<min(end, start + 16))
        let type = BoxTree.typeText(head[4..<8])
        var headSize = 8
        var size = BoxTree.number(head, at: 0, 4)
        if size == 1, head.count == 16 {
            headSize = 16
            size = BoxTree.number(head, at: 8, 8)
        } else if size == 0 {
            size = end - start
        }
        guard size >= headSize, !isInside || size <= end - start else {
            throw PackagingError(
                .samplesInvalid,
                "the file is damaged: the box '\(type)' at byte \(start) claims \(size) bytes of \(end - start)")
        }
        let isComplete = size <= end - start
        place = isComplete ? start + size : end
        return Found(
            type: type, whole: start..<place, content: min(place, start + headSize)..<place, isComplete: isComplete)
    }

    /// The first box of a type.
    static func first(
        _ type: String, in range: Range<Int>, of source: any StoredBytes
    ) throws(PackagingError) -> Found? {
        var walk = BoxWalk(source, in: range)
        while let box = try walk.next() { if box.type == type { return box } }
        return nil
    }

    /// The box at the end of a way of types.
    static func descendant(
        _ types: [String], in range: Range<Int>, of source: any StoredBytes
    ) throws(PackagingError) -> Found? {
        var found: Found?
        var range = range
        for type in types {
            found = try first(type, in: range, of: source)
            guard let box = found else { return nil }
            range = box.content
        }
        return found
    }
}
