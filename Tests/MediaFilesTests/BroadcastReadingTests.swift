import CMedia
import TemporaryFolder
import Testing

@testable import MediaFiles

/// How packets of a broadcast that were read ahead are handed out.
@Suite struct BroadcastReadingTests {
    /// A transport stream of so many black pictures, 25 a second.
    private static func film(_ path: String, pictures: Int64) throws {
        let picture = try Frame.blackSheet(width: 64, height: 64)
        let settings = Encoder.Video(
            codec: "libx264", width: 64, height: 64, timeBase: Rational(1, 25), frameRate: Rational(25, 1), threads: 1,
            pixelFormat: "yuv420p", options: [("preset", "ultrafast")])
        let encoder = try Encoder(settings, like: picture)
        var made: UnsafeMutablePointer<AVFormatContext>?
        try #require(avformat_alloc_output_context2(&made, nil, "mpegts", path) >= 0)
        let output = try #require(made)
        defer { avformat_free_context(output) }
        let stream = try #require(avformat_new_stream(output, nil))
        try #require(avcodec_parameters_from_context(stream.pointee.codecpar, encoder.context) >= 0)
        try #require(avio_open(&output.pointee.pb, path, AVIO_FLAG_WRITE) >= 0)
        try #require(avformat_write_header(output, nil) >= 0)
        var isWritten = true
        for time in 0...pictures {
            picture.timestamp = time
            try encoder.encode(time < pictures ? picture : nil) { packet in
                av_packet_rescale_ts(packet.pointer, AVRational(num: 1, den: 25), stream.pointee.time_base)
                isWritten = isWritten && av_interleaved_write_frame(output, packet.pointer) >= 0
            }
        }
        try #require(isWritten && av_write_trailer(output) >= 0)
        try #require(avio_closep(&output.pointee.pb) >= 0)
    }

    private static func opened(_ folder: TemporaryFolder) throws -> Demuxer {
        try film(folder.place("a.ts"), pictures: 50)
        return try Demuxer(path: folder.place("a.ts"))
    }

    private static func times(_ demuxer: Demuxer) throws -> [Int64] {
        let packet = try Packet()
        var times: [Int64] = []
        while try demuxer.read(into: packet) { times.append(try #require(packet.decodingTimestamp)) }
        return times
    }

    @Test func packetsComeBeforeTheErrorBehindThem() throws {
        let folder = try TemporaryFolder()
        let demuxer = try BroadcastReadingTests.opened(folder)
        demuxer.context.pointee.pb.pointee.error = -5
        let packet = try Packet()
        for _ in 0..<50 { #expect(try demuxer.read(into: packet)) }
        // And it stays.
        for _ in 0..<2 {
            #expect(throws: MediaError.self) { try demuxer.read(into: packet) }
        }
    }

    @Test func aSeekBeginsAnew() throws {
        let folder = try TemporaryFolder()
        let demuxer = try BroadcastReadingTests.opened(folder)
        let all = try BroadcastReadingTests.times(demuxer)
        try #require(all.count == 50)
        #expect(try demuxer.seek(stream: 0, to: all[0] + 2 * 3600))
        #expect(try BroadcastReadingTests.times(demuxer) == all)
    }
}
