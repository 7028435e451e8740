import Encodings

/// The media playlists of a presentation (RFC 8216bis, 4.4.3 and 4.4.4). Addresses are relative to each.
extension HLSPlaylists {
    /// The media playlist of one track.
    public func media(of track: PackagedTrack) -> String {
        var lines = head(targetDuration: presentation.targetDuration)
        lines.append(map(of: track))
        lines.reserveCapacity(lines.count + 3 * track.segments.count + 8)
        var isProtected = false
        for segment in track.segments {
            if segment.isProtected, !isProtected, let protection = track.protection {
                lines += keys(protection).map { "#EXT-X-KEY:" + $0 }
                isProtected = true
            }
            lines.append(duration(from: segment.start, to: segment.start + segment.duration, of: track))
            if track.addressing == .byteRanges {
                // A range that follows the one before needs no start; players read it more surely with one.
                lines.append("#EXT-X-BYTERANGE:\(segment.size)@\(segment.offset)")
            }
            lines.append(track.name(of: segment))
        }
        lines.append("#EXT-X-ENDLIST")
        return lines.joined(separator: "\n") + "\n"
    }

    /// The I-frame playlist of a track of pictures (4.4.3.6): each entry is a piece of a segment that holds one picture
    /// and decodes by itself.
    public func pictures(of track: PackagedTrack) -> String {
        var lines = head(targetDuration: longestPicture(of: track))
        lines.append("#EXT-X-I-FRAMES-ONLY")
        lines.append(map(of: track))
        var isProtected = false
        for (place, picture) in track.pictures.enumerated() {
            let segment = track.segments[picture.segment]
            if segment.isProtected, !isProtected, let protection = track.protection {
                lines += keys(protection).map { "#EXT-X-KEY:" + $0 }
                isProtected = true
            }
            let end = place + 1 < track.pictures.count ? track.pictures[place + 1].start : track.end
            lines.append(duration(from: picture.start, to: end, of: track))
            lines.append("#EXT-X-BYTERANGE:\(picture.size)@\(segment.offset + picture.offset)")
            lines.append(track.name(of: segment))
        }
        lines.append("#EXT-X-ENDLIST")
        return lines.joined(separator: "\n") + "\n"
    }

    /// The media playlist of a text track, whose segments are WebVTT files.
    public func media(of text: PackagedText) -> String {
        var lines = head(targetDuration: presentation.targetDuration)
        for segment in text.segments {
            let start = segment.start.ticks(scale: 1_000_000)
            let end = (segment.start + segment.duration).ticks(scale: 1_000_000)
            lines.append("#EXTINF:\(decimalText(end - start, places: 6)),")
            lines.append("seg-\(segment.number).vtt")
        }
        lines.append("#EXT-X-ENDLIST")
        return lines.joined(separator: "\n") + "\n"
    }

    func longestPicture(of track: PackagedTrack) -> Int {
        let longest = track.pictureRates.segments.map(\.duration).max() ?? 0
        return max(1, Int(MediaTime(longest, scale: Int64(track.description.timeScale)).ticksRoundedUp(scale: 1)))
    }

    private func head(targetDuration: Int) -> [String] {
        [
            "#EXTM3U", "#EXT-X-VERSION:\(Self.version)", "#EXT-X-TARGETDURATION:\(targetDuration)",
            "#EXT-X-MEDIA-SEQUENCE:1", "#EXT-X-PLAYLIST-TYPE:VOD",
        ]
    }

    private func map(of track: PackagedTrack) -> String {
        let range = track.headerRange
        let bytes = track.addressing == .files ? "" : ",BYTERANGE=\"\(range.count)@\(range.lowerBound)\""
        return "#EXT-X-MAP:URI=\(quoted(track.initializationName))\(bytes)"
    }

    /// Differences of rounded times: rounding does not add up over a film.
    private func duration(from start: Int64, to end: Int64, of track: PackagedTrack) -> String {
        let scale = Int64(track.description.timeScale)
        let length =
            MediaTime(end, scale: scale).ticks(scale: 1_000_000)
            - MediaTime(start, scale: scale).ticks(scale: 1_000_000)
        return "#EXTINF:\(decimalText(length, places: 6)),"
    }

    /// All keys of the presentation, so that a player asks for licences before it needs them (4.4.6.5).
    var sessionKeys: [String] {
        var known: [TrackProtection] = []
        for track in presentation.tracks {
            if let protection = track.protection, !known.contains(where: { $0.keyID == protection.keyID }) {
                known.append(protection)
            }
        }
        return known.flatMap { keys($0).map { "#EXT-X-SESSION-KEY:" + $0 } }
    }

    /// The attributes of EXT-X-KEY (4.4.4.4), a line for each system.
    private func keys(_ protection: TrackProtection) -> [String] {
        ProtectionSystem.allCases.compactMap { system in
            let method = protection.scheme == .cbcs ? "SAMPLE-AES" : "SAMPLE-AES-CTR"
            let id = "KEYID=0x\(protection.keyID.hex)"
            let format: String
            var attributes: [String]
            switch system {
            case .fairPlay:
                // FairPlay Streaming knows cbcs alone; the address names the key to the application.
                guard protection.scheme == .cbcs else { return nil }
                attributes = ["URI=\"skd://\(protection.keyID.hex)\""]
                format = "com.apple.streamingkeydelivery"
            case .widevine:
                attributes = [
                    "URI=\"data:text/plain;base64,\(Base64.encode(system.headerBox(of: [protection])))\"", id,
                ]
                format = "urn:uuid:\(system.systemID.uuid)"
            case .playReady:
                let object = Base64.encode(ProtectionSystem.playReadyObject([protection]))
                attributes = ["URI=\"data:text/plain;charset=UTF-16;base64,\(object)\"", id]
                format = "com.microsoft.playready"
            case .clearKey:
                attributes = [
                    "URI=\"data:text/plain;base64,\(Base64.encode(system.headerBox(of: [protection])))\"", id,
                ]
                format = "org.w3.clearkey"
            }
            attributes += ["KEYFORMAT=\(quoted(format))", "KEYFORMATVERSIONS=\"1\""]
            return (["METHOD=\(method)"] + attributes).joined(separator: ",")
        }
    }
}
