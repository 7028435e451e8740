import CMedia
import CMediaShims
import Testing

@testable import MediaFiles

/// Packets made by hand: pictures in stream 0, sound in 1, subtitles in 2; times in milliseconds.
@Suite struct BroadcastQueueTests {
    static let (pictures, sound, subtitles) = (0, 1, 2)

    private static func queue(mostPackets: Int = 4096, mostBytes: Int = 64 << 20) throws -> BroadcastQueue {
        let context = try #require(avformat_alloc_context())
        defer { avformat_free_context(context) }
        let kinds = [AVMEDIA_TYPE_VIDEO, AVMEDIA_TYPE_AUDIO, AVMEDIA_TYPE_SUBTITLE]
        let streams = try kinds.map { kind in
            let stream = try #require(avformat_new_stream(context, nil))
            stream.pointee.codecpar.pointee.codec_type = kind
            stream.pointee.time_base = AVRational(num: 1, den: 1000)
            return StreamInfo(stream)
        }
        return BroadcastQueue(streams, limits: .standard, mostPackets: mostPackets, mostBytes: mostBytes)
    }

    private static func packet(
        _ stream: Int, decoded: Int64?, shown: Int64? = nil, duration: Int64 = 24, bytes: Int32 = 8
    ) throws -> Packet {
        let packet = try Packet()
        try #require(av_new_packet(packet.pointer, bytes) == 0)
        packet.pointer.pointee.stream_index = Int32(stream)
        packet.pointer.pointee.dts = decoded ?? media_no_timestamp()
        packet.pointer.pointee.pts = shown ?? decoded ?? media_no_timestamp()
        packet.pointer.pointee.duration = duration
        return packet
    }

    /// What comes out until one has to wait: streams and decoding times.
    private static func drain(_ queue: inout BroadcastQueue) throws -> [(stream: Int, decoded: Int64?)] {
        let packet = try Packet()
        var out: [(stream: Int, decoded: Int64?)] = []
        while queue.next(into: packet) {
            out.append((packet.streamIndex, packet.decodingTimestamp))
            packet.clear()
        }
        return out
    }

    @Test func picturesWaitForThoseByWhichTheirTimesAreTold() throws {
        var queue = try Self.queue()
        var out: [[Int64?]] = []
        for time in [0, 40, 80, 9000, 160, 200, 240] as [Int64] {
            queue.add(try Self.packet(Self.pictures, decoded: time))
            out.append(try Self.drain(&queue).map(\.decoded))
        }
        #expect(out == [[], [], [], [], [0, 40, 80], [120], [160]])
        queue.letGoAll()
        #expect(try Self.drain(&queue).map(\.decoded) == [200, 240])
    }

    @Test func damagedTimesAreMendedWhereverTheyAreShown() throws {
        var queue = try Self.queue()
        for (decoded, shown) in [(0, 80), (40, 200), (9080, 9080), (9120, 9120), (160, 320), (200, 200), (240, 240)] {
            queue.add(try Self.packet(Self.pictures, decoded: Int64(decoded), shown: Int64(shown)))
        }
        queue.letGoAll()
        let packet = try Packet()
        var times: [[Int64?]] = []
        while queue.next(into: packet) { times.append([packet.decodingTimestamp, packet.timestamp]) }
        #expect(times == [[0, 80], [40, 200], [80, 80], [120, 120], [160, 320], [200, 200], [240, 240]])
    }

    @Test func soundIsMovedOnceItGoesOn() throws {
        var queue = try Self.queue()
        for time in [0, 24, 48] as [Int64] { queue.add(try Self.packet(Self.sound, decoded: time)) }
        queue.letGoAll()
        #expect(try Self.drain(&queue).map(\.decoded) == [0, 24, 48])
        queue.add(try Self.packet(Self.sound, decoded: 9000))
        queue.add(try Self.packet(Self.sound, decoded: 9024))
        #expect(try Self.drain(&queue).isEmpty)
        queue.add(try Self.packet(Self.sound, decoded: 120))
        #expect(try Self.drain(&queue).map(\.decoded) == [72, 96, 120])
    }

    @Test func theOrderOfTheFileIsKeptBetweenStreams() throws {
        var queue = try Self.queue()
        var streams: [Int] = []
        for index in 0..<60 as Range<Int64> {
            let stream = [Self.pictures, Self.sound, Self.subtitles, Self.sound][Int(index % 4)]
            queue.add(try Self.packet(stream, decoded: index * 10, duration: 20))
            streams.append(stream)
        }
        queue.letGoAll()
        let out = try Self.drain(&queue)
        #expect(out.map(\.stream) == streams)
        #expect(out.map(\.decoded) == (0..<60).map { $0 * 10 })
    }

