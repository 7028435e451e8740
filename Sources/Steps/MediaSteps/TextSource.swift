import MediaFiles
import Packaging
import StepContracts

#if canImport(Glibc)
import Glibc
#endif

/// Reads a text track: a file of WebVTT, SubRip or TTML, or a track of timed text in an MP4.
struct TextSource: Sendable {
    let path: String
    let name: String
    let language: String?
    let role: TrackRole
    /// The MP4 and the stream in it; nil reads the file itself.
    let track: (movie: MovieSource, stream: Int)?
    let label: String

    /// Whether a file is subtitles by its name.
    static func isTextFile(_ path: String) -> Bool {
        let name = path.lowercased()
        return [".vtt", ".srt", ".ttml", ".dfxp"].contains { name.hasSuffix($0) }
    }

    func read() throws(StepFailure) -> TextTrack {
        try StepFailure.whileReading(label) {
            var language = language
            let document: WebVTTDocument
            if let (movie, stream) = track {
                language = language ?? movie.streams[stream].language
                document = try cues(of: movie, stream: movie.streams[stream])
            } else {
                document = try SubtitleFile(try TextSource.bytes(of: path)).document
            }
            return try TextTrack(
                name: name, language: language.flatMap(LanguageTag.init) ?? .undetermined, role: role,
                document: document)
        }
    }

    /// 3GPP timed text (3GPP TS 26.245): 16 bits of length and UTF-8 a sample; empty ones are pauses.
    private func cues(of movie: MovieSource, stream: StreamInfo) throws -> WebVTTDocument {
        guard stream.codec == "mov_text" else {
            throw MediaError(
                .unsupported, "text of format \(stream.codec) is not packaged: 3GPP timed text, WebVTT and SubRip are",
                stream: stream.index)
        }
        let scale = Int64(movie.movie.tracks[stream.index].timeScale)
        var samples = movie.movie.samples(of: stream.index)
        var data = SampleData(movie.file)
        var cues: [TextCue] = []
        while let sample = try samples.next() {
            // What follows the text says how it looks.
            let place = sample.data.prefix(2 + Int(UInt16.max))
            let text = try data.withBytes(place) { bytes -> String in
                guard bytes.count >= 2 else { return "" }
                let length = min(Int(bytes[0]) << 8 | Int(bytes[1]), bytes.count - 2)
                return String(decoding: bytes[2..<2 + length], as: UTF8.self)
            }
            let start = sample.presentationTime
            guard !text.isEmpty, sample.duration > 0 else { continue }
            guard cues.count < WebVTTDocument.maximumCues else {
                throw MediaError(
                    .unsupported, "more than \(WebVTTDocument.maximumCues) subtitles", stream: stream.index)
            }
            func milliseconds(_ ticks: Int64) -> Int64 {
                MediaTime(ticks, scale: scale).milliseconds
            }
            let lines = text.split(whereSeparator: \.isNewline).map { line in
                // What WebVTT would take for markup.
                line.reduce(into: "") {
                    $0 += $1 == "&" ? "&amp;" : $1 == "<" ? "&lt;" : $1 == ">" ? "&gt;" : String($1)
                }
            }
            cues.append(
                TextCue(
                    start: max(0, milliseconds(start)), end: milliseconds(start + sample.duration),
                    text: lines.joined(separator: "\n")))
        }
        return WebVTTDocument(cues: cues)
    }

    /// All of a file, and a little more than is read of one that is too large.
    static func bytes(of path: String) throws(MediaError) -> [UInt8] {
        func failure() -> MediaError {
            MediaError(.inputOutput, "\(path) cannot be read", libraryWords: String(cString: strerror(errno)))
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while result.count <= WebVTTDocument.maximumSize {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure() }
            if count == 0 { break }
            result += buffer[..<count]
        }
        return result
    }
}
