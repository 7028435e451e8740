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
    /// The stream in an MP4; nil reads the file itself.
    let stream: Int?
    let label: String

    /// Whether a file is subtitles by its name.
    static func isTextFile(_ path: String) -> Bool {
        let name = path.lowercased()
        return [".vtt", ".srt", ".ttml", ".dfxp"].contains { name.hasSuffix($0) }
    }

    func read() throws(StepFailure) -> TextTrack {
        do {
            var language = language
            let document: WebVTTDocument
            if let stream {
                let reader = try TrackSource.open(path, label: label)
                language = language ?? reader.streams[stream].language
                document = try cues(of: reader, stream: reader.streams[stream])
            } else {
                document = try SubtitleFile(try TextSource.bytes(of: path)).document
            }
            return try TextTrack(
                name: name, language: language.flatMap(LanguageTag.init) ?? .undetermined, role: role,
                document: document)
        } catch let error as StepFailure {
            throw error
        } catch let error as MediaError {
            throw StepFailure(error).concerning(label)
        } catch let error as PackagingError {
            throw StepFailure(error).concerning(label)
        } catch {
            preconditionFailure("reading text throws media and packaging errors only: \(error)")
        }
    }

    /// 3GPP timed text (3GPP TS 26.245): 16 bits of length and UTF-8 a sample; empty ones are pauses.
    private func cues(of reader: PacketReader, stream: StreamInfo) throws -> WebVTTDocument {
        guard stream.codec == "mov_text" else {
            throw MediaError(
                .unsupported, "text of format \(stream.codec) is not packaged: 3GPP timed text, WebVTT and SubRip are",
                stream: stream.index)
        }
        reader.select(stream: stream.index)
        let packet = try Packet()
        var cues: [TextCue] = []
        while try reader.read(into: packet) {
            let text = packet.withBytes { bytes -> String in
                guard bytes.count >= 2 else { return "" }
                let length = min(Int(bytes[0]) << 8 | Int(bytes[1]), bytes.count - 2)
                return String(decoding: bytes[2..<2 + length], as: UTF8.self)
            }
            guard !text.isEmpty, let start = packet.timestamp, packet.duration > 0 else { continue }
            guard cues.count < WebVTTDocument.maximumCues else {
                throw MediaError(
                    .unsupported, "more than \(WebVTTDocument.maximumCues) subtitles", stream: stream.index)
            }
            func milliseconds(_ ticks: Int64) -> Int64 {
                MediaTime(ticks * Int64(stream.timeBase.numerator), scale: Int64(stream.timeBase.denominator))
                    .milliseconds
            }
            let lines = text.split(whereSeparator: \.isNewline).map { line in
                // What WebVTT would take for markup.
                line.reduce(into: "") {
                    $0 += $1 == "&" ? "&amp;" : $1 == "<" ? "&lt;" : $1 == ">" ? "&gt;" : String($1)
                }
            }
            cues.append(
                TextCue(
                    start: max(0, milliseconds(start)), end: milliseconds(start + packet.duration),
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
