/// The static MPD of a presentation (ISO/IEC 23009-1), profile isoff-live, over the same segments as the playlists.
public struct DASHManifest: Sendable {
    let presentation: Presentation

    public init(_ presentation: Presentation) {
        self.presentation = presentation
    }

    public var text: String {
        var xml = XMLWriter()
        xml.element(
            "MPD",
            [
                ("xmlns", "urn:mpeg:dash:schema:mpd:2011"), ("profiles", "urn:mpeg:dash:profile:isoff-live:2011"),
                ("type", "static"), ("mediaPresentationDuration", duration(presentation.duration)),
                ("maxSegmentDuration", duration(presentation.longestSegmentDuration)),
                ("minBufferTime", duration(presentation.longestSegmentDuration)),
            ]
        ) { xml in
            // What it says is the default; libavformat resolves addresses in a local manifest rightly only with it.
            xml.element("BaseURL", text: "./")
            xml.element("Period", [("id", "0"), ("start", "PT0S")]) { xml in
                for (index, set) in adaptationSets.enumerated() { adaptationSet(set, id: index, &xml) }
            }
        }
        return xml.text
    }

    /// Video renditions that can be switched between share a set: one codec family and one shape of picture. Audio has
    /// a set a track: switching between languages or channel counts is the viewer's, not the network's.
    private var adaptationSets: [[PackagedTrack]] {
        var sets: [[PackagedTrack]] = []
        for track in presentation.tracks {
            if track.description.isVideo,
                let place = sets.firstIndex(where: { $0[0].isSwitchable(with: track) })
            {
                sets[place].append(track)
            } else {
                sets.append([track])
            }
        }
        return sets
    }

    private func adaptationSet(_ set: [PackagedTrack], id: Int, _ xml: inout XMLWriter) {
        let first = set[0].description
        var attributes = [("id", String(id)), ("contentType", first.isVideo ? "video" : "audio")]
        attributes.append(("mimeType", first.isVideo ? "video/mp4" : "audio/mp4"))
        if first.language.isDetermined { attributes.append(("lang", first.language.bcp47)) }
        attributes += [("segmentAlignment", "true"), ("startWithSAP", "1")]
        if case .video(let picture) = first.media {
            let ratio = picture.pictureAspectRatio
            attributes.append(("par", "\(ratio.numerator):\(ratio.denominator)"))
        }
        let isMain = presentation.tracks.first { $0.description.isVideo == first.isVideo }?.description == first
        // One timeline for the set where its tracks' agree to the tick, as they mostly do.
        let shared = set.allSatisfy { $0.segmentTimeline == set[0].segmentTimeline }
        xml.element("AdaptationSet", attributes) { xml in
            xml.element(
                "Role", [("schemeIdUri", "urn:mpeg:dash:role:2011"), ("value", isMain ? "main" : "alternate")])
            if shared { set[0].segmentTimeline.write(into: &xml) }
            for track in set {
                xml.element("Representation", representationAttributes(track)) { xml in
                    if let configuration = track.channelConfiguration {
                        xml.element(
                            "AudioChannelConfiguration",
                            [
                                ("schemeIdUri", "urn:mpeg:dash:23003:3:audio_channel_configuration:2011"),
                                ("value", String(configuration)),
                            ])
                    }
                    if !shared { track.segmentTimeline.write(into: &xml) }
                }
            }
        }
    }

    private func representationAttributes(_ track: PackagedTrack) -> [(String, String)] {
        let description = track.description
        var attributes = [
            ("id", description.name), ("bandwidth", String(track.dashBandwidth)),
            ("codecs", description.codec.codecs),
        ]
        switch description.media {
        case .video(let picture):
            let ratio = picture.sampleAspectRatio
            attributes += [
                ("width", String(picture.width)), ("height", String(picture.height)),
                ("sar", "\(ratio.numerator):\(ratio.denominator)"),
            ]
            if let rate = track.frameRate {
                let text = rate.denominator == 1 ? "\(rate.numerator)" : "\(rate.numerator)/\(rate.denominator)"
                attributes.append(("frameRate", text))
            }
        case .audio(let audio): attributes.append(("audioSamplingRate", String(audio.sampleRate)))
        }
        return attributes
    }

    /// An `xs:duration` in seconds, rounded up to a microsecond so that nothing is cut off.
    private func duration(_ time: MediaTime) -> String {
        let text = decimalText(time.ticksRoundedUp(scale: 1_000_000), places: 6)
        let trimmed = text.reversed().drop { $0 == "0" }.drop { $0 == "." }.reversed()
        return "PT\(text.hasSuffix(".000000") ? String(text.dropLast(7)) : String(trimmed))S"
    }
}

/// A SegmentTemplate with its SegmentTimeline. Presentation times start at zero with the period, as the edit lists of
/// the tracks say, so there is no `presentationTimeOffset`.
private struct SegmentTimeline: Equatable {
    struct Entry: Equatable {
        /// Given where it does not follow from the entry before.
        var start: Int64?
        var duration: Int64
        var repeats: Int
    }

    let timeScale: Int
    let entries: [Entry]

    init(_ track: PackagedTrack) {
        timeScale = track.description.timeScale
        var entries: [Entry] = []
        for segment in track.segments {
            if let last = entries.last, last.duration == segment.duration {
                entries[entries.count - 1].repeats += 1
            } else {
                entries.append(
                    Entry(start: entries.isEmpty ? segment.start : nil, duration: segment.duration, repeats: 0))
            }
        }
        self.entries = entries
    }

    func write(into xml: inout XMLWriter) {
        xml.element(
            "SegmentTemplate",
            [
                ("timescale", String(timeScale)), ("initialization", "$RepresentationID$/init.mp4"),
                ("media", "$RepresentationID$/seg-$Number$.m4s"), ("startNumber", "1"),
            ]
        ) { xml in
            xml.element("SegmentTimeline", []) { xml in
                for entry in entries {
                    var attributes: [(String, String)] = []
                    if let start = entry.start { attributes.append(("t", String(start))) }
                    attributes.append(("d", String(entry.duration)))
                    if entry.repeats > 0 { attributes.append(("r", String(entry.repeats))) }
                    xml.element("S", attributes)
                }
            }
        }
    }
}

extension PackagedTrack {
    fileprivate var segmentTimeline: SegmentTimeline { SegmentTimeline(self) }

    fileprivate func isSwitchable(with other: PackagedTrack) -> Bool {
        guard case .video(let mine) = description.media, case .video(let theirs) = other.description.media else {
            return false
        }
        return description.codec.family == other.description.codec.family
            && mine.pictureAspectRatio.isAbout(theirs.pictureAspectRatio)
    }

    /// ISO/IEC 23001-8 ChannelConfiguration; where the stream itself defines its channels, their number.
    fileprivate var channelConfiguration: Int? {
        guard case .audio(let audio) = description.media, case .aac(let configuration) = description.codec else {
            return nil
        }
        return configuration.channelConfiguration > 0 ? configuration.channelConfiguration : audio.channels
    }
}

extension CodecConfiguration {
    fileprivate var family: String {
        switch self {
        case .avc: "avc"
        case .hevc: "hevc"
        case .aac: "aac"
        }
    }
}

extension Ratio {
    /// Within two per cent: 426x240 and 640x360 are one shape, even sizes being what they are.
    fileprivate func isAbout(_ other: Ratio) -> Bool {
        let mine = numerator * other.denominator
        let theirs = other.numerator * denominator
        return abs(mine - theirs) * 50 <= max(mine, theirs)
    }
}
