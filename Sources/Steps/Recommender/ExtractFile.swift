/// The file of an extract, little-endian throughout:
///
///     8  magic "SRRECEXT"
///     4  version of the format
///     n  cut-off, profiles, titles, interactions
///
/// The same extract gives the same bytes. The file's own digest, by which it is known, is its checksum. A reader checks
/// every length and number, and allocates nothing that the file's length doesn't cover.
public enum ExtractFile {
    public static let version: UInt32 = 1
    private static let magic = Array("SRRECEXT".utf8)

    public static func encode(_ extract: Extract) -> [UInt8] {
        var writer = ModelWriter()
        writer.bytes += magic
        writer.integer(version)
        writer.integer(extract.cutoff)
        writer.names(extract.profiles)
        for ceiling in extract.ceilings { writer.age(ceiling) }
        writer.names(extract.titles)
        for index in extract.titles.indices {
            writer.age(extract.ages[index])
            writer.integer(UInt8(extract.available[index] ? 1 : 0))
            writer.integer(UInt8(extract.descriptions[index] == nil ? 0 : 1))
            guard let description = extract.descriptions[index] else { continue }
            writer.integer(Int32(description.year ?? Int(Int32.min)))
            writer.names([description.title])
            writer.names(description.genres)
            writer.names(description.people)
        }
        writer.matrix(extract.interactions)
        for time in extract.interactions.times { writer.integer(time) }
        return writer.bytes
    }

    public static func decode(_ bytes: [UInt8]) throws(ModelFileError) -> Extract {
        guard bytes.starts(with: magic) else { throw ModelFileError(.malformed, "this is no extract") }
        var reader = ModelReader(bytes, from: magic.count, to: bytes.count)
        let found = try reader.integer(UInt32.self)
        guard found == version else {
            throw ModelFileError(
                .unknownVersion, "the extract has format version \(found); this program reads version \(version)")
        }
        let cutoff = try reader.integer(Int64.self)
        let profiles = try reader.names("the list of profiles")
        var ceilings: [Int?] = []
        for _ in profiles { ceilings.append(try reader.age("a ceiling")) }
        let titles = try reader.names("the list of titles")
        var ages: [Int?] = []
        var available: [Bool] = []
        var descriptions: [TitleDescription?] = []
        for _ in titles {
            ages.append(try reader.age("an age rating"))
            available.append(try reader.flag("whether a title is available"))
            guard try reader.flag("whether a title is described") else {
                descriptions.append(nil)
                continue
            }
            let year = Int(try reader.integer(Int32.self))
            guard let name = try reader.names("a title's name").first else {
                throw ModelFileError(.malformed, "a title has no name")
            }
            descriptions.append(
                TitleDescription(
                    title: name, genres: try reader.names("a title's genres"),
                    people: try reader.names("a title's people"), year: year == Int(Int32.min) ? nil : year))
        }
        let matrix = try reader.matrix("the interactions", rows: profiles.count, columns: titles.count)
        guard matrix.columnCount == titles.count else {
            throw ModelFileError(.malformed, "the interactions have \(matrix.columnCount) columns")
        }
        var times: [Int64] = []
        times.reserveCapacity(matrix.count)
        for _ in 0..<matrix.count { times.append(try reader.integer(Int64.self)) }
        guard reader.isAtEnd else { throw ModelFileError(.malformed, "the extract has bytes after its end") }
        return Extract(
            cutoff: cutoff, profiles: profiles, ceilings: ceilings, titles: titles, descriptions: descriptions,
            ages: ages, available: available,
            interactions: InteractionMatrix(
                columnCount: matrix.columnCount, starts: matrix.starts, columns: matrix.columns,
                weights: matrix.weights, times: times))
    }
}

extension ModelWriter {
    fileprivate mutating func age(_ age: Int?) {
        precondition(age.map { (0...120).contains($0) } ?? true, "An age is from 0 to 120 years.")
        integer(Int8(age ?? -1))
    }
}

extension ModelReader {
    fileprivate mutating func age(_ what: String) throws(ModelFileError) -> Int? {
        let age = try integer(Int8.self)
        guard (-1...120).contains(age) else { throw ModelFileError(.malformed, "\(what) is \(age)") }
        return age < 0 ? nil : Int(age)
    }
}
