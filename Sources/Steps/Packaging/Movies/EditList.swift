/// A track's edit list (ISO/IEC 14496-12, 8.6.6): of which stretches of its media it consists.
struct EditList {
    /// How long each is, in ticks of the movie, and where it begins, in ticks of the media; one that begins at -1 is empty,
    /// and only delays the next.
    private var edits: [(length: Int64, time: Int64)] = []

    /// Edits that are looked at, and bytes that hold as many.
    private static let maximumEdits = 1024
    static let maximumSize = 8 + maximumEdits * 20

    /// Reads the content of `elst`; what is not all there is left out.
    init(_ content: [UInt8]) {
        var fields = FieldReader(content[...])
        let isLong = fields.versionAndFlags().version == 1
        for _ in 0..<min(fields.u32(), EditList.maximumEdits) {
            let length = Int64(clamping: fields.number(isLong ? 8 : 4))
            let time = isLong ? Int64(bitPattern: fields.number(8)) : Int64(fields.i32())
            _ = fields.u32()
            guard !fields.isExhausted else { break }
            edits.append((length, time))
        }
    }

    /// How many parts of the media it shows: empty edits are none.
    var parts: Int { edits.count { $0.time != -1 } }

    /// Of a list of one part, with empty edits in front: ticks of the track that the part begins after the media's zero,
    /// less those it is delayed. The part's length is not looked at: what is behind its end is packaged.
    /// - Throws: `trackInvalid` where there are several parts, `samplesInvalid` for times that no film reaches.
    func offset(timeScale: Int, movieScale: Int) throws(PackagingError) -> Int64 {
        var delay: Int64 = 0
        var start: Int64?
        for (length, time) in edits {
            guard time >= -1, time < Int64(SampleIndex.timeLimit) else {
                throw PackagingError(.samplesInvalid, "an edit begins at \(time), which no film reaches")
            }
            if time >= 0 {
                guard start == nil else {
                    throw PackagingError(
                        .trackInvalid, "an edit list puts the film together from several parts: transcode it first")
                }
                start = time
            } else if start == nil {
                guard length < Int64(SampleIndex.timeLimit) - delay else {
                    throw PackagingError(.samplesInvalid, "an edit delays a track by \(length), which no film reaches")
                }
                delay += length
            }
        }
        guard delay > 0, movieScale > 0 else { return start ?? 0 }
        let ticks = MediaTime(delay, scale: Int64(movieScale)).ticks(scale: Int64(timeScale))
        return (start ?? 0) - min(ticks, Int64(SampleIndex.timeLimit))
    }
}

extension MovieFile {
    /// How many parts its edit lists put the track together from that has the most: 0 where there is no list, or no movie;
    /// 1 where one only moves or cuts the beginning or the end; 1024 at most.
    ///
    /// For films that others have read already: what they let pass in damaged headers ends the search here, too.
    /// - Throws: `storageUnavailable` where the bytes cannot be read.
    public static func editedParts(_ source: any StoredBytes) throws(PackagingError) -> Int {
        var most = 0
        do throws(PackagingError) {
            var file = BoxWalk(source)
            // Readers take the first: fragments, however many, follow it.
            while let movie = try file.next() {
                guard movie.type == "moov" else { continue }
                try forEach(in: movie.content, of: source) { track throws(PackagingError) in
                    guard track.type == "trak",
                        let list = try BoxWalk.descendant(["edts", "elst"], in: track.content, of: source)
                    else { return }
                    let content = try source.bytes(list.content.prefix(EditList.maximumSize))
                    most = max(most, EditList(content).parts)
                }
                break
            }
        } catch {
            guard error.code != .storageUnavailable else { throw error }
        }
        return most
    }
}
