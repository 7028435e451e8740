extension HLSPlaylist {
    /// Rules over the whole playlist.
    mutating func check() {
        if isMultivariant {
            if !segments.isEmpty || targetDuration != nil {
                findings.append(
                    Finding(
                        line: segments.first?.line ?? targetLine, "tags of multivariant and media playlists are mixed"))
            }
            checkVariants()
            checkRenditions()
        } else {
            checkSegments()
        }
    }

    private mutating func error(_ line: Int?, _ message: String) { findings.append(Finding(line: line, message)) }

    private mutating func checkSegments() {
        guard let targetDuration else {
            error(nil, "EXT-X-TARGETDURATION is missing")
            return
        }
        if segments.isEmpty { error(nil, "no segments") }
        if playlistType == "VOD", !isEnded { error(nil, "a VOD playlist must end with EXT-X-ENDLIST") }
        var needed = 1
        var reasons: [String] = []
        func need(_ version: Int, _ reason: String) {
            if version > needed {
                needed = version
                reasons = [reason]
            }
        }
        for segment in segments {
            // To the nearest whole second (4.4.3.1).
            if (segment.duration + 500_000) / 1_000_000 > Int64(targetDuration) {
                error(
                    segment.line,
                    "a segment of \(decimalText(segment.duration, places: 6)) s; the target duration is \(targetDuration)"
                )
            }
            if segment.duration % 1_000_000 != 0 { need(3, "fractions of seconds") }
            if segment.range != nil { need(4, "EXT-X-BYTERANGE") }
            if segment.map != nil { need(hasPicturesOnly ? 5 : 6, "EXT-X-MAP") }
            let name = segment.address.prefix { $0 != "?" }.lowercased()
            if segment.map == nil,
                [".m4s", ".mp4", ".m4v", ".m4a", ".cmfv", ".cmfa"].contains(where: { name.hasSuffix($0) })
            {
                error(segment.line, "a segment of fragmented MP4 needs EXT-X-MAP")
            }
            if hasPicturesOnly, segment.range == nil {
                findings.append(Finding(line: segment.line, .warning, "an I-frame entry without a byte range"))
            }
        }
        if hasPicturesOnly { need(4, "EXT-X-I-FRAMES-ONLY") }
        if version < needed {
            error(versionLine, "version \(version); \(reasons.joined()) needs \(needed)")
        }
    }

    private mutating func checkVariants() {
        if variants.allSatisfy(\.isPictures) { error(nil, "no variants") }
        var groups: [String: Set<String>] = [:]
        for rendition in renditions {
            if let type = rendition.attributes["TYPE"], let id = rendition.attributes.quoted("GROUP-ID") {
                groups[type, default: []].insert(id)
            }
        }
        for variant in variants {
            let attributes = variant.attributes
            let line = variant.line
            if variant.address.isEmpty { error(line, "a variant without an address") }
            guard let bandwidth = attributes.number("BANDWIDTH"), bandwidth > 0 else {
                error(line, "BANDWIDTH must be a whole number above zero")
                continue
            }
            if attributes["AVERAGE-BANDWIDTH"] != nil {
                let average = attributes.number("AVERAGE-BANDWIDTH")
                if average == nil { error(line, "AVERAGE-BANDWIDTH must be a whole number") }
                if let average, average > bandwidth { error(line, "AVERAGE-BANDWIDTH is above BANDWIDTH") }
            }
            if attributes.quoted("CODECS") == nil {
                findings.append(Finding(line: line, .warning, "CODECS should be there"))
            }
            if let resolution = attributes["RESOLUTION"] {
                let sides = resolution.split(separator: "x", omittingEmptySubsequences: false)
                if sides.count != 2 || sides.contains(where: { (Self.integer($0) ?? 0) == 0 }) {
                    error(line, "RESOLUTION '\(resolution.prefix(20))' is no WIDTHxHEIGHT")
                }
            }
            if let rate = attributes["FRAME-RATE"], Self.microseconds(rate) == nil {
                error(line, "FRAME-RATE '\(rate.prefix(20))' is no number")
            }
            if let range = attributes["VIDEO-RANGE"], !["SDR", "HLG", "PQ"].contains(range) {
                error(line, "VIDEO-RANGE is SDR, HLG or PQ")
            }
            for (name, type) in [("AUDIO", "AUDIO"), ("VIDEO", "VIDEO"), ("SUBTITLES", "SUBTITLES")] {
                if let id = attributes.quoted(name), groups[type]?.contains(id) != true {
                    error(line, "\(name) names the group '\(id.prefix(40))', which has no rendition")
                }
            }
            if let captions = attributes["CLOSED-CAPTIONS"], captions != "NONE",
                groups["CLOSED-CAPTIONS"]?.contains(captions) != true
            {
                error(line, "CLOSED-CAPTIONS names the group '\(captions.prefix(40))', which has no rendition")
            }
        }
        if !hasIndependentSegments {
            findings.append(Finding(line: nil, .warning, "EXT-X-INDEPENDENT-SEGMENTS is missing"))
        }
    }

    private mutating func checkRenditions() {
        var names: Set<[String]> = []
        var defaults: Set<[String]> = []
        for rendition in renditions {
            let attributes = rendition.attributes
            let line = rendition.line
            guard let type = attributes["TYPE"], let group = attributes.quoted("GROUP-ID"),
                let name = attributes.quoted("NAME")
            else {
                error(line, "a rendition needs TYPE, GROUP-ID and NAME")
                continue
            }
            if !["AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"].contains(type) {
                error(line, "TYPE \(type.prefix(20)) is none")
            }
            if !names.insert([type, group, name]).inserted {
                error(line, "the group '\(group.prefix(40))' has two renditions named '\(name.prefix(40))'")
            }
            for flag in ["DEFAULT", "AUTOSELECT", "FORCED"] {
                if let value = attributes[flag], value != "YES", value != "NO" { error(line, "\(flag) is YES or NO") }
            }
            if attributes["DEFAULT"] == "YES" {
                if !defaults.insert([type, group]).inserted {
                    error(line, "the group '\(group.prefix(40))' has two default renditions")
                }
                if attributes["AUTOSELECT"] == "NO" { error(line, "a default rendition must not have AUTOSELECT=NO") }
            }
            if attributes["FORCED"] != nil, type != "SUBTITLES" { error(line, "FORCED is for subtitles") }
            if type == "SUBTITLES", attributes.quoted("URI") == nil { error(line, "subtitles need a URI") }
            if type == "CLOSED-CAPTIONS", attributes["URI"] != nil || attributes.quoted("INSTREAM-ID") == nil {
                error(line, "closed captions need an INSTREAM-ID and have no URI")
            }
            if let language = attributes["LANGUAGE"], LanguageTag(language) == nil {
                error(line, "LANGUAGE '\(language.prefix(40))' is no language tag")
            }
        }
    }
}
