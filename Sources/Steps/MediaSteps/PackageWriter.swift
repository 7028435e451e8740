import JSON
import MediaFiles
import Packaging
import StepContracts

/// Writes a presentation's files: segments first, what names them last.
struct PackageWriter {
    let tracks: [IndexedTrack]
    var texts: [TextTrack] = []
    var thumbnails: ThumbnailFiles?
    let directory: String
    let writesHLS: Bool
    let writesDASH: Bool
    var options = PackagingOptions()
    var protection: ContentProtection?
    let report: @Sendable (StepProgress) -> Void
    let isCancelled: @Sendable () -> Bool

    func write() throws(StepFailure) -> PackageResult {
        let presentation: Presentation
        do {
            presentation = try Presentation(
                tracks: tracks.map(\.input), texts: texts, thumbnails: thumbnails?.sheets, options: options)
        } catch {
            throw StepFailure(error)
        }
        var progress = StepProgress(
            stage: "package", totalSeconds: presentation.duration.seconds,
            parts: presentation.tracks.map { .init(name: $0.description.name, share: 0) })
        var files: [String] = []
        for (index, (track, packaged)) in zip(tracks, presentation.tracks).enumerated() {
            let end = packaged.endTime.seconds
            files += try write(packaged, from: track) { seconds in
                progress.parts[index].share = min(1, seconds / end)
                // Media time done over all tracks: they are written one after the other.
                progress.mediaSeconds =
                    presentation.duration.seconds * progress.parts.reduce(0) { $0 + $1.share }
                    / Double(progress.parts.count)
                report(progress)
            }
        }
        for text in presentation.texts { files += try write(text) }
        if let thumbnails { files += try thumbnails.copy(to: directory) }
        if writesHLS {
            let playlists = HLSPlaylists(presentation)
            for track in presentation.tracks {
                files.append(try write(playlists.media(of: track), to: track.playlistPath))
                if let path = track.picturePlaylistPath {
                    files.append(try write(playlists.pictures(of: track), to: path))
                }
            }
            for text in presentation.texts { files.append(try write(playlists.media(of: text), to: text.playlistPath)) }
            files.append(try write(playlists.multivariant, to: Presentation.masterPlaylistPath))
        }
        if writesDASH { files.append(try write(DASHManifest(presentation).text, to: Presentation.manifestPath)) }
        return PackageResult(
            presentation: presentation, files: files, hasHLS: writesHLS, hasDASH: writesDASH)
    }

    /// Goes over the track's samples a second time and copies each one's data to its segment.
    private func write(
        _ packaged: PackagedTrack, from track: IndexedTrack, reached: (Double) -> Void
    ) throws(StepFailure) -> [String] {
        let folder = "\(directory)/\(packaged.description.name)"
        try OutputFile.makeFolder(folder)
        var files = [packaged.initializationPath]
        var file = try OutputFile(path: "\(directory)/\(packaged.initializationPath)")
        try file.append(packaged.initializationSegment)
        if packaged.addressing == .files { try file.finish() }

        let cipher = try SampleCipher(packaged, protection)
        let scale = Double(packaged.description.timeScale)
        try StepFailure.whileReading(track.source.label) {
            var places = track.movie.movie.samples(of: track.stream)
            var data = SampleData(track.movie.file)
            var samples = packaged.samples.reader()
            for segment in packaged.segments {
                if isCancelled() { throw StepFailure.stopped }
                if packaged.addressing == .files {
                    let path = packaged.path(of: segment)
                    file = try OutputFile(path: "\(directory)/\(path)")
                    files.append(path)
                }
                for piece in segment.pieces {
                    let run = try samples.run(piece.samples)
                    try file.append(packaged.header(of: piece, in: segment, run))
                    for place in run.places {
                        guard let sample = try places.next(), sample.data.count == Int(run[place].size) else {
                            throw MediaError(.inputOutput, "the file changed while it was packaged")
                        }
                        try data.withBytes(sample.data) { bytes in
                            if segment.isProtected, let cipher {
                                try file.append(
                                    cipher.encrypt(bytes, place: place, subsamples: run.subsamples(of: place)))
                            } else {
                                try file.append(bytes)
                            }
                        }
                    }
                }
                if packaged.addressing == .files { try file.finish() }
                reached(Double(segment.start + segment.duration) / scale)
            }
            if packaged.addressing == .byteRanges { try file.finish() }
        }
        return files
    }

