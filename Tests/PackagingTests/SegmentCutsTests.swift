import SeededNumbers
import Testing

@testable import Packaging

@Suite struct SegmentCutsTests {
    private static let frameDurations: [(Int64, Int)] = [
        (1001, 24000), (1001, 30000), (1, 25), (512, 15360), (1001, 60000),
    ]

    @Test(arguments: [11, 12, 13, 14] as [UInt64])
    func cutsAtEveryFirstKeyFrameOfAnIndex(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        for _ in 0..<50 {
            let (duration, scale) = try #require(Self.frameDurations.randomElement(using: &generator))
            var frame: Int64 = 0
            var candidates: [MediaTime] = []
            for _ in 0..<Int.random(in: 1...300, using: &generator) {
                candidates.append(MediaTime(frame * duration, scale: Int64(scale)))
                frame += Int64.random(in: 1...300, using: &generator)
            }
            let target = MediaTime(Int64.random(in: 1...10, using: &generator), scale: 1)
            let cuts = SegmentCuts(candidates: candidates, target: target).times
            #expect(cuts.first == candidates.first)
            #expect(Set(cuts).isSubset(of: Set(candidates)))
            // Floor division in floating point, kept away from exact multiples by construction of the comparison.
            var expected: [MediaTime] = []
            for time in candidates {
                let index = time.value / (target.value * time.scale)
                if expected.last.map({ index > $0.value / (target.value * $0.scale) }) ?? true { expected.append(time) }
            }
            #expect(cuts == expected, "seed \(seed)")
        }
    }

    @Test(arguments: [21, 22, 23] as [UInt64])
    func tracksAgreeAndSegmentsPartition(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        for _ in 0..<20 {
            let (duration, scale) = try #require(Self.frameDurations.randomElement(using: &generator))
            let group = Int.random(in: 1...150, using: &generator)
            let frames = Int.random(in: 1...2000, using: &generator)
            let reordering = Bool.random(using: &generator)
            let doubled = try Fixture.pictures(frames, duration: duration * 2, group: group, reordering: reordering)
            let plain = try Fixture.pictures(frames, duration: duration, group: group, reordering: reordering)
            let filmSeconds = Double(frames) * Double(duration) / Double(scale)
            let soundLength = max(1, Int64(filmSeconds * 48000) + Int64.random(in: -500...20000, using: &generator))
            let sound = try Fixture.sound(samples: soundLength)
            let presentation = try Presentation(tracks: [
                (Fixture.video("large", timeScale: scale), plain),
                (Fixture.video("small", width: 640, height: 360, timeScale: scale * 2), doubled),
                (Fixture.audio(), sound),
            ])
            let (large, small, audio) = (presentation.tracks[0], presentation.tracks[1], presentation.tracks[2])
            #expect(large.segments.map { $0.start * 2 } == small.segments.map(\.start))
            #expect(large.segments.map { $0.duration * 2 } == small.segments.map(\.duration))

            for track in presentation.tracks {
                #expect(track.segments.map(\.number) == Array(1...track.segments.count))
                #expect(track.segments.first?.samples.lowerBound == 0)
                #expect(track.segments.last?.samples.upperBound == track.samples.count)
                var place = 0
                var time: Int64 = 0
                for segment in track.segments {
                    #expect(segment.samples.lowerBound == place && !segment.samples.isEmpty)
                    #expect(segment.start == time && segment.duration > 0)
                    place = segment.samples.upperBound
                    time += segment.duration
                    #expect(try track.run(segment.samples).samples[0].isSync)
                    let seconds = Double(segment.duration) / Double(track.description.timeScale)
                    #expect(seconds <= Double(presentation.targetDuration))
                    let heads = try segment.pieces.map { try track.header(of: $0, in: segment).count }
                    #expect(segment.size == heads.reduce(0, +) + segment.payloadSize)
                }
                #expect(time == track.end)
            }
            #expect(large.end == Int64(frames) * duration)
            #expect(audio.end == soundLength)
            #expect(audio.skippedTicks == 1024)

            // Sound follows the picture's cuts within one frame.
            for (picture, sound) in zip(large.segments, audio.segments) {
                let late = Int128(sound.start) * Int128(scale) - Int128(picture.start) * 48000
                #expect(late >= 0 && late < Int128(1024 * scale), "seed \(seed)")
            }
        }
    }

    @Test func goesOnWhereSoundOutlastsPicture() throws {
        let presentation = try Presentation(tracks: [
            (Fixture.video(), try Fixture.pictures(125, group: 25)),
            (Fixture.audio(), try Fixture.sound(samples: 48000 * 31)),
        ])
        #expect(presentation.tracks[0].segments.map(\.start) == [0, 100])
        let starts = presentation.tracks[1].segments.map { Double($0.start) / 48000 }
        #expect(starts.map { Int($0) } == [0, 4, 8, 12, 16, 20, 24, 28])
        #expect(presentation.targetDuration == 5)
        #expect(presentation.duration == MediaTime(31, scale: 1))
    }

    @Test func cutsSoundAloneAtMultiples() throws {
        let presentation = try Presentation(tracks: [(Fixture.audio(), try Fixture.sound(samples: 48000 * 9))])
        #expect(presentation.tracks[0].segments.map { $0.start / 48000 } == [0, 4, 8])
        #expect(presentation.targetDuration == 5)
    }

    @Test(arguments: [
        (200, [0, 100]), (201, [0, 100]), (212, [0, 100]), (213, [0, 100, 200]), (300, [0, 100, 200]),
    ])
    func joinsAnEndOfLessThanHalfASecond(frames: Int, starts: [Int64]) throws {
        let presentation = try Presentation(tracks: [
            (Fixture.video(), try Fixture.pictures(frames, group: 50)),
            (Fixture.audio(), try Fixture.sound(samples: Int64(frames) * 1920)),
        ])
        #expect(presentation.targetDuration == 5)
        #expect(presentation.tracks[0].segments.map(\.start) == starts)
        #expect(presentation.tracks[1].segments.count == starts.count)
    }

    @Test func cutsOnlyAtCommonKeyFrames() throws {
        let presentation = try Presentation(tracks: [
            (Fixture.video("every-2s"), try Fixture.pictures(600, group: 50)),
            (Fixture.video("every-3s"), try Fixture.pictures(600, group: 75)),
        ])
        #expect(presentation.tracks[0].segments.map(\.start) == [0, 150, 300, 450])
        #expect(presentation.tracks[1].segments.map(\.start) == [0, 150, 300, 450])
    }

    /// Pictures shown before the key frame they are decoded after (an open group) need the group before: a segment may
    /// not begin there.
    @Test func neverCutsBeforeLeadingPictures() {
        func sample(_ decode: Int64, _ present: Int64, _ sync: Bool) -> Sample {
            Sample(decodeTime: decode, duration: 1, compositionOffset: Int32(present - decode), size: 1, isSync: sync)
        }
        let open = [
            sample(0, 1, true), sample(1, 2, false), sample(2, 4, true), sample(3, 3, false), sample(4, 5, true),
        ]
        var access = AccessPoints()
        for sample in open { access.add(sample) }
        #expect(access.points.map(\.sample) == [0, 4])
    }
}
