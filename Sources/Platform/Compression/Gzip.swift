import CZlib

/// Bytes as gzip files have them (RFC 1952), through zlib.
public final class GzipWriter {
    private var stream = z_stream()
    private var isFinished = false
    /// What has come out so far.
    public private(set) var bytes: [UInt8] = []

    public init() {
        // 15 bits of window, and 16 says that the header is gzip's.
        let status = deflateInit2_(
            &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        precondition(status == Z_OK, "zlib has no memory, or is not the one this was built with: \(status)")
    }

    deinit { deflateEnd(&stream) }

    public func write(_ text: some Sequence<UInt8>) {
        precondition(!isFinished, "the file is closed")
        var input = Array(text)
        run(&input, flush: Z_NO_FLUSH)
    }

    /// Ends the file and gives all of it.
    public func finish() -> [UInt8] {
        guard !isFinished else { return bytes }
        var none: [UInt8] = []
        run(&none, flush: Z_FINISH)
        isFinished = true
        return bytes
    }

    private func run(_ input: inout [UInt8], flush: Int32) {
        let count = input.count
        input.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(count)
            while true {
                let left = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64 << 10) { output in
                    stream.next_out = output.baseAddress
                    stream.avail_out = UInt32(output.count)
                    let status = deflate(&stream, flush)
                    precondition(status != Z_STREAM_ERROR, "zlib's state is broken")
                    bytes += output[..<(output.count - Int(stream.avail_out))]
                    return stream.avail_out
                }
                if left > 0 { break }
            }
        }
    }
}

/// Why bytes are no gzip file, or not one to be read.
public struct GzipError: Error, Sendable, Hashable, CustomStringConvertible {
    public let message: String

    public var description: String { message }
}

public enum Gzip {
    /// What a gzip file holds, in all its members.
    ///
    /// - Parameter maximumBytes: what holds more is refused: little can become much.
    public static func read(_ file: [UInt8], maximumBytes: Int) throws(GzipError) -> [UInt8] {
        var stream = z_stream()
        guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            preconditionFailure("zlib has no memory, or is not the one this was built with")
        }
        defer { inflateEnd(&stream) }
        var file = file
        let count = file.count
        var text: [UInt8] = []
        var trouble: String?
        file.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(count)
            while true {
                var status = Z_OK
                withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64 << 10) { output in
                    stream.next_out = output.baseAddress
                    stream.avail_out = UInt32(output.count)
                    status = inflate(&stream, Z_NO_FLUSH)
                    text += output[..<(output.count - Int(stream.avail_out))]
                }
                if text.count > maximumBytes {
                    trouble = "the file holds more than \(maximumBytes) bytes"
                    return
                }
                if status == Z_STREAM_END {
                    if stream.avail_in == 0 { return }
                    inflateReset(&stream)
                    continue
                }
                guard status == Z_OK else {
                    trouble =
                        status == Z_BUF_ERROR
                        ? "the file is cut short" : "the file is damaged at byte \(count - Int(stream.avail_in))"
                    return
                }
            }
        }
        if let trouble { throw GzipError(message: trouble) }
        return text
    }
}
