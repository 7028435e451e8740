import MediaFiles
import Packaging
import StepContracts

/// An MP4 opened for packaging: its streams as the library describes them, its samples as its own tables do. Of the tables
/// and the samples' data, little is in memory at a time, however long the film is.
struct MovieSource: Sendable {
    let file: StoredFile
    let movie: MovieFile
    /// In the order of the movie's tracks.
    let streams: [StreamInfo]
    private let configurations: [[UInt8]]
    let label: String

    /// - Throws: ``StepFailure`` that names the label.
    init(path: String, label: String) throws(StepFailure) {
        self = try StepFailure.whileReading(label) { try MovieSource(opening: path, label: label) }
    }

    private init(opening path: String, label: String) throws {
        file = try StoredFile(path: path)
        guard let movie = try MovieFile(MovieBytes(file: file)) else {
            // The library finds words for what it is instead.
            _ = try PacketReader(path: path)
            throw MediaError(.invalid, "the file has no index (moov)")
        }
        let described = try MovieStreams(movie: try movie.excerpt(), path: path)
        guard described.streams.count == movie.tracks.count else {
            throw MediaError(
                .invalid, "the file has \(movie.tracks.count) tracks, of which \(described.streams.count) can be told")
        }
        self.movie = movie
        streams = described.streams
        configurations = described.configurations
        self.label = label
    }

    /// Those of the film: what names its chapters is no text of it.
    var shown: [StreamInfo] { streams.filter { !movie.holdsChapters($0.index) } }

    /// The codec's configuration record; empty where there is none.
    func configuration(ofStream index: Int) -> [UInt8] { configurations[index] }

    /// What the library does not hand on, such as the boxes of colours and the records of AC-3 and VP9; nil where a track has
    /// no sample description.
    /// - Throws: `codecConfigurationInvalid` for a damaged one.
    func sampleDescription(ofStream index: Int) throws(PackagingError) -> SampleDescription? {
        let box = movie.tracks[index].sampleDescriptions
        return box.isEmpty ? nil : try SampleDescription(box: box)
    }
}

/// A file as packaging reads it.
struct MovieBytes: StoredBytes {
    let file: StoredFile

    var count: Int { file.size }

    func bytes(_ range: Range<Int>) throws(PackagingError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count)
        do {
            try bytes.withUnsafeMutableBufferPointer { buffer throws(MediaError) in
                try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: range.lowerBound)
            }
        } catch {
            throw PackagingError(.storageUnavailable, error.description)
        }
        return bytes
    }
}

/// Reads the data of samples one after the other; small ones that lie side by side come with one call.
struct SampleData {
    private let file: StoredFile
    private var buffer: [UInt8] = []
    private var held = 0..<0

    /// Bytes read at once at least, where there are as many.
    private static let step = 4096

    init(_ file: StoredFile) { self.file = file }

    /// A sample's bytes, valid within the call.
    /// - Parameter place: in bytes of the file, all of it within.
    mutating func withBytes<Result>(
        _ place: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        if place.lowerBound < held.lowerBound || place.upperBound > held.upperBound {
            let length = max(place.count, min(SampleData.step, file.size - place.lowerBound))
            held = 0..<0
            if buffer.count < length { buffer = [UInt8](repeating: 0, count: length) }
            try buffer.withUnsafeMutableBytes { buffer in
                try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<length]), at: place.lowerBound)
            }
            held = place.lowerBound..<place.lowerBound + length
        }
        let start = place.lowerBound - held.lowerBound
        return try buffer.withUnsafeBytes { bytes in
            try body(UnsafeRawBufferPointer(rebasing: bytes[start..<start + place.count]))
        }
    }
}

extension StepFailure {
    /// Media and packaging errors as a failure that names the file or rendition they concern.
    static func whileReading<Result>(_ label: String, _ body: () throws -> Result) throws(StepFailure) -> Result {
        do {
            return try body()
        } catch let error as StepFailure {
            throw error
        } catch let error as MediaError {
            throw StepFailure(error).concerning(label)
        } catch let error as PackagingError {
            throw StepFailure(error).concerning(label)
        } catch {
            preconditionFailure("reading media throws media and packaging errors only: \(error)")
        }
    }
}
