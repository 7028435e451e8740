import SeededNumbers
import Synchronization
import Testing

@testable import Packaging

/// A package in memory: headers as they are written, zeros for the samples' data.
private struct MemoryPackage: Sendable {
    var files: [String: [UInt8]] = [:]

    init(_ presentation: Presentation) throws {
        for track in presentation.tracks {
            files[track.initializationPath] = track.initializationSegment
            for segment in track.segments {
                var bytes: [UInt8] = []
                for piece in segment.pieces {
                    bytes += try track.header(of: piece, in: segment)
                    let data = try track.run(piece.samples).samples.reduce(0) { $0 + Int($1.size) }
                    bytes += [UInt8](repeating: 0, count: data)
                }
                files[track.path(of: segment), default: []] += bytes
            }
            files[track.playlistPath] = Array(HLSPlaylists(presentation).media(of: track).utf8)
            if let path = track.picturePlaylistPath {
                files[path] = Array(HLSPlaylists(presentation).pictures(of: track).utf8)
            }
        }
        for text in presentation.texts {
            for segment in text.segments { files[text.path(of: segment)] = Array(segment.text.utf8) }
            files[text.wholePath] = Array(text.wholeText.utf8)
            files[text.playlistPath] = Array(HLSPlaylists(presentation).media(of: text).utf8)
        }
        files[Presentation.masterPlaylistPath] = Array(HLSPlaylists(presentation).multivariant.utf8)
        files[Presentation.manifestPath] = Array(DASHManifest(presentation).text.utf8)
    }

    mutating func replace(_ text: String, by other: String, in path: String) throws {
        let old = String(decoding: try #require(files[path]), as: UTF8.self)
        let range = try #require(old.firstRange(of: text), "\(path) has no '\(text)'")
        files[path] = Array((String(old[..<range.lowerBound]) + other + String(old[range.upperBound...])).utf8)
    }

    struct Missing: Error {}

    func inspect(_ addresses: String...) async -> PackageInspection {
        let files = files
        var inspection = PackageInspection { address, range in
            guard let bytes = files[address] else { throw Missing() }
            guard let range else { return bytes }
            return Array(bytes[min(range.lowerBound, bytes.count)..<min(range.upperBound, bytes.count)])
        }
        for address in addresses { await inspection.inspect(address) }
        inspection.compare()
        return inspection
    }
}

@Suite struct InspectionTests {
    private static func presentation(_ addressing: SegmentAddressing = .files) throws -> Presentation {
        try ProtectionTests.film(.cbcs, clearLead: MediaTime(2, scale: 1), addressing: addressing)
    }

    @Test(arguments: [SegmentAddressing.files, .byteRanges], ProtectionScheme.allCases)
    func findsNothingInWhatIsWritten(addressing: SegmentAddressing, scheme: ProtectionScheme) async throws {
        let film = try ProtectionTests.film(scheme, clearLead: MediaTime(2, scale: 1), addressing: addressing)
        let inspection = try await MemoryPackage(film).inspect("master.m3u8", "manifest.mpd")
        for section in inspection.sections { #expect(section.findings.isEmpty, "\(section.address)") }
        #expect(inspection.sections.count == 6)
    }

    /// Playlists, manifest and boxes of whatever film say the same of it, and break no rule.
    @Test(arguments: 0..<16)
    func findsNothingInAnyFilm(seed: Int) async throws {
        var random = SplitMix64(seed: UInt64(seed))
        let rates: [(Int64, Int)] = [(1001, 24000), (1001, 30000), (1, 25), (1001, 60000), (512, 12800)]
        let (duration, scale) = try #require(rates.randomElement(using: &random))
        let frames = seed == 0 ? 1 : Int.random(in: 1...700, using: &random)
        let group = Int.random(in: 1...120, using: &random)
        let reordering = frames > 1 && Bool.random(using: &random)
        var tracks: [TrackInput] = []
        for rung in 0..<Int.random(in: 1...3, using: &random) {
            let weight = Int.random(in: 300...900, using: &random) << rung
            tracks.append(
                TrackInput(
                    description: try Fixture.video(
                        "video-\(rung)", width: 256 << rung, height: 144 << rung, timeScale: scale),
                    samples: try Fixture.pictures(frames, duration: duration, group: group, reordering: reordering) {
                        weight + $0 % 13 * 40
                    }))
        }
        let length = max(1, Int64(frames) * duration * 48000 / Int64(scale))
        for language in ["en", "de", "fr", "ja", "pt-BR"].prefix(Int.random(in: 0...5, using: &random)) {
            tracks.append(
                TrackInput(
                    description: try Fixture.audio("audio-\(language)", language: language),
                    samples: try Fixture.sound(samples: length)))
        }
        let addressing = try #require([SegmentAddressing.files, .byteRanges].randomElement(using: &random))
        let film = try Presentation(tracks: tracks, options: PackagingOptions(addressing: addressing))
        let inspection = try await MemoryPackage(film).inspect("master.m3u8", "manifest.mpd")
        for section in inspection.sections {
            #expect(section.findings.isEmpty, "seed \(seed), \(section.address): \(section.findings)")
        }
        // The multivariant playlist, the manifest, and of each track its playlist; of pictures a second one.
        #expect(inspection.sections.count >= 2 + tracks.count, "seed \(seed)")
    }

    struct Damage: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let path: String
        let text: String
        let other: String
        let line: Int?
        let says: String

        init(_ name: String, _ path: String, _ text: String, _ other: String, line: Int?, _ says: String) {
            testDescription = name
            self.path = path
            self.text = text
            self.other = other
            self.line = line
            self.says = says
        }
    }

