import CMedia
import CMediaShims
import Glibc

/// Writes still pictures.
public enum PictureFile {
    /// Writes a full-range 4:2:0 picture as a JPEG.
    /// - Parameter quantiser: 2 is best, 31 is worst.
    public static func writeJPEG(_ frame: Frame, to path: String, quantiser: Int) throws(MediaError) {
        let settings = Encoder.Video(
            codec: "mjpeg", width: frame.width, height: frame.height, timeBase: Rational(1, 25),
            frameRate: Rational(25, 1), threads: 1, pixelFormat: "yuvj420p",
            // The encoder counts in Lagrangian units (FF_QP2LAMBDA) of a quantiser.
            options: [("flags", "+qscale"), ("global_quality", String(quantiser * 118))])
        let picture = try frame.shared()
        picture.timestamp = 0
        picture.pointer.pointee.quality = Int32(quantiser * 118)
        picture.setKeyframe(false)
        let encoder = try Encoder(settings, like: picture)
        var bytes: [UInt8] = []
        let collect = { (packet: Packet) throws(MediaError) in
            bytes.append(
                contentsOf: UnsafeBufferPointer(start: packet.pointer.pointee.data, count: packet.size))
        }
        try encoder.encode(picture, collect)
        try encoder.encode(nil, collect)
        try write(bytes, to: path)
    }

    /// Writes a small file in one piece.
    public static func write(_ bytes: [UInt8], to path: String) throws(MediaError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure(path) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let error = failure(path)
                close(descriptor)
                throw error
            }
            written += count
        }
        guard close(descriptor) == 0 else { throw failure(path) }
    }

    private static func failure(_ path: String) -> MediaError {
        let code = -errno
        return MediaError(
            MediaError.kind(of: code, otherwise: .inputOutput), "\(path) cannot be written",
            libraryWords: LibraryLog.text(ofError: code))
    }
}