    @Test func packetsWithoutADecodingTimeWaitForNoneButThoseInFront() throws {
        var queue = try Self.queue()
        queue.add(try Self.packet(Self.pictures, decoded: nil))
        queue.add(try Self.packet(Self.sound, decoded: nil))
        #expect(try Self.drain(&queue).map(\.stream) == [Self.pictures, Self.sound])
        queue.add(try Self.packet(Self.pictures, decoded: 0))
        queue.add(try Self.packet(Self.pictures, decoded: nil))
        #expect(try Self.drain(&queue).isEmpty)
        queue.letGoAll()
        #expect(try Self.drain(&queue).map(\.decoded) == [0, nil])
    }

    /// As of a stream that came up in the middle.
    @Test func unknownStreamsDoNotWait() throws {
        var queue = try Self.queue()
        queue.add(try Self.packet(7, decoded: 5))
        #expect(try Self.drain(&queue).map(\.stream) == [7])
    }

    @Test func streamsThatAreNotSelectedHoldNobody() throws {
        var queue = try Self.queue()
        for time in 0..<5 as Range<Int64> {
            queue.add(try Self.packet(Self.sound, decoded: 24 * time))
            queue.add(try Self.packet(Self.pictures, decoded: 40 * time))
        }
        #expect(try Self.drain(&queue).isEmpty)
        queue.keep(streams: [Self.pictures])
        #expect(try Self.drain(&queue).map(\.decoded) == [0, 40, 80])
        // Of sound nothing is known any more, if it is selected again.
        queue.keep(streams: [Self.pictures, Self.sound])
        queue.letGoAll()
        _ = try Self.drain(&queue)
        queue.add(try Self.packet(Self.sound, decoded: 90_000))
        queue.letGoAll()
        #expect(try Self.drain(&queue).map(\.decoded) == [90_000])
    }

    @Test func nothingIsLeftBehindASeek() throws {
        var queue = try Self.queue()
        for time in 0..<8 as Range<Int64> {
            queue.add(try Self.packet(Self.pictures, decoded: 9000 + 40 * time))
            queue.add(try Self.packet(Self.sound, decoded: 9000 + 24 * time))
        }
        queue.clear()
        #expect(try Self.drain(&queue).isEmpty)
        for time in 0..<5 as Range<Int64> { queue.add(try Self.packet(Self.pictures, decoded: 40 * time)) }
        queue.letGoAll()
        #expect(try Self.drain(&queue).map(\.decoded) == [0, 40, 80, 120, 160])
    }

    /// Sound falls silent; pictures wait for no more than their own.
    @Test func whereTooManyWaitTheFirstGoesOnAlone() throws {
        var queue = try Self.queue(mostPackets: 10)
        queue.add(try Self.packet(Self.sound, decoded: 0))
        for time in 0..<9 as Range<Int64> { queue.add(try Self.packet(Self.pictures, decoded: 40 * time)) }
        #expect(try Self.drain(&queue).isEmpty)
        queue.add(try Self.packet(Self.pictures, decoded: 360))
        let out = try Self.drain(&queue)
        #expect(out.map(\.stream) == [Self.sound] + Array(repeating: Self.pictures, count: 8))
        // The last two still wait for those by which their times are told.
        queue.add(try Self.packet(Self.pictures, decoded: 9000))
        queue.add(try Self.packet(Self.pictures, decoded: 440))
        queue.add(try Self.packet(Self.pictures, decoded: 480))
        #expect(try Self.drain(&queue).map(\.decoded) == [320, 360, 400])
    }

    /// A packet may be a few bytes of a large buffer, which lives as long.
    @Test func whatPacketsHoldIsCountedAndNotTheirContent() throws {
        var queue = try Self.queue(mostBytes: 4 << 20)
        for time in 0..<4 as Range<Int64> {
            let packet = try Self.packet(Self.sound, decoded: 24 * time, bytes: 1 << 20)
            av_shrink_packet(packet.pointer, 8)
            queue.add(packet)
        }
        #expect(try Self.drain(&queue).count == 1)
        queue.letGoAll()
        #expect(try Self.drain(&queue).count == 3)
    }
}
