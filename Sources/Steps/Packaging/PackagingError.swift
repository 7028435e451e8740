/// Why tracks could not be packaged. The source or the caller's parameters are at fault, and repeating does not help, but
/// where storage failed.
public struct PackagingError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable, Hashable {
        /// A codec configuration record (`avcC`, `hvcC`, AudioSpecificConfig) is damaged or of an unknown version.
        case codecConfigurationInvalid
        /// A description has a value no box or manifest can carry (a name, a size, a time scale).
        case trackInvalid
        /// Sample times contradict each other, or there are none.
        case samplesInvalid
        /// Video tracks of one presentation have no common key frames to cut at.
        case keyFramesDiffer
        /// A size, count or duration is beyond what is packaged.
        case limitExceeded
        /// Bytes outside of memory cannot be read or kept.
        case storageUnavailable
        /// There is no room to keep bytes outside of memory.
        case storageFull
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