    private func write(_ text: PackagedText) throws(StepFailure) -> [String] {
        try OutputFile.makeFolder("\(directory)/\(text.track.name)")
        var files: [String] = []
        if writesHLS {
            for segment in text.segments { files.append(try write(segment.text, to: text.path(of: segment))) }
        }
        if writesDASH { files.append(try write(text.wholeText, to: text.wholePath)) }
        return files
    }

    private func write(_ text: String, to path: String) throws(StepFailure) -> String {
        let file = try OutputFile(path: "\(directory)/\(path)")
        try file.append(Array(text.utf8))
        try file.finish()
        return path
    }
}

/// Sheets of thumbnails and where they lie.
struct ThumbnailFiles: Sendable {
    let sheets: ThumbnailSheets
    /// In order of time.
    let paths: [String]

    func copy(to directory: String) throws(StepFailure) -> [String] {
        try OutputFile.makeFolder("\(directory)/thumbnails")
        var files: [String] = []
        for (index, path) in paths.enumerated() {
            let name = sheets.path(ofSheet: index)
            let file = try OutputFile(path: "\(directory)/\(name)")
            try file.append(contentsOf: path)
            try file.finish()
            files.append(name)
        }
        return files
    }
}

/// What was written.
struct PackageResult {
    let presentation: Presentation
    /// Relative to the output folder, in the order written.
    let files: [String]
    let hasHLS: Bool
    let hasDASH: Bool

    /// The step's output document; without a prefix, paths stay relative to the folder.
    func document(prefix: String?) -> JSON {
        let base = prefix.map { $0 + "/" } ?? ""
        return .members(
            ("prefix", prefix.map(JSON.string)),
            ("hls", hasHLS ? .string(base + Presentation.masterPlaylistPath) : nil),
            ("dash", hasDASH ? .string(base + Presentation.manifestPath) : nil),
            ("objects", .array(files.map { ["file": .string($0)] })),
            ("durationSeconds", .double(presentation.duration.seconds)),
            ("protection", .string(presentation.tracks.compactMap(\.protection).first?.scheme.rawValue ?? "none")),
            ("renditions", .array(presentation.tracks.map(rendition) + presentation.texts.map(rendition)))
        )
    }

    private func rendition(_ text: PackagedText) -> JSON {
        .members(
            ("kind", "text"), ("name", .string(text.track.name)), ("codecs", "wvtt"),
            ("language", text.track.language.isDetermined ? .string(text.track.language.bcp47) : nil),
            ("segments", .integer(text.segments.count)))
    }

    private func rendition(_ track: PackagedTrack) -> JSON {
        let description = track.description
        var video: TrackDescription.Video?
        var audio: TrackDescription.Audio?
        switch description.media {
        case .video(let media): video = media
        case .audio(let media): audio = media
        }
        return .members(
            ("kind", .string(video == nil ? "audio" : "video")), ("name", .string(description.name)),
            ("codecs", .string(description.codecs)), ("width", (video?.width).map { .integer($0) }),
            ("height", (video?.height).map { .integer($0) }),
            ("frameRate", track.frameRate.map { .string("\($0.numerator)/\($0.denominator)") }),
            ("sampleRate", (audio?.sampleRate).map { .integer($0) }),
            ("channels", (audio?.channels).map { .integer($0) }),
            ("language", description.language.isDetermined ? .string(description.language.bcp47) : nil),
            ("keyId", track.protection.map { .string($0.keyID.hex) }),
            ("bandwidth", .integer(track.peakBitRate)), ("averageBandwidth", .integer(track.averageBitRate)),
            ("segments", .integer(track.segments.count)), ("durationSeconds", .double(track.endTime.seconds)))
    }
}