    @Test(arguments: [
        Damage("bandwidth", "master.m3u8", ":BANDWIDTH=3", ":BANDWIDTH=2", line: 9, "under the measured peak"),
        Damage("average", "master.m3u8", "AVERAGE-BANDWIDTH=", "AVERAGE-BANDWIDTH=1", line: 9, "AVERAGE-BANDWIDTH"),
        Damage("codecs", "master.m3u8", "avc1.64001f,", "avc1.640028,", line: 9, "does not name avc1.64001f"),
        Damage("group", "master.m3u8", "AUDIO=\"audio\"", "AUDIO=\"sound\"", line: 9, "names the group 'sound'"),
        Damage("a missing playlist", "master.m3u8", "audio-en/index", "audio-fr/index", line: nil, "cannot be read"),
        Damage("no start", "video-720p/index.m3u8", "#EXTM3U", "#EXTMU", line: 1, "#EXTM3U"),
        Damage("duration", "video-720p/index.m3u8", "INF:4.000000", "INF:4.100000", line: 8, "the media last 4.000000"),
        Damage("target", "video-720p/index.m3u8", "DURATION:5", "DURATION:3", line: 8, "the target duration is 3"),
        Damage("order", "video-720p/index.m3u8", "seg-2", "seg-3", line: 14, "the one before ends at"),
        Damage("a missing segment", "video-720p/index.m3u8", "seg-2", "seg-9", line: 14, "cannot be read"),
        Damage("version", "video-720p/index.m3u8", "VERSION:7", "VERSION:3", line: 2, "needs 6"),
        Damage("the end", "video-720p/index.m3u8", "#EXT-X-ENDLIST\n", "", line: nil, "must end with"),
        Damage("a picture's range", "video-720p/iframes.m3u8", "@80", "@81", line: 10, "video-720p/seg-1.m4s"),
        Damage("MPD bandwidth", "manifest.mpd", "bandwidth=\"2", "bandwidth=\"1", line: nil, "does not hold"),
        Damage("MPD duration", "manifest.mpd", "d=\"100\"", "d=\"104\"", line: nil, "said to last"),
        Damage("MPD key", "manifest.mpd", "default_KID=\"0011", "default_KID=\"1011", line: nil, "names its key"),
        Damage("MPD codecs", "manifest.mpd", "avc1.64001f", "avc1.640028", line: nil, "are avc1.64001f"),
        Damage("MPD syntax", "manifest.mpd", "</Period>", "</Era>", line: nil, "is ended by 'Era'"),
    ])
    func findsDamage(damage: Damage) async throws {
        var package = try MemoryPackage(Self.presentation())
        try package.replace(damage.text, by: damage.other, in: damage.path)
        let inspection = await package.inspect("master.m3u8", "manifest.mpd")
        let findings = inspection.sections.flatMap(\.findings)
        #expect(
            findings.contains {
                $0.message.contains(damage.says) && (damage.line == nil || $0.line == damage.line)
            }, "\(findings)")
        #expect(inspection.errors > 0)
    }

