import Encodings

/// The static MPD of a presentation (ISO/IEC 23009-1) over the same segments as the playlists: profile isoff-live for
/// segments that are files, isoff-on-demand for byte ranges.
public struct DASHManifest: Sendable {
    let presentation: Presentation

    public init(_ presentation: Presentation) {
        self.presentation = presentation
    }

    public var text: String {
        var xml = XMLWriter()
        let isOnDemand = presentation.tracks.contains { $0.addressing == .byteRanges }
        var attributes = [
            ("xmlns", "urn:mpeg:dash:schema:mpd:2011"),
            ("profiles", "urn:mpeg:dash:profile:isoff-\(isOnDemand ? "on-demand" : "live"):2011"),
            ("type", "static"), ("mediaPresentationDuration", duration(presentation.duration)),
        ]
        if !isOnDemand { attributes.append(("maxSegmentDuration", duration(presentation.longestSegmentDuration))) }
        attributes.append(("minBufferTime", duration(presentation.longestSegmentDuration)))
        if presentation.tracks.contains(where: { $0.protection != nil }) {
            attributes.insert(("xmlns:cenc", "urn:mpeg:cenc:2013"), at: 1)
            attributes.insert(("xmlns:mspr", "urn:microsoft:playready"), at: 2)
        }
        xml.element("MPD", attributes) { xml in
            // What it says is the default; libavformat resolves addresses in a local manifest rightly only with it.
            xml.element("BaseURL", text: "./")
            xml.element("Period", [("id", "0"), ("start", "PT0S")]) { xml in
                let sets = adaptationSets
                for (index, set) in sets.enumerated() { adaptationSet(set, id: index, &xml) }
                for (index, text) in presentation.texts.enumerated() {
                    textSet(text, id: sets.count + index, &xml)
                }
                if let thumbnails = presentation.thumbnails {
                    thumbnailSet(thumbnails, id: sets.count + presentation.texts.count, &xml)
                }
            }
        }
        return xml.text
    }

