import FilmThreads
import JSON
import MediaFiles
import StepContracts
import Testing

@testable import MediaSteps

@Suite("Ladder")
struct LadderTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let width: Int
        let height: Int
        let rungs: [String]
        var testDescription: String { "\(width)x\(height)" }
    }

    static let rows: [Row] = [
        Row(width: 1920, height: 1080, rungs: ["1080p 1920x1080", "720p 1280x720", "480p 854x480", "360p 640x360"]),
        Row(width: 3840, height: 2160, rungs: ["1080p 1920x1080", "720p 1280x720", "480p 854x480", "360p 640x360"]),
        Row(width: 1080, height: 1920, rungs: ["1080p 1080x1920", "720p 720x1280", "480p 480x854", "360p 360x640"]),
        Row(width: 1280, height: 720, rungs: ["720p 1280x720", "480p 854x480", "360p 640x360"]),
        Row(width: 1920, height: 800, rungs: ["1080p 1920x800", "720p 1280x534", "480p 854x356", "360p 640x266"]),
        Row(width: 720, height: 480, rungs: ["480p 720x480", "360p 540x360"]),
        Row(width: 640, height: 360, rungs: ["360p 640x360"]),
        // The 480p of this one would be nearly the film itself.
        Row(width: 860, height: 484, rungs: ["484p 860x484", "360p 640x360"]),
        Row(width: 960, height: 540, rungs: ["540p 960x540", "480p 854x480", "360p 640x360"]),
        Row(width: 540, height: 960, rungs: ["540p 540x960", "480p 480x854", "360p 360x640"]),
        Row(width: 1916, height: 1076, rungs: ["1080p 1916x1076", "720p 1280x718", "480p 854x480", "360p 640x360"]),
        Row(width: 1000, height: 480, rungs: ["563p 1000x480", "480p 854x410", "360p 640x308"]),
        Row(width: 321, height: 181, rungs: ["180p 320x180"]),
        Row(width: 1, height: 1, rungs: ["2p 2x2"]),
        Row(width: 8192, height: 64, rungs: ["1080p 1920x16", "720p 1280x10", "480p 854x6", "360p 640x6"]),
    ]

    @Test("rungs are not above the film, even, and differ enough", arguments: rows)
    func rungs(_ row: Row) {
        let ladder = Ladder(width: row.width, height: row.height)
        #expect(ladder.rungs.map { "\($0.name) \($0.width)x\($0.height)" } == row.rungs)
        #expect(ladder.rungs.allSatisfy { $0.width % 2 == 0 && $0.height % 2 == 0 })
        #expect(Set(ladder.rungs.map(\.name)).count == ladder.rungs.count)
        #expect(zip(ladder.rungs, ladder.rungs.dropFirst()).allSatisfy { $0.peakBitRate > $1.peakBitRate })
    }

    @Test(
        "keyframes come every two seconds, counted in pictures",
        arguments: [
            (Rational(24, 1), 48), (Rational(24000, 1001), 48), (Rational(30000, 1001), 60), (Rational(50, 1), 100),
            (Rational(179, 6), 60), (Rational(1, 5), 1),
        ])
    func keyframes(rate: Rational, interval: Int) {
        #expect(Ladder.keyframeInterval(frameRate: rate) == interval)
    }

    @Test("other codecs have rungs above 1080p, below H.264's peaks, and share what sizes they have in common")
    func codecs() {
        let ladder = Ladder(width: 3840, height: 2160, codecs: [.h264, .hevc, .av1], isHighDynamicRange: true)
        let names = ladder.rungs.map(\.name)
        #expect(names.prefix(5) == ["1080p", "720p", "480p", "360p", "hevc-2160p"])
        #expect(names.filter { $0.hasPrefix("av1-") }.count == 6)
        #expect(ladder.rungs.allSatisfy { $0.isHighDynamicRange == ($0.codec != .h264) })
        let forms = ladder.forms
        #expect(forms.count == 10)
        #expect(forms.flatMap(\.rungs).sorted() == Array(ladder.rungs.indices))
        for (plain, other) in zip(ladder.rungs.prefix(4), ladder.rungs.filter { $0.codec == .av1 }.suffix(4)) {
            #expect(plain.width == other.width && other.peakBitRate < plain.peakBitRate)
        }
    }

    @Test("threads are shared by effort, at least one each; rungs of H.264 have one", arguments: [1, 2, 8, 64])
    func threads(total: Int) {
        let shares = Ladder(width: 1920, height: 1080, codecs: [.h264, .hevc]).threads(of: total)
        #expect(shares.count == 8)
        #expect(shares.prefix(4).allSatisfy { $0 == 1 })
        #expect(shares.suffix(4).allSatisfy { (1...total).contains($0) })
        #expect(Array(shares.suffix(4)) == shares.suffix(4).sorted(by: >))
        #expect((shares[4] > 1) == (total > 2))
    }

    @Test(
        "rungs are shared out over lanes, the largest first",
        arguments: [
            ([6], 1, [0]), ([6, 3, 2, 1], 1, [0, 0, 0, 0]), ([6, 3, 2, 1], 2, [0, 1, 1, 1]),
            ([6, 3, 2, 1], 3, [0, 1, 2, 2]), ([1, 2, 3, 6], 2, [1, 1, 1, 0]), ([6, 6, 3, 3], 2, [0, 1, 0, 1]),
        ] as [([Double], Int, [Int])])
    func lanes(efforts: [Double], count: Int, places: [Int]) {
        #expect(EncodingLanes.places(efforts: efforts, lanes: count) == places)
    }

    @Test("what a search may try follows from its share of the encode")
    func searchShare() {
        let plain = Ladder(width: 1920, height: 1080).rungs
        let most = LadderSearch.affordable(0.1, of: 10_000, plain)
        // Each rung twice and six times a ninth of the pixels, each a third dearer than in the encode.
        #expect((260...290).contains(most), "\(most)")
        #expect(LadderSearch.affordable(0.2, of: 10_000, plain) / 2 == most)
        #expect(LadderSearch.affordable(0.1, of: 10_000, Array(plain.suffix(1))) == 93)
        #expect(LadderSearch.affordable(0.1, of: 10_000, []) == 0)
    }
}

