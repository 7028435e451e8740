import Foundation
import HTTP
import Testing

/// A playlist of HLS (RFC 8216), as far as a test looks into it.
struct Playlist: Sendable {
    let url: String
    let lines: [String]

    init(_ url: String, _ http: HTTPClient) async throws {
        let response = try await http.send(HTTPRequest("GET", url))
        try #require(response.status == 200, "GET \(url): \(response.status)")
        #expect(response.headers["Content-Type"] == "application/vnd.apple.mpegurl")
        self.url = url
        lines = response.text.split(separator: "\n").map(String.init)
        try #require(lines.first == "#EXTM3U")
    }

    /// An address in the playlist as it is meant: relative to the playlist's own.
    func resolve(_ address: String) -> String {
        if address.contains("://") { return address }
        guard let slash = url.lastIndex(of: "/") else { return address }
        return url[...slash] + address
    }

    /// Addresses that stand alone on their line: segments, or the variants' playlists.
    var addresses: [String] { lines.filter { !$0.hasPrefix("#") }.map(resolve) }

    /// Playlists of EXT-X-MEDIA TYPE=AUDIO.
    var audio: [String] {
        lines.filter { $0.hasPrefix("#EXT-X-MEDIA:") && $0.contains("TYPE=AUDIO") }.compactMap { line in
            line.firstMatch(of: /URI="([^"]+)"/).map { resolve(String($0.1)) }
        }
    }

    var durations: [Double] {
        lines.filter { $0.hasPrefix("#EXTINF:") }.compactMap { Double($0.dropFirst(8).prefix { $0 != "," }) }
    }

    var targetDuration: Int? {
        lines.first { $0.hasPrefix("#EXT-X-TARGETDURATION:") }.flatMap { Int($0.dropFirst(22)) }
    }
}

extension TestStage {
    /// What a published film has to be: played by ffmpeg without a message in both forms and in every rendition, as
    /// many pictures as the source, as long as the source.
    func checkPlayback(of film: Film, hls: String, dash: String) async throws {
        for manifest in [hls, dash] { try await Tool.ffmpeg(["-i", manifest, "-map", "0", "-f", "null", "-"]) }
        #expect(try await Tool.decodedFrames(dash) == film.frames)

        let master = try await Playlist(hls, http)
        try #require(!master.addresses.isEmpty)
        for variant in master.addresses {
            let playlist = try await checked(variant)
            #expect(try await Tool.decodedFrames(variant) == film.frames, "\(variant)")
            let duration = playlist.durations.reduce(0, +)
            #expect(abs(duration - film.seconds) <= 1 / film.framesPerSecond, "\(duration) s of \(film.seconds) s")
        }
        #expect(master.audio.isEmpty != film.hasSound)
        for rendition in master.audio {
            let duration = try await checked(rendition).durations.reduce(0, +)
            // One AAC frame at 48 kHz.
            #expect(abs(duration - film.seconds) <= 1024 / 48_000, "\(duration) s of sound in \(film.seconds) s")
        }
    }

    /// A media playlist: no segment is longer than it says, and each can be had.
    private func checked(_ url: String) async throws -> Playlist {
        let playlist = try await Playlist(url, http)
        #expect(playlist.lines.last == "#EXT-X-ENDLIST")
        let target = try #require(playlist.targetDuration)
        // Rounded to the nearest integer (RFC 8216, section 4.3.3.1).
        #expect(!playlist.durations.isEmpty && playlist.durations.allSatisfy { Int($0.rounded()) <= target }, "\(url)")
        return playlist
    }
}
