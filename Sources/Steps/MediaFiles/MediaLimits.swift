/// What is taken from a file that anybody may have made. Every figure a hostile file could inflate has its bound here.
public struct MediaLimits: Sendable, Hashable {
    /// As much as an upload may have.
    public var fileBytes = 256 << 30
    /// Bytes read to recognise the container and its streams.
    public var probeBytes = 16 << 20
    /// Media time looked at to learn each stream's parameters, in seconds.
    public var analyseSeconds = 10
    public var streams = 64
    /// Width and height of a coded picture, in pixels.
    public var pictureSide = 8192
    public var picturePixels = 8192 * 4320
    public var framesPerSecond = 240.0
    public var durationSeconds = 12.0 * 3600
    /// Packets of a sound or other stream: 12 hours of blocks of a millisecond.
    public var packetsPerStream = 12 * 3600 * 1000
    /// Pictures of the film.
    public var pictures: Int { Int(durationSeconds * framesPerSecond) }
    public var audioChannels = 64
    /// Pixels of film a second: 8K at 60 pictures.
    public var pixelsPerSecond = 8192.0 * 4320 * 60
    /// Processor seconds that decoding a second of film may take, and after which a trial goes on to nothing more: opening the
    /// file and the picture under way come on top of it, and a refusal takes less than five seconds in all.
    public var decodeRatio = 30.0
    public var probeProcessorSeconds = 2.0

    public init() {}

    public static let standard = MediaLimits()

    /// Containers that hold their media themselves. Playlists and manifests (hls, dash, concat) would open further
    /// files or addresses, and text formats recognise anything: neither is here.
    static let containers = [
        "mov", "mp4", "matroska", "webm", "mpegts", "mpeg", "avi", "mxf", "flv", "asf", "gxf", "nut", "ivf", "dv",
        "yuv4mpegpipe", "mp3", "wav", "w64", "flac", "aac", "ogg", "ac3", "eac3", "aiff", "caf",
    ].joined(separator: ",")
}
