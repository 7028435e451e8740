import CMedia
import CMediaShims
import Encodings

/// What went wrong with a media file: a kind to decide by, a sentence for people, and where it was.
public struct MediaError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Kind: Sendable, Hashable {
        /// The file's bytes are at fault.
        case invalid
        /// The file is well made and beyond what is taken here.
        case unsupported
        /// The output could not be written, for want of space.
        case noSpace
        /// Memory ran out.
        case noMemory
        /// The file could not be read or written for another reason of the machine's.
        case inputOutput
        /// The libraries refused what we asked for: our own mistake.
        case refused
    }

    public let kind: Kind
    /// What was being done and what is wrong, without the place and the library's words.
    public let message: String
    /// The stream's index in the file.
    public let stream: Int?
    /// Presentation time in seconds from the file's zero.
    public let seconds: Double?
    /// Byte position in the file, of the packet concerned.
    public let byte: Int64?
    /// What the library said, in its own words.
    public let libraryWords: String?

    public init(
        _ kind: Kind, _ message: String, stream: Int? = nil, seconds: Double? = nil, byte: Int64? = nil,
        libraryWords: String? = nil
    ) {
        self.kind = kind
        self.message = message
        self.stream = stream
        self.seconds = seconds
        self.byte = byte
        self.libraryWords = libraryWords
    }

    /// One sentence: message, place, the library's words.
    public var description: String {
        var place: [String] = []
        if let stream { place.append("stream \(stream)") }
        if let seconds { place.append("timecode \(Timecode.text(seconds: seconds))") }
        if let byte, byte >= 0 { place.append("byte \(byte)") }
        let at = place.isEmpty ? "" : " (\(place.joined(separator: ", ")))"
        let words = libraryWords.map { ": \($0)" } ?? ""
        return message + at + words
    }
}

extension MediaError {
    /// The kind that an error number of the libraries stands for.
    static func kind(of code: Int32, otherwise: Kind) -> Kind {
        switch code {
        case media_error_no_memory(): .noMemory
        case media_error_no_space(), media_error_quota(), media_error_file_too_big(): .noSpace
        default: otherwise
        }
    }

    /// An error from a library call that returned `code`; `log` was taken before the call.
    static func library(
        _ code: Int32, _ message: String, otherwise kind: Kind, log: LibraryLog, stream: Int? = nil,
        seconds: Double? = nil, byte: Int64? = nil
    ) -> MediaError {
        let text = LibraryLog.text(ofError: code)
        let said = log.words
        return MediaError(
            MediaError.kind(of: code, otherwise: kind), message, stream: stream, seconds: seconds, byte: byte,
            libraryWords: said.isEmpty ? text : "\(said) (\(text))")
    }
}

/// Presentation times as people read them.
public enum Timecode {
    /// `HH:MM:SS.mmm`, with a minus before it for times before zero.
    public static func text(seconds: Double) -> String {
        guard seconds.isFinite, abs(seconds) < 1e12 else { return "unknown" }
        return (seconds < 0 ? "-" : "") + playingTime(milliseconds: Int((abs(seconds) * 1000).rounded()))
    }
}
