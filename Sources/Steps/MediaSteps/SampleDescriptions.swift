import MediaFiles
import Packaging
import StepContracts

/// Finds the sample descriptions of an MP4 file: what libavformat does not hand on, such as the boxes of colours and
/// the records of AC-3 and VP9.
struct SampleDescriptions {
    /// By track, in the file's order, which is that of the library's streams; nil where a track has none.
    private(set) var tracks: [SampleDescription?] = []

    /// Bytes a description may have.
    private static let sizeLimit: Int64 = 4 << 20

    /// - Throws: `MediaError` when the file cannot be read or has too many boxes, `PackagingError` for a damaged description.
    init(path: String) throws {
        let file = try FileBoxes(path: path)
        var found: [[UInt8]?] = []
        try file.follow(["moov", "trak", "mdia", "minf", "stbl", "stsd"]) { (type, place) throws(MediaError) in
            if type == "trak" { found.append(nil) }
            let size = place.end - place.start
            guard type == "stsd", size <= SampleDescriptions.sizeLimit else { return }
            found[found.count - 1] = try file.bytes(Int(size), at: place.start)
        }
        tracks = try found.map { try $0.map { try SampleDescription(box: $0) } }
    }
}
