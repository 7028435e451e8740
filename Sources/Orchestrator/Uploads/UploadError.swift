/// Why an upload was refused or could not go on.
public struct UploadError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: Sendable, Hashable {
        /// A header or a metadata value is malformed.
        case malformed
        /// The metadata is readable and says what cannot be: see ``UploadError/problems``.
        case invalid
        /// No such upload; it may have expired.
        case notFound
        /// The content is not of the type the protocol asks for.
        case wrongContentType
        /// The bytes offered do not begin where those kept end; ``UploadError/offset`` says where that is.
        case wrongOffset
        /// More bytes than the upload has or may have.
        case tooLarge
        /// Another request writes to the upload at this moment.
        case busy
        /// The content is not what its checksum says; the upload is gone.
        case checksumMismatch
        /// The content of one request is not what its checksum says; its bytes are dropped, and the upload stands where
        /// it stood.
        case partChecksumMismatch
        /// The disk has no place for it.
        case noSpace
        /// As many uploads are open as may be.
        case tooMany
        /// The connection ended before the request did; what arrived is kept.
        case cut
        /// The object store or the engine does not answer at present; the same request may succeed later.
        case unavailable
        /// The spool directory cannot be used.
        case spool
    }

    public let code: Code
    /// A sentence for people, with the values in it.
    public let message: String
    /// Each thing that is wrong with the metadata, a sentence each.
    public let problems: [String]
    /// Bytes kept so far, where that is the point.
    public let offset: Int64?

    public init(_ code: Code, _ message: String, problems: [String] = [], offset: Int64? = nil) {
        self.code = code
        self.message = message
        self.problems = problems
        self.offset = offset
    }

    public var description: String {
        problems.isEmpty ? message : "\(message) \(problems.joined(separator: " "))"
    }
}