    /// Video renditions that can be switched between share a set: one codec family, one shape of picture and one range
    /// of brightness. Audio has a set a track: switching between languages or channel counts is the viewer's, not the
    /// network's.
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
        let isOnDemand = set[0].addressing == .byteRanges
        attributes += [(isOnDemand ? "subsegmentAlignment" : "segmentAlignment", "true")]
        attributes += [(isOnDemand ? "subsegmentStartsWithSAP" : "startWithSAP", "1")]
        if case .video(let picture) = first.media {
            let ratio = picture.pictureAspectRatio
            attributes.append(("par", "\(ratio.numerator):\(ratio.denominator)"))
        }
        // One timeline for the set where its tracks' agree to the tick, as they mostly do.
        let shared = !isOnDemand && set.allSatisfy { $0.segmentTimeline == set[0].segmentTimeline }
        // One key for the set, or one each.
        let sharesKey = set.allSatisfy { $0.protection?.keyID == set[0].protection?.keyID }
        xml.element("AdaptationSet", attributes) { xml in
            if sharesKey, let protection = set[0].protection { protection.write(into: &xml) }
            if let color = first.color, color != .bt709 { colorProperties(color, &xml) }
            if let accessibility = first.role.accessibility {
                xml.element(
                    "Accessibility",
                    [("schemeIdUri", "urn:tva:metadata:cs:AudioPurposeCS:2007"), ("value", accessibility)])
            }
            role(role(of: set[0]), &xml)
            if shared { set[0].segmentTimeline.write(into: &xml) }
            for track in set {
                xml.element("Representation", representationAttributes(track)) { xml in
                    channelConfiguration(track.description, &xml)
                    if !sharesKey, let protection = track.protection { protection.write(into: &xml) }
                    if isOnDemand {
                        segmentBase(track, &xml)
                    } else if !shared {
                        track.segmentTimeline.write(into: &xml)
                    }
                }
            }
        }
    }

    /// The first of a kind is the main one unless the tracks say otherwise.
    private func role(of track: PackagedTrack) -> TrackRole {
        let description = track.description
        guard description.role == .main else { return description.role }
        let isFirst = presentation.tracks.first { $0.description.isVideo == description.isVideo }?.description
        return isFirst == description ? .main : .alternate
    }

    private func role(_ role: TrackRole, _ xml: inout XMLWriter) {
        xml.element("Role", [("schemeIdUri", "urn:mpeg:dash:role:2011"), ("value", role.rawValue)])
    }

    /// Colours as code points (ISO/IEC 23091-2), for what is not the ordinary: a player that cannot show it leaves it.
    private func colorProperties(_ color: ColorDescription, _ xml: inout XMLWriter) {
        for (name, value) in [
            ("ColourPrimaries", color.primaries), ("TransferCharacteristics", color.transfer),
            ("MatrixCoefficients", color.matrix),
        ] {
            xml.element(
                color.videoRange == "SDR" ? "SupplementalProperty" : "EssentialProperty",
                [("schemeIdUri", "urn:mpeg:mpegB:cicp:\(name)"), ("value", String(value))])
        }
    }

    private func representationAttributes(_ track: PackagedTrack) -> [(String, String)] {
        let description = track.description
        var attributes = [
            ("id", description.name), ("bandwidth", String(track.dashBandwidth)), ("codecs", description.codecs),
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

    private func channelConfiguration(_ description: TrackDescription, _ xml: inout XMLWriter) {
        guard case .audio(let audio) = description.media else { return }
        let scheme: String
        let value: String
        switch description.codec {
        case .ac3(let configuration):
            (scheme, value) = (
                "tag:dolby.com,2014:dash:audio_channel_configuration:2011", configuration.channelMask.hex
            )
        case .enhancedAC3(let configuration):
            (scheme, value) = (
                "tag:dolby.com,2014:dash:audio_channel_configuration:2011", configuration.channelMask.hex
            )
        case .aac(let configuration) where configuration.channelConfiguration > 0:
            (scheme, value) = (
                "urn:mpeg:dash:23003:3:audio_channel_configuration:2011", "\(configuration.channelConfiguration)"
            )
        case .avc, .hevc, .av1, .vp9, .aac, .opus:
            (scheme, value) = ("urn:mpeg:dash:23003:3:audio_channel_configuration:2011", "\(audio.channels)")
        }
        xml.element("AudioChannelConfiguration", [("schemeIdUri", scheme), ("value", value)])
    }

    private func segmentBase(_ track: PackagedTrack, _ xml: inout XMLWriter) {
        xml.element("BaseURL", text: track.initializationPath)
        let index = track.indexRange
        xml.element(
            "SegmentBase",
            [
                ("timescale", String(track.description.timeScale)),
                ("indexRange", "\(index.lowerBound)-\(index.upperBound - 1)"), ("indexRangeExact", "true"),
            ]
        ) { xml in
            xml.element("Initialization", [("range", "0-\(index.lowerBound - 1)")])
        }
    }

    private func textSet(_ text: PackagedText, id: Int, _ xml: inout XMLWriter) {
        var attributes = [("id", String(id)), ("contentType", "text"), ("mimeType", "text/vtt")]
        if text.track.language.isDetermined { attributes.append(("lang", text.track.language.bcp47)) }
        xml.element("AdaptationSet", attributes) { xml in
            if text.track.role == .caption {
                xml.element(
                    "Accessibility", [("schemeIdUri", "urn:tva:metadata:cs:AudioPurposeCS:2007"), ("value", "2")])
            }
            role(text.track.role, &xml)
            // The rate of the whole file over the whole film: it is fetched once.
            let bits = Int128(text.wholeText.utf8.count) * 8 * Int128(presentation.duration.scale)
            let rate = presentation.duration.value > 0 ? Int(bits / Int128(presentation.duration.value)) + 1 : 1
            xml.element("Representation", [("id", text.track.name), ("bandwidth", String(rate))]) { xml in
                xml.element("BaseURL", text: text.wholePath)
            }
        }
    }

    /// Tiles of pictures (DASH-IF IOP, 6.2.6): each sheet is a segment.
    private func thumbnailSet(_ sheets: ThumbnailSheets, id: Int, _ xml: inout XMLWriter) {
        let tiles = sheets.columns * sheets.rows
        let ticks = sheets.interval * Int64(tiles)
        let largest = sheets.sheetSizes.max() ?? 0
        let rate = Int64(largest) * 8 * 1000 / max(1, ticks) + 1
        xml.element("AdaptationSet", [("id", String(id)), ("contentType", "image"), ("mimeType", "image/jpeg")]) {
            xml in
            xml.element(
                "SegmentTemplate",
                [
                    ("timescale", "1000"), ("duration", String(ticks)), ("media", "thumbnails/sheet-$Number$.jpg"),
                    ("startNumber", "1"),
                ])
            xml.element(
                "Representation",
                [
                    ("id", "thumbnails"), ("bandwidth", String(rate)),
                    ("width", String(sheets.width * sheets.columns)),
                    ("height", String(sheets.height * sheets.rows)),
                ]
            ) { xml in
                xml.element(
                    "EssentialProperty",
                    [
                        ("schemeIdUri", "http://dashif.org/guidelines/thumbnail_tile"),
                        ("value", "\(sheets.columns)x\(sheets.rows)"),
                    ])
            }
        }
    }

    /// An `xs:duration` in seconds, rounded up to a microsecond so that nothing is cut off.
    private func duration(_ time: MediaTime) -> String {
        let text = decimalText(time.ticksRoundedUp(scale: 1_000_000), places: 6)
        let trimmed = text.reversed().drop { $0 == "0" }.drop { $0 == "." }.reversed()
        return "PT\(text.hasSuffix(".000000") ? String(text.dropLast(7)) : String(trimmed))S"
    }
}

extension TrackProtection {
    /// ContentProtection descriptors (ISO/IEC 23009-1, 5.8.4.1; ISO/IEC 23001-7, 11.2): the scheme with the key's id,
    /// then what each system needs.
    fileprivate func write(into xml: inout XMLWriter) {
        xml.element(
            "ContentProtection",
            [
                ("schemeIdUri", "urn:mpeg:dash:mp4protection:2011"), ("value", scheme.rawValue),
                ("cenc:default_KID", keyID.uuid),
            ])
        for system in systemsInHeader {
            let name: String? =
                switch system {
                case .widevine: "Widevine"
                case .playReady: "MSPR 2.0"
                case .clearKey, .fairPlay: nil
                }
            var attributes = [("schemeIdUri", "urn:uuid:\(system.systemID.uuid)")]
            if let name { attributes.append(("value", name)) }
            xml.element("ContentProtection", attributes) { xml in
                xml.element("cenc:pssh", text: Base64.encode(system.headerBox(of: [self])))
                if system == .playReady {
                    xml.element("mspr:pro", text: Base64.encode(ProtectionSystem.playReadyObject([self])))
                }
            }
        }
        guard systems.contains(.clearKey) else { return }
        // W3C ClearKey (dashif.org/identifiers/content_protection).
        xml.element(
            "ContentProtection",
            [("schemeIdUri", "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e"), ("value", "ClearKey1.0")])
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
            && description.color?.videoRange ?? "SDR" == other.description.color?.videoRange ?? "SDR"
            && mine.pictureAspectRatio.isAbout(theirs.pictureAspectRatio)
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

extension UInt16 {
    /// Four upper-case digits.
    fileprivate var hex: String { Hex.digits(self).uppercased() }
}