@Suite("Media contracts", .filmThreads)
struct ContractTests {
    @Test("every step of the room has its contract, and every media contract a runner")
    func contracts() {
        for step in MediaSteps.all {
            #expect(StepContract.named(step.contract.name)?.resource == step.contract.resource)
            #expect(MediaSteps.named(step.contract.name) != nil)
        }
        let own = Set(MediaSteps.all.map { $0.contract.name })
        #expect(Set(StepContract.media.filter { $0.runner == .mediaWorker }.map(\.name)) == own)
        #expect(StepContract.named("publish")?.runner == .engine)
        #expect(StepContract.named("no-such-step") == nil)
        #expect(Set(StepContract.all.map(\.name)).count == StepContract.all.count)
    }

    @Test("what the steps give has what their contracts promise")
    func outputs() throws {
        let work = try Workplace()
        let source = try work.makeClip("a.mp4", size: "320x180")
        for step in [ValidateStep(), TranscodeStep(), ThumbnailStep()] as [any LocalStep] {
            let contract = type(of: step).contract
            let output = try work.run(step, on: source, out: contract.name)
            for field in contract.output where field.isRequired {
                let member = try #require(output[field.name], "\(contract.name) gives '\(field.name)'")
                #expect(field.accepts(member))
            }
        }
    }

    @Test("validate's document of a film, whole")
    func document() throws {
        let work = try Workplace()
        let source = try work.makeClip(
            "a.mkv", size: "320x240", rate: "30000/1001",
            audio: ["-f", "lavfi", "-i", "sine=sample_rate=48000:duration=1"],
            ["-vf", "setsar=4/3", "-c:a", "pcm_s16le", "-metadata:s:a:0", "language=ger"])
        var document = try work.validate(source)
        // What depends on the encoder's version is checked by kind, and taken out.
        let stored = try #require(document["source"])
        #expect(stored["url"] == "https://uploads.example/film")
        #expect(stored["bytes"]?.integerValue ?? 0 > 1000)
        #expect(try work.run("sha256sum", [source]).hasPrefix(stored["sha256"]?.stringValue ?? "none"))
        #expect(document["bitRate"]?.integerValue ?? 0 > 10000)
        document["source"] = nil
        document["bitRate"] = nil
        #expect(
            document.prettyText == """
                {
                  "container": "matroska,webm",
                  "durationSeconds": 1.001,
                  "video": {
                    "index": 0,
                    "codec": "h264",
                    "profile": "Constrained Baseline",
                    "width": 320,
                    "height": 240,
                    "displayWidth": 427,
                    "displayHeight": 240,
                    "frameRate": "30000/1001",
                    "constantFrameRate": true,
                    "regularFrameRate": "30000/1001",
                    "frames": 30,
                    "rotation": 0,
                    "sampleAspectRatio": "4:3",
                    "pixelFormat": "yuv420p",
                    "bitDepth": 8,
                    "highDynamicRange": false,
                    "fieldOrder": "progressive",
                    "startSeconds": 0.0,
                    "durationSeconds": 1.001,
                    "scan": "progressive",
                    "firstTimestamp": 0,
                    "lastTimestamp": 968,
                    "black": [],
                    "frozen": [],
                    "decoded": {
                      "frames": 30,
                      "damaged": 0
                    }
                  },
                  "audio": [
                    {
                      "index": 1,
                      "codec": "pcm_s16le",
                      "sampleRate": 48000,
                      "channels": 1,
                      "channelLayout": "mono",
                      "language": "ger",
                      "startSeconds": 0.0,
                      "durationSeconds": 0.999,
                      "loudness": {
                        "integrated": -21.8,
                        "truePeak": -18.1,
                        "range": 0.0
                      },
                      "silence": []
                    }
                  ],
                  "subtitles": [],
                  "parts": [],
                  "checks": [
                    {
                      "name": "pixelAspect",
                      "severity": "fix",
                      "message": "Samples are 4:3; the pictures are shown as 427x240."
                    }
                  ],
                  "limits": {
                    "durationSeconds": 43200.0,
                    "streams": 64,
                    "pictureSide": 8192,
                    "picturePixels": 35389440,
                    "framesPerSecond": 240.0,
                    "pixelsPerSecond": 2123366400.0,
                    "audioChannels": 64,
                    "decodeRatio": 30.0
                  }
                }
                """)
    }

    @Test("a local file's probe is validate's document without its source")
    func probe() throws {
        let work = try Workplace()
        let source = try work.makeClip("a.mp4", size: "320x180")
        var document = try work.validate(source)
        document["source"] = nil
        #expect(try ValidateStep.probe(path: source) == document)
    }
}
