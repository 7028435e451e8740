/// Rankings of many profiles as one immutable file that is read where it lies, little-endian throughout:
///
///     8  magic "SRRECRNK"
///     4  version of the format
///     4  how many profiles there are
///     4 x (profiles + 1)  where each profile's name ends, from the first name on, a 0 before them
///     4 x (profiles + 1)  where each profile's ranking ends, in entries, a 0 before them
///     n  the names in the order of their UTF-8
///     8 x entries  number of the title in the model, score
///
/// It is known by its digest, which whoever opens it has checked.
public struct RankingFile<Bytes: RandomAccessCollection & Sendable>: Sendable
where Bytes.Element == UInt8, Bytes.Index == Int {
    public let count: Int
    private let bytes: Bytes
    private let namesAt: Int
    private let entriesAt: Int
    private static var headerLength: Int { 16 }

    public init(_ bytes: Bytes) throws(ModelFileError) {
        self.bytes = bytes
        guard bytes.startIndex == 0, bytes.count >= Self.headerLength, bytes.starts(with: RankingFileWriter.magic)
        else { throw ModelFileError(.malformed, "these are no rankings") }
        let version = Self.integer(bytes, at: 8)
        guard version == RankingFileWriter.version else {
            throw ModelFileError(
                .unknownVersion,
                "the rankings have format version \(version); this program reads version \(RankingFileWriter.version)")
        }
        count = Self.integer(bytes, at: 12)
        namesAt = Self.headerLength + 8 * (count + 1)
        guard namesAt <= bytes.count else {
            throw ModelFileError(.malformed, "the rankings end before their names")
        }
        entriesAt = namesAt + Self.integer(bytes, at: Self.headerLength + 4 * count)
        let entries = Self.integer(bytes, at: namesAt - 4)
        guard entriesAt + 8 * entries == bytes.count else {
            throw ModelFileError(
                .malformed, "the rankings have \(bytes.count) bytes in place of \(entriesAt + 8 * entries)")
        }
    }

    private static func integer(_ bytes: Bytes, at offset: Int) -> Int {
        var value: UInt32 = 0
        for index in 0..<4 { value |= UInt32(bytes[offset + index]) << (8 * UInt32(index)) }
        return Int(value)
    }

    private func bounds(_ table: Int, _ index: Int) throws(ModelFileError) -> Range<Int> {
        let at = Self.headerLength + table * 4 * (count + 1) + 4 * index
        let (start, end) = (Self.integer(bytes, at: at), Self.integer(bytes, at: at + 4))
        let limit = table == 0 ? entriesAt - namesAt : (bytes.count - entriesAt) / 8
        guard start <= end, end <= limit else {
            throw ModelFileError(.malformed, "the rankings' entry \(index) lies outside of them")
        }
        return start..<end
    }

    /// The ranking of a profile, best first; nil where it has none here. Titles have the model's numbers.
    public func ranking(of profile: String) throws(ModelFileError) -> [Ranked]? {
        let wanted = Array(profile.utf8)
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            let name = try bounds(0, middle)
            let found = bytes[namesAt + name.lowerBound..<namesAt + name.upperBound]
            if found.elementsEqual(wanted) {
                var ranking: [Ranked] = []
                for entry in try bounds(1, middle) {
                    let at = entriesAt + 8 * entry
                    ranking.append(
                        Ranked(
                            item: Int32(bitPattern: UInt32(Self.integer(bytes, at: at))),
                            score: Float(bitPattern: UInt32(Self.integer(bytes, at: at + 4)))))
                }
                return ranking
            }
            if found.lexicographicallyPrecedes(wanted) { low = middle + 1 } else { high = middle }
        }
        return nil
    }
}

/// Writes what ``RankingFile`` reads.
public enum RankingFileWriter {
    static let magic = Array("SRRECRNK".utf8)
    static let version = 1

    /// - Parameter rankings: profiles in the order of their names' UTF-8, each once.
    public static func encode(_ rankings: [(profile: String, ranking: [Ranked])]) -> [UInt8] {
        var writer = ModelWriter()
        writer.bytes += magic
        writer.integer(UInt32(version))
        writer.integer(UInt32(rankings.count))
        var end: UInt32 = 0
        writer.integer(end)
        for (profile, _) in rankings {
            end += UInt32(profile.utf8.count)
            writer.integer(end)
        }
        end = 0
        writer.integer(end)
        for (_, ranking) in rankings {
            end += UInt32(ranking.count)
            writer.integer(end)
        }
        var last: String?
        for (profile, _) in rankings {
            precondition(
                last.map { $0.utf8.lexicographicallyPrecedes(profile.utf8) } ?? true,
                "Profiles come in the order of their names.")
            writer.bytes += profile.utf8
            last = profile
        }
        for (_, ranking) in rankings {
            for one in ranking {
                writer.integer(one.item)
                writer.float(one.score)
            }
        }
        return writer.bytes
    }
}
