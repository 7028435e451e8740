import Glibc
import HTTP

/// Why a call to an object store failed.
public struct ObjectStorageError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of failure.
    public enum Code: Sendable, Hashable {
        /// The URL names no kind of store we know, or its settings are missing.
        case invalidURL
        case invalidKey
        case invalidContentType
        /// The range begins behind the object's end, or is empty.
        case invalidRange
        case notFound
        /// Another content lies under the key, or the key is a folder of others.
        case alreadyExists
        /// The content is not what its checksum says.
        case checksumMismatch
        /// More bytes than the caller's limit or the store takes.
        case tooLarge
        /// The credentials or the file permissions do not allow it.
        case accessDenied
        /// The bucket or the directory is not there.
        case storeMissing
        /// The file system or quota is full.
        case noSpace
        /// The store does not answer, or answers with errors of its own; trying later may help.
        case unavailable
        /// A file of the caller's could not be read or written.
        case localFile
        case cancelled
        /// The store refused the request for a reason of its own, named in the message.
        case refused
    }

    public let code: Code
    /// One sentence with the values in it; never a secret.
    public let message: String
    /// What the HTTP client said, where it did.
    public let cause: HTTPError?

    public init(_ code: Code, _ message: String, cause: HTTPError? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    public var description: String { message }

    /// Whether the same call may succeed later without anybody changing anything.
    public var isTransient: Bool { code == .unavailable }

    /// A failed system call on a file of the directory store.
    static func system(_ action: String, _ path: String, _ error: CInt) -> ObjectStorageError {
        let code: Code =
            switch error {
            case ENOSPC, EDQUOT: .noSpace
            case EACCES, EPERM, EROFS: .accessDenied
            case EISDIR, ENOTDIR: .alreadyExists
            default: .unavailable
            }
        return ObjectStorageError(code, "Cannot \(action) \(path): \(String(cString: strerror(error))).")
    }

    /// A failed system call on a file of the caller's.
    static func localFile(_ action: String, _ path: String, _ error: CInt) -> ObjectStorageError {
        let code: Code = error == ENOSPC || error == EDQUOT ? .noSpace : .localFile
        return ObjectStorageError(code, "Cannot \(action) \(path): \(String(cString: strerror(error))).")
    }
}