    @Test func findsAFragmentThatBeginsElsewhere() async throws {
        let film = try Self.presentation()
        var package = try MemoryPackage(film)
        let path = film.tracks[0].path(of: film.tracks[0].segments[1])
        let bytes = try #require(package.files[path])
        let box = try #require(try BoxTree.read(bytes).first { $0.type == "moof" }?.descendant("traf", "tfdt"))
        package.files[path]?[box.offset + box.size - 1] += 1
        let inspection = await package.inspect("master.m3u8")
        #expect(inspection.sections.flatMap(\.findings).contains { $0.message.contains("the one before ends at") })
        let file = await package.inspect(path)
        #expect(file.sections[0].lines.contains { $0.contains("moof") })
    }

    @Test func listsAFile() async throws {
        let inspection = try await MemoryPackage(try Self.presentation(.byteRanges)).inspect("video-720p/media.mp4")
        let lines = try #require(inspection.sections.first).lines
        #expect(inspection.errors == 0)
        for part in ["tenc", "kid \(ProtectionTests.keyID)", "pattern 1:9", "sidx", "fragment 1:", "avc1.64001f"] {
            #expect(lines.contains { $0.contains(part) }, "\(part)")
        }
    }

    @Test(
        arguments: [
            ("a box of four bytes", [0, 0, 0, 4, 0x66, 0x72, 0x65, 0x65], 0),
            ("a box beyond the end", [0, 0, 0, 9, 0x66, 0x72, 0x65, 0x65], 0),
            ("bytes left over", [0, 0, 0, 8, 0x66, 0x72, 0x65, 0x65, 0, 0], 8),
            (
                "a box inside beyond its box",
                [0, 0, 0, 16, 0x6D, 0x6F, 0x6F, 0x66, 0, 0, 0, 9, 0x74, 0x72, 0x61, 0x66], 8
            ),
        ] as [(String, [UInt8], Int)])
    func tellsWhereABoxIsWrong(name: String, bytes: [UInt8], offset: Int) throws {
        let error = try #require(throws: BoxError.self, "\(name)") { try BoxTree.read(bytes) }
        #expect(error.offset == offset, "\(error)")
    }

    /// What is written is read back the same, for tracks of any times and sizes.
    @Test(arguments: 0..<40)
    func readsBackWhatWasWritten(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        let group = Int.random(in: 1...40, using: &random)
        var index = SampleIndex()
        var time: Int64 = 0
        for frame in 0..<Int.random(in: 1...200, using: &random) {
            try index.append(
                decodeTime: time, presentationTime: time + Int64.random(in: 0...3, using: &random),
                size: Int.random(in: 1...5000, using: &random), isSync: frame % group == 0)
            time += Int64.random(in: 1...30, using: &random)
        }
        let presentation = try Presentation(tracks: [
            (Fixture.video(timeScale: 600), try index.samples(mediaDuration: nil))
        ])
        let track = presentation.tracks[0]
        let head = track.initializationSegment
        let header = try HeaderFacts(head, try BoxTree.read(head))
        #expect(header.timeScale == 600 && header.handler == "vide" && header.codecs == track.description.codecs)
        #expect(header.skippedTicks == Int(track.skippedTicks))
        for segment in track.segments {
            var place = segment.samples.lowerBound
            for piece in segment.pieces {
                let bytes = try track.header(of: piece, in: segment)
                let box = try #require(try BoxTree.read(bytes).first { $0.type == "moof" })
                let facts = try FragmentFacts(box, bytes, header: header)
                let samples = try track.run(piece.samples).samples
                #expect(facts.samples == samples.count && piece.samples.lowerBound == place)
                #expect(facts.decodeTime == Int(samples[0].decodeTime + track.skippedTicks))
                #expect(facts.duration == samples.reduce(0) { $0 + Int($1.duration) })
                #expect(facts.payloadSize == samples.reduce(0) { $0 + Int($1.size) })
                #expect(facts.startsWithSync == samples[0].isSync)
                place += samples.count
            }
            #expect(place == segment.samples.upperBound)
        }
    }
}
