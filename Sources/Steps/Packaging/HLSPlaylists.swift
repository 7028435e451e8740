/// The multivariant playlist of a presentation (RFC 8216bis, 4.4.6). Text only; addresses are relative to it.
public struct HLSPlaylists: Sendable {
    let presentation: Presentation

    public init(_ presentation: Presentation) {
        self.presentation = presentation
    }

    /// `EXT-X-MAP` for other than I-frame playlists needs 6, fragmented MPEG-4 as media came with 7.
    static let version = 7

    /// The multivariant playlist. `BANDWIDTH` is the largest sum of peak segment bit rates that any playable
    /// combination of a variant's renditions has (4.4.6.2), measured.
    public var multivariant: String {
        var lines = ["#EXTM3U", "#EXT-X-VERSION:\(Self.version)", "#EXT-X-INDEPENDENT-SEGMENTS"]
        let videos = presentation.tracks.filter(\.description.isVideo)
        let groups = audioGroups
        lines += sessionKeys
        // Sound alone needs renditions only where there is a choice.
        for group in groups where !videos.isEmpty || group.tracks.count > 1 {
            let names = uniqueNames(
                group.tracks.map { ($0.description.language, $0.description.role) }, unnamed: "Audio")
            for (index, track) in group.tracks.enumerated() {
                lines.append(
                    audioRendition(
                        track, group: group.id, name: names[index], isDefault: index == group.defaultPlace))
            }
        }
        let textNames = uniqueNames(presentation.texts.map { ($0.track.language, $0.track.role) }, unnamed: "Subtitles")
        for (text, name) in zip(presentation.texts, textNames) { lines.append(textRendition(text, name: name)) }
        for video in videos {
            if groups.isEmpty { lines += variant(video: video, audio: nil) }
            for group in groups { lines += variant(video: video, audio: group) }
        }
        for video in videos {
            if let line = pictureVariant(of: video) { lines.append(line) }
        }
        if videos.isEmpty {
            for group in groups { lines += variant(ofSoundAlone: group) }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private struct AudioGroup {
        let id: String
        let codecs: String
        let tracks: [PackagedTrack]

        /// The first one that is the film's own sound.
        var defaultPlace: Int { tracks.firstIndex { $0.description.role == .main } ?? 0 }
    }

    /// One group for each codec and number of channels: a variant's CODECS must name what any of its renditions needs,
    /// and a player chooses a group by what it can play.
    private var audioGroups: [AudioGroup] {
        let audios = presentation.tracks.filter { !$0.description.isVideo }
        var keys: [[String]] = []
        for track in audios where !keys.contains(groupKey(track)) { keys.append(groupKey(track)) }
        let hasOneOfEachCodec = Set(keys.map { $0[0] }).count == keys.count
        return keys.map { key in
            AudioGroup(
                id: keys.count == 1
                    ? "audio" : hasOneOfEachCodec ? "audio-\(key[0])" : "audio-\(key[0])-\(key[1])",
                codecs: key[0], tracks: audios.filter { groupKey($0) == key })
        }
    }

    private func groupKey(_ track: PackagedTrack) -> [String] {
        [track.description.codecs, String(track.description.soundChannels.filter { $0 != "/" })]
    }

    /// A name for people, unique in its group (4.4.6.1.1): the language's, with the role where it is a special one,
    /// numbered where several would have it.
    private func uniqueNames(_ tracks: [(LanguageTag, TrackRole)], unnamed: String) -> [String] {
        var used: [String: Int] = [:]
        return tracks.map { language, role in
            let special: String? =
                switch role {
                case .main, .alternate, .subtitle, .dub: nil
                case .commentary: "commentary"
                case .description: "audio description"
                case .enhancedIntelligibility: "clear speech"
                case .caption: "captions"
                case .forcedSubtitle: "forced"
                }
            let name = (language.isDetermined ? language.name : unnamed) + (special.map { ", \($0)" } ?? "")
            let count = (used[name] ?? 0) + 1
            used[name] = count
            return count == 1 ? name : "\(name) \(count)"
        }
    }

    private func audioRendition(_ track: PackagedTrack, group: String, name: String, isDefault: Bool) -> String {
        var attributes = ["TYPE=AUDIO", "GROUP-ID=\(quoted(group))", "NAME=\(quoted(name))"]
        let language = track.description.language
        if language.isDetermined { attributes.append("LANGUAGE=\(quoted(language.bcp47))") }
        attributes += ["DEFAULT=\(isDefault ? "YES" : "NO")", "AUTOSELECT=YES"]
        attributes.append("CHANNELS=\(quoted(track.description.soundChannels))")
        let characteristics = track.description.role.characteristics
        if !characteristics.isEmpty { attributes.append("CHARACTERISTICS=\(quoted(characteristics))") }
        attributes.append("URI=\(quoted(track.playlistPath))")
        return "#EXT-X-MEDIA:" + attributes.joined(separator: ",")
    }

    private func textRendition(_ text: PackagedText, name: String) -> String {
        var attributes = ["TYPE=SUBTITLES", "GROUP-ID=\"text\"", "NAME=\(quoted(name))"]
        if text.track.language.isDetermined { attributes.append("LANGUAGE=\(quoted(text.track.language.bcp47))") }
        attributes += ["DEFAULT=NO", "AUTOSELECT=YES"]
        if text.track.role == .forcedSubtitle { attributes.append("FORCED=YES") }
        let characteristics = text.track.role.characteristics
        if !characteristics.isEmpty { attributes.append("CHARACTERISTICS=\(quoted(characteristics))") }
        attributes.append("URI=\(quoted(text.playlistPath))")
        return "#EXT-X-MEDIA:" + attributes.joined(separator: ",")
    }

    private func variant(video: PackagedTrack, audio: AudioGroup?) -> [String] {
        let texts = presentation.texts
        let peak =
            video.peakBitRate + (audio?.tracks.map(\.peakBitRate).max() ?? 0) + (texts.map(\.peakBitRate).max() ?? 0)
        let average =
            video.averageBitRate + (audio?.tracks.map(\.averageBitRate).max() ?? 0)
            + (texts.map(\.rates.average).max() ?? 0)
        let codecs = [video.description.codecs] + (audio.map { [$0.codecs] } ?? []) + (texts.isEmpty ? [] : ["wvtt"])
        var attributes = [
            "BANDWIDTH=\(peak)", "AVERAGE-BANDWIDTH=\(average)", "CODECS=\(quoted(codecs.joined(separator: ",")))",
        ]
        if let codecs = video.description.supplementalCodecs {
            attributes.append("SUPPLEMENTAL-CODECS=\(quoted(codecs))")
        }
        attributes += pictureAttributes(video)
        if let rate = video.frameRate {
            let thousandths = MediaTime(Int64(rate.numerator), scale: Int64(rate.denominator)).ticks(scale: 1000)
            attributes.append("FRAME-RATE=\(decimalText(thousandths, places: 3))")
        }
        if let audio { attributes.append("AUDIO=\(quoted(audio.id))") }
        if !texts.isEmpty { attributes.append("SUBTITLES=\"text\"") }
        attributes.append("CLOSED-CAPTIONS=NONE")
        return ["#EXT-X-STREAM-INF:" + attributes.joined(separator: ","), video.playlistPath]
    }

    private func pictureAttributes(_ video: PackagedTrack) -> [String] {
        guard case .video(let picture) = video.description.media else { return [] }
        // A picture that is nearest to its shape in whole pixels.
        var attributes = ["RESOLUTION=\(picture.displayWidth)x\(picture.height)"]
        if let color = video.description.color { attributes.append("VIDEO-RANGE=\(color.videoRange)") }
        if let level = video.protection?.outputLevel { attributes.append("HDCP-LEVEL=\(level.rawValue)") }
        return attributes
    }

    private func pictureVariant(of video: PackagedTrack) -> String? {
        guard let path = video.picturePlaylistPath else { return nil }
        let longest = longestPicture(of: video)
        let attributes =
            [
                "BANDWIDTH=\(video.pictureRates.peak(targetDuration: longest))",
                "AVERAGE-BANDWIDTH=\(video.pictureRates.average)", "CODECS=\(quoted(video.description.codecs))",
            ] + (video.description.supplementalCodecs.map { ["SUPPLEMENTAL-CODECS=\(quoted($0))"] } ?? [])
            + pictureAttributes(video) + ["URI=\(quoted(path))"]
        return "#EXT-X-I-FRAME-STREAM-INF:" + attributes.joined(separator: ",")
    }

    private func variant(ofSoundAlone group: AudioGroup) -> [String] {
        guard group.tracks.indices.contains(group.defaultPlace) else { return [] }
        let texts = presentation.texts
        let codecs = [group.codecs] + (texts.isEmpty ? [] : ["wvtt"])
        let peak = (group.tracks.map(\.peakBitRate).max() ?? 0) + (texts.map(\.peakBitRate).max() ?? 0)
        let average = (group.tracks.map(\.averageBitRate).max() ?? 0) + (texts.map(\.rates.average).max() ?? 0)
        var attributes = [
            "BANDWIDTH=\(peak)", "AVERAGE-BANDWIDTH=\(average)", "CODECS=\(quoted(codecs.joined(separator: ",")))",
        ]
        if group.tracks.count > 1 { attributes.append("AUDIO=\(quoted(group.id))") }
        if !texts.isEmpty { attributes.append("SUBTITLES=\"text\"") }
        return [
            "#EXT-X-STREAM-INF:" + attributes.joined(separator: ","), group.tracks[group.defaultPlace].playlistPath,
        ]
    }
}

/// A quoted-string (RFC 8216bis, 4.2), which has no escapes; all text here is ours and holds neither quotes nor line
/// ends.
func quoted(_ text: String) -> String {
    precondition(!text.utf8.contains { $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }, "no quoted-string: \(text)")
    return "\"\(text)\""
}

extension TrackDescription {
    /// `CHANNELS` (RFC 8216bis, 4.4.6.1): the number of channels, or of objects with what codes them.
    var soundChannels: String {
        switch (media, codec) {
        case (.audio, .enhancedAC3(let configuration)) where configuration.objects > 0:
            "\(configuration.objects)/JOC"
        case (.audio, .enhancedAC3(let configuration)): "\(DolbyChannels.count(configuration.channelMask))"
        case (.audio, .ac3(let configuration)): "\(DolbyChannels.count(configuration.channelMask))"
        case (.audio(let audio), _): "\(audio.channels)"
        case (.video, _): ""
        }
    }
}
