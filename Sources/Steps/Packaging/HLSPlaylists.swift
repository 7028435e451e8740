/// The playlists of a presentation (RFC 8216bis). Text only; addresses are relative to the multivariant playlist.
public struct HLSPlaylists: Sendable {
    let presentation: Presentation

    public init(_ presentation: Presentation) {
        self.presentation = presentation
    }

    /// `EXT-X-MAP` for other than I-frame playlists needs 6, fragmented MPEG-4 as media came with 7.
    private static let version = 7

    /// The multivariant playlist. `BANDWIDTH` is the largest sum of peak segment bit rates that any playable
    /// combination of a variant's renditions has (4.4.6.2), measured.
    public var multivariant: String {
        var lines = ["#EXTM3U", "#EXT-X-VERSION:\(Self.version)", "#EXT-X-INDEPENDENT-SEGMENTS"]
        let videos = presentation.tracks.filter(\.description.isVideo)
        let groups = audioGroups
        let names = audioNames
        // Sound alone needs renditions only where there is a choice.
        for group in groups where !videos.isEmpty || group.tracks.count > 1 {
            for (index, track) in group.tracks.enumerated() {
                lines.append(
                    audioRendition(
                        track, group: group.id, name: names[track.description.name] ?? track.description.name,
                        isDefault: index == 0))
            }
        }
        for video in videos {
            if groups.isEmpty { lines += variant(video: video, audio: nil) }
            for group in groups { lines += variant(video: video, audio: group) }
        }
        if videos.isEmpty {
            for group in groups { lines += variant(ofSoundAlone: group) }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The media playlist of one track.
    public func media(of track: PackagedTrack) -> String {
        var lines = [
            "#EXTM3U", "#EXT-X-VERSION:\(Self.version)", "#EXT-X-TARGETDURATION:\(presentation.targetDuration)",
            "#EXT-X-MEDIA-SEQUENCE:1", "#EXT-X-PLAYLIST-TYPE:VOD", "#EXT-X-MAP:URI=\"init.mp4\"",
        ]
        lines.reserveCapacity(lines.count + 2 * track.segments.count + 1)
        let scale = Int64(track.description.timeScale)
        for segment in track.segments {
            // Differences of rounded times: rounding does not add up over a film.
            let start = MediaTime(segment.start, scale: scale).ticks(scale: 1_000_000)
            let end = MediaTime(segment.start + segment.duration, scale: scale).ticks(scale: 1_000_000)
            lines.append("#EXTINF:\(decimalText(end - start, places: 6)),")
            lines.append("seg-\(segment.number).m4s")
        }
        lines.append("#EXT-X-ENDLIST")
        return lines.joined(separator: "\n") + "\n"
    }

    private struct AudioGroup {
        let id: String
        let codecs: String
        let tracks: [PackagedTrack]
    }

    /// One group a codec: a variant's CODECS must name what any of its renditions needs.
    private var audioGroups: [AudioGroup] {
        let audios = presentation.tracks.filter { !$0.description.isVideo }
        var codecs: [String] = []
        for track in audios where !codecs.contains(track.description.codec.codecs) {
            codecs.append(track.description.codec.codecs)
        }
        return codecs.map { codec in
            AudioGroup(
                id: codecs.count == 1 ? "audio" : "audio-\(codec)", codecs: codec,
                tracks: audios.filter { $0.description.codec.codecs == codec })
        }
    }

    /// A name for people, unique in its group (4.4.6.1.1): the language's, numbered where several have it.
    private var audioNames: [String: String] {
        var names: [String: String] = [:]
        for group in audioGroups {
            var seen: [String: Int] = [:]
            for track in group.tracks {
                let language = track.description.language
                let base = language.isDetermined ? language.name : "Audio"
                let count = (seen[base] ?? 0) + 1
                seen[base] = count
                names[track.description.name] = count == 1 ? base : "\(base) \(count)"
            }
        }
        return names
    }

    private func audioRendition(_ track: PackagedTrack, group: String, name: String, isDefault: Bool) -> String {
        var attributes = ["TYPE=AUDIO", "GROUP-ID=\(quoted(group))", "NAME=\(quoted(name))"]
        let language = track.description.language
        if language.isDetermined { attributes.append("LANGUAGE=\(quoted(language.bcp47))") }
        attributes += ["DEFAULT=\(isDefault ? "YES" : "NO")", "AUTOSELECT=YES"]
        if case .audio(let audio) = track.description.media {
            attributes.append("CHANNELS=\(quoted(String(audio.channels)))")
        }
        attributes.append("URI=\(quoted(track.playlistPath))")
        return "#EXT-X-MEDIA:" + attributes.joined(separator: ",")
    }

    private func variant(video: PackagedTrack, audio: AudioGroup?) -> [String] {
        let peak = video.peakBitRate + (audio?.tracks.map(\.peakBitRate).max() ?? 0)
        let average = video.averageBitRate + (audio?.tracks.map(\.averageBitRate).max() ?? 0)
        let codecs = [video.description.codec.codecs] + (audio.map { [$0.codecs] } ?? [])
        var attributes = [
            "BANDWIDTH=\(peak)", "AVERAGE-BANDWIDTH=\(average)", "CODECS=\(quoted(codecs.joined(separator: ",")))",
        ]
        if case .video(let picture) = video.description.media {
            attributes.append("RESOLUTION=\(picture.displayWidth)x\(picture.height)")
        }
        if let rate = video.frameRate {
            let thousandths = MediaTime(Int64(rate.numerator), scale: Int64(rate.denominator)).ticks(scale: 1000)
            attributes.append("FRAME-RATE=\(decimalText(thousandths, places: 3))")
        }
        if let audio { attributes.append("AUDIO=\(quoted(audio.id))") }
        return ["#EXT-X-STREAM-INF:" + attributes.joined(separator: ","), video.playlistPath]
    }

    private func variant(ofSoundAlone group: AudioGroup) -> [String] {
        guard let first = group.tracks.first else { return [] }
        var attributes = [
            "BANDWIDTH=\(group.tracks.map(\.peakBitRate).max() ?? 0)",
            "AVERAGE-BANDWIDTH=\(group.tracks.map(\.averageBitRate).max() ?? 0)", "CODECS=\(quoted(group.codecs))",
        ]
        if group.tracks.count > 1 { attributes.append("AUDIO=\(quoted(group.id))") }
        return ["#EXT-X-STREAM-INF:" + attributes.joined(separator: ","), first.playlistPath]
    }

    /// A quoted-string (4.2), which has no escapes; all text here is ours and holds neither quotes nor line ends.
    private func quoted(_ text: String) -> String {
        precondition(!text.utf8.contains { $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }, "no quoted-string: \(text)")
        return "\"\(text)\""
    }
}
