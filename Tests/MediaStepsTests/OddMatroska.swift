import Foundation

/// Matroska files of one picture whose times are as nobody would write them (RFC 9559).
enum OddMatroska {
    /// - Parameters:
    ///   - film: a file of one picture that ffmpeg has written as to a live stream.
    ///   - tick: nanoseconds in a tick (`TimestampScale`).
    ///   - start: the cluster's time, and how long the picture is shown (`BlockDuration`), in ticks.
    static func film(_ film: [UInt8], tick: UInt64, start: UInt64, duration: UInt64) -> [UInt8] {
        let cluster = element(film, [0x1F, 0x43, 0xB6, 0x75], in: film.indices)
        let block = element(film, [0xA3], in: cluster.content)
        let header = element(film, [0x15, 0x49, 0xA9, 0x66], in: 0..<cluster.place)
        // The first is an entry of a list of places that stands in front.
        let info = element(film, [0x15, 0x49, 0xA9, 0x66], in: header.place + 4..<cluster.place)
        // As in a block of a group: the flags of one that stands alone are none there.
        var picture = Array(film[block.content])
        picture[3] = 0
        let scale = encoded([0x2A, 0xD7, 0xB1], big(tick))
        return film[..<info.place] + encoded([0x15, 0x49, 0xA9, 0x66], scale)
            + film[info.content.upperBound..<cluster.place]
            + encoded(
                [0x1F, 0x43, 0xB6, 0x75],
                encoded([0xE7], big(start))
                    + encoded([0xA0], encoded([0xA1], picture) + encoded([0x9B], big(duration))))
    }

    private static func big(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
    }

    private static func encoded(_ id: [UInt8], _ content: [UInt8]) -> [UInt8] {
        id + [1] + big(UInt64(content.count)).dropFirst() + content
    }

    /// The first element of a kind, where it begins and what is in it.
    private static func element(_ film: [UInt8], _ id: [UInt8], in range: Range<Int>) -> (
        place: Int, content: Range<Int>
    ) {
        guard let place = range.first(where: { film[$0...].starts(with: id) }) else {
            preconditionFailure("the film has no such element")
        }
        let first = film[place + id.count]
        let length = first.leadingZeroBitCount + 1
        let size =
            film[(place + id.count)..<(place + id.count + length)].reduce(0) { $0 << 8 | Int($1) }
            & ((1 << (7 * length)) - 1)
        let content = place + id.count + length
        // A stream's clusters have no size.
        return (place, content..<max(content, min(film.count, content + size)))
    }
}
