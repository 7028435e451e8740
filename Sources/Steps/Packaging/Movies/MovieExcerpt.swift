/// The beginning of a movie as a movie of its own: its headers, with the first samples of every picture and sound track and
/// tables of these alone. Readers that load the whole tables of what they open learn from it what a film is, at the
/// same cost for every length.
struct MovieExcerpt {
    /// Samples taken of a track, and bytes of them.
    static let samplesPerTrack = 64
    static let bytesPerTrack = 8 << 20
    /// Bytes of all tracks' samples, and of all headers.
    static let maximumSize = 64 << 20
    /// Header boxes that tell nothing of samples and may be large, and tables that are written anew.
    private static let left: Set<String> = ["udta", "meta", "mvex", "tref", "free", "skip", "uuid"]

    let bytes: [UInt8]

    init(of movie: MovieFile) throws(PackagingError) {
        let source = movie.source
        var file = BoxWriter(reserving: 1 << 16)
        if let place = movie.fileType { file.raw(try MovieFile.whole(place, of: source)) }
        var tracks: [(place: Range<Int>, samples: [MovieSample])] = []
        // The data first: headers behind it know its places.
        let start = file.bytes.count
        file.u32(0)
        file.code("mdat")
        for (index, track) in movie.tracks.enumerated() {
            var kept: [MovieSample] = []
            if track.handler == "vide" || track.handler == "soun" {
                var samples = movie.samples(of: index)
                var size = 0
                while kept.count < MovieExcerpt.samplesPerTrack, var sample = try samples.next() {
                    size += sample.data.count
                    guard size <= MovieExcerpt.bytesPerTrack,
                        file.bytes.count + sample.data.count <= MovieExcerpt.maximumSize
                    else { break }
                    let data = try source.bytes(sample.data)
                    sample.data = file.bytes.count..<file.bytes.count + data.count
                    file.raw(data)
                    kept.append(sample)
                }
            }
            tracks.append((track.place, kept))
        }
        file.patch(UInt32(file.bytes.count - start), at: start)
        var moov = BoxWriter()
        var number = 0
        try MovieFile.forEach(in: movie.movie, of: source) { box throws(PackagingError) in
            if box.type == "trak" {
                let (place, samples) = tracks[number]
                number += 1
                moov.raw(try MovieExcerpt.copy("trak", place, samples, of: source))
            } else if !MovieExcerpt.left.contains(box.type) {
                moov.raw(try MovieFile.whole(box.whole, of: source))
            }
            try MovieExcerpt.check(moov)
        }
        file.box("moov") { $0.raw(moov.bytes) }
        bytes = file.bytes
    }

    /// A header box on the way to the sample tables, which are written anew.
    private static func copy(
        _ type: StaticString, _ content: Range<Int>, _ samples: [MovieSample], of source: any StoredBytes
    ) throws(PackagingError) -> [UInt8] {
        var inner = BoxWriter()
        let isTable = type.description == "stbl"
        try MovieFile.forEach(in: content, of: source) { box throws(PackagingError) in
            switch (type.description, box.type) {
            case ("trak", "mdia"): inner.raw(try copy("mdia", box.content, samples, of: source))
            case ("mdia", "minf"): inner.raw(try copy("minf", box.content, samples, of: source))
            case ("minf", "stbl"): inner.raw(try copy("stbl", box.content, samples, of: source))
            default:
                guard isTable ? box.type == "stsd" : !left.contains(box.type) else { return }
                inner.raw(try MovieFile.whole(box.whole, of: source))
            }
            try check(inner)
        }
        if isTable { writeTables(samples, into: &inner) }
        var writer = BoxWriter()
        writer.box(type) { $0.raw(inner.bytes) }
        return writer.bytes
    }

    private static func check(_ headers: BoxWriter) throws(PackagingError) {
        guard headers.bytes.count <= maximumSize else {
            throw PackagingError(
                .limitExceeded, "the file's headers have more than \(maximumSize) bytes beside their tables")
        }
    }

    private static func writeTables(_ samples: [MovieSample], into stbl: inout BoxWriter) {
        let count = UInt32(samples.count)
        stbl.fullBox("stts") { box in
            box.u32(count)
            for sample in samples {
                box.u32(1)
                box.u32(UInt32(clamping: sample.duration))
            }
        }
        if samples.contains(where: { $0.presentationTime != $0.decodeTime }) {
            stbl.fullBox("ctts", version: 1) { box in
                box.u32(count)
                for sample in samples {
                    box.u32(1)
                    box.i32(Int32(clamping: sample.presentationTime - sample.decodeTime))
                }
            }
        }
        if samples.contains(where: { !$0.isSync }) {
            let numbers = samples.indices.filter { samples[$0].isSync }.map { UInt32($0 + 1) }
            stbl.fullBox("stss") { box in
                box.u32(UInt32(numbers.count))
                for number in numbers { box.u32(number) }
            }
        }
        stbl.fullBox("stsc") { box in
            box.u32(samples.isEmpty ? 0 : 1)
            guard !samples.isEmpty else { return }
            for value in [1, 1, 1] as [UInt32] { box.u32(value) }
        }
        stbl.fullBox("stsz") { box in
            box.u32(0)
            box.u32(count)
            for sample in samples { box.u32(UInt32(sample.data.count)) }
        }
        stbl.fullBox("stco") { box in
            box.u32(count)
            for sample in samples { box.u32(UInt32(sample.data.lowerBound)) }
        }
    }
}

extension MovieFile {
    /// The beginning of it as a movie of its own, in memory: headers and the first samples of pictures and sound, some
    /// megabytes a track at most, whatever the film's length.
    /// - Throws: as reading samples does.
    public func excerpt() throws(PackagingError) -> [UInt8] { try MovieExcerpt(of: self).bytes }
}
