import FilmThreads
import Foundation
import JSON
import MediaSteps
import TemporaryFolder
import Testing

/// What ffmpeg plays from the package is what it plays from the film.
@Suite(.filmThreads) struct PlaybackTests {
    @Test(arguments: Clip.all)
    func playsLikeTheFilm(clip: Clip) throws {
        let scratch = try TemporaryFolder()
        let film = scratch.path + "/film.mp4"
        let out = scratch.path + "/out"
        try clip.write(to: film)
        try MovieSamplesTests.compare(film, "\(clip)")
        let document = try LocalPackage.run(
            [LocalPackage.Input(argument: film)], writesHLS: true, writesDASH: true, directory: out)
        let master = out + "/master.m3u8"
        let manifest = out + "/manifest.mpd"

        // All of it, without a message.
        for file in [master, manifest] { try Tool.ffmpeg(["-i", file, "-map", "0", "-f", "null", "-"]) }

        // Addresses are relative: from the folder, and from the one above it.
        for folder in [out, scratch.path] {
            for name in ["master.m3u8", "manifest.mpd"] {
                let relative = folder == out ? name : "out/\(name)"
                let played = try Tool.run(
                    "ffmpeg", ["-nostdin", "-v", "error", "-xerror", "-i", relative, "-f", "null", "-"], in: folder)
                #expect(played.status == 0 && played.messages == "", "\(relative)")
            }
        }

        let pictures = try Tool.frameDigests(film, stream: "v:0")
        #expect(pictures.count == clip.frames)
        #expect(try Tool.frameDigests(master, stream: "v:0") == pictures)
        #expect(try Tool.frameDigests(manifest, stream: "v:0") == pictures)

        // Each packet's time, from both manifests, is the film's to the tick.
        let times = try Tool.ffprobe(film, stream: "v:0", entries: "packet=pts_time,flags").sorted()
        #expect(times.contains { $0.hasPrefix("0.000000,") })
        for file in [master, manifest] {
            #expect(
                try Tool.ffprobe(file, stream: "v:0", entries: "packet=pts_time,flags").sorted() == times, "\(file)")
        }

        for index in clip.languages.indices {
            let stream = "a:\(index)"
            let expected = try Tool.ffprobe(film, stream: stream, entries: "packet=pts_time")
            for file in [master, manifest] {
                #expect(try Tool.ffprobe(file, stream: stream, entries: "packet=pts_time") == expected, "\(file)")
                // libavformat's segment readers leave the priming to be heard before zero; its end is exact to a frame.
                let frame = 1024 * clip.channels * 2
                let difference = try Tool.soundBytes(file, stream: stream) - Tool.soundBytes(film, stream: stream)
                #expect((0...2 * frame).contains(difference), "\(file)")
            }
        }

        let duration = try #require(document["durationSeconds"]?.doubleValue)
        let filmDuration = try Tool.ffprobe(film, stream: "v:0", entries: "stream=duration").compactMap(Double.init)
        #expect(abs(duration - (filmDuration.first ?? 0)) < 0.001 || !clip.languages.isEmpty)
        for rendition in document["renditions"]?.arrayValue ?? [] {
            let name = try #require(rendition["name"]?.stringValue)
            let playlist = try Playlist(path: "\(out)/\(name)/index.m3u8")
            let seconds = try #require(rendition["durationSeconds"]?.doubleValue)
            #expect(abs(playlist.durations.reduce(0, +) - seconds) < 1e-5, "\(name)")
            #expect(playlist.durations.allSatisfy { $0 <= Double(playlist.targetDuration) }, "\(name)")
        }
    }

    /// BANDWIDTH and AVERAGE-BANDWIDTH against the files that lie there, by the definition and the long way.
    @Test func bandwidthsAreThoseOfTheFiles() throws {
        let scratch = try TemporaryFolder()
        let film = scratch.path + "/film.mp4"
        let out = scratch.path + "/out"
        var clip = Clip(name: "bandwidth", rate: "30000/1001", frames: 700, group: 45)
        clip.languages = ["eng", "deu"]
        try clip.write(to: film)
        let document = try LocalPackage.run(
            [LocalPackage.Input(argument: film)], writesHLS: true, writesDASH: true, directory: out)

        var peaks: [String: Double] = [:]
        var averages: [String: Double] = [:]
        for rendition in document["renditions"]?.arrayValue ?? [] {
            let name = try #require(rendition["name"]?.stringValue)
            let playlist = try Playlist(path: "\(out)/\(name)/index.m3u8")
            let bits = try playlist.segments.map { try Double(size(of: "\(out)/\(name)/\($0)")) * 8 }
            for first in bits.indices {
                for last in first..<bits.count {
                    let seconds = playlist.durations[first...last].reduce(0, +)
                    let target = Double(playlist.targetDuration)
                    guard seconds >= target / 2, seconds <= target * 1.5 else { continue }
                    peaks[name] = max(peaks[name] ?? 0, bits[first...last].reduce(0, +) / seconds)
                }
            }
            averages[name] = bits.reduce(0, +) / playlist.durations.reduce(0, +)
            #expect(rendition["bandwidth"]?.doubleValue.map { abs($0 - (peaks[name] ?? 0)) < 2 } ?? false, "\(name)")
        }
        let sound = ["audio-en", "audio-de"]
        let peak = (peaks["video-90p"] ?? 0) + (sound.compactMap { peaks[$0] }.max() ?? 0)
        let average = (averages["video-90p"] ?? 0) + (sound.compactMap { averages[$0] }.max() ?? 0)
        let master = try text("\(out)/master.m3u8")
        let said = try #require(master.firstMatch(of: /BANDWIDTH=(\d+),AVERAGE-BANDWIDTH=(\d+)/))
        #expect(abs((Double(said.1) ?? 0) - peak) < 3)
        #expect(abs((Double(said.2) ?? 0) - average) < 3)
    }

    private func size(of path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
    }
}

func text(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
}

/// A media playlist, read back.
struct Playlist {
    let targetDuration: Int
    let durations: [Double]
    let segments: [String]

    init(path: String) throws {
        let lines = try text(path).split(separator: "\n").map(String.init)
        try #require(lines.first == "#EXTM3U" && lines.last == "#EXT-X-ENDLIST")
        let target = lines.first { $0.hasPrefix("#EXT-X-TARGETDURATION:") }
        targetDuration = try #require(target.flatMap { Int($0.dropFirst(22)) })
        durations = lines.filter { $0.hasPrefix("#EXTINF:") }.compactMap { Double($0.dropFirst(8).dropLast()) }
        segments = lines.filter { !$0.hasPrefix("#") }
        try #require(durations.count == segments.count && !segments.isEmpty)
    }
}
