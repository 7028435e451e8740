import JSON
import MediaFiles
import Packaging
import StepContracts

/// Writes a presentation's files: segments first, what names them last.
struct PackageWriter {
    let tracks: [IndexedTrack]
    let directory: String
    let writesHLS: Bool
    let writesDASH: Bool
    let report: @Sendable (StepProgress) -> Void
    let isCancelled: @Sendable () -> Bool

    func write() throws(StepFailure) -> PackageResult {
        let presentation: Presentation
        do {
            presentation = try Presentation(tracks: tracks.map { ($0.description, $0.samples) })
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
        if writesHLS {
            let playlists = HLSPlaylists(presentation)
            for track in presentation.tracks {
                files.append(try write(playlists.media(of: track), to: track.playlistPath))
            }
            files.append(try write(playlists.multivariant, to: Presentation.masterPlaylistPath))
        }
        if writesDASH { files.append(try write(DASHManifest(presentation).text, to: Presentation.manifestPath)) }
        return PackageResult(
            presentation: presentation, files: files, hasHLS: writesHLS, hasDASH: writesDASH)
    }

    /// Reads the track's file a second time and copies each sample once, from the library's packet to its segment.
    private func write(
        _ packaged: PackagedTrack, from track: IndexedTrack, reached: (Double) -> Void
    ) throws(StepFailure) -> [String] {
        let folder = "\(directory)/\(packaged.description.name)"
        try OutputFile.makeFolder(folder)
        var files = [packaged.initializationPath]
        let head = try OutputFile(path: "\(directory)/\(packaged.initializationPath)")
        try head.append(packaged.initializationSegment)
        try head.finish()

        let reader = try TrackSource.open(track.source.path, label: track.source.label)
        reader.select(stream: track.stream)
        let scale = Double(packaged.description.timeScale)
        do {
            let packet = try Packet()
            for segment in packaged.segments {
                if isCancelled() { throw StepFailure.stopped }
                let path = packaged.path(of: segment)
                let file = try OutputFile(path: "\(directory)/\(path)")
                try file.append(packaged.header(of: segment))
                for sample in packaged.samples[segment.samples] {
                    guard try reader.read(into: packet), packet.size == Int(sample.size) else {
                        throw MediaError(.inputOutput, "the file changed while it was packaged")
                    }
                    try packet.withBytes { bytes throws(StepFailure) in try file.append(bytes) }
                }
                try file.finish()
                files.append(path)
                reached(Double(segment.start + segment.duration) / scale)
            }
        } catch let error as StepFailure {
            throw error
        } catch let error as MediaError {
            throw StepFailure(error).concerning(track.source.label)
        } catch {
            preconditionFailure("copying samples throws media errors and step failures only: \(error)")
        }
        return files
    }

    private func write(_ text: String, to path: String) throws(StepFailure) -> String {
        let file = try OutputFile(path: "\(directory)/\(path)")
        try file.append(Array(text.utf8))
        try file.finish()
        return path
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
            ("renditions", .array(presentation.tracks.map(rendition)))
        )
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
            ("codecs", .string(description.codec.codecs)), ("width", (video?.width).map { .integer($0) }),
            ("height", (video?.height).map { .integer($0) }),
            ("frameRate", track.frameRate.map { .string("\($0.numerator)/\($0.denominator)") }),
            ("sampleRate", (audio?.sampleRate).map { .integer($0) }),
            ("channels", (audio?.channels).map { .integer($0) }),
            ("language", description.language.isDetermined ? .string(description.language.bcp47) : nil),
            ("bandwidth", .integer(track.peakBitRate)), ("averageBandwidth", .integer(track.averageBitRate)),
            ("segments", .integer(track.segments.count)), ("durationSeconds", .double(track.endTime.seconds)))
    }
}
