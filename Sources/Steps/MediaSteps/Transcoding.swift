import Encodings
import Glibc
import JSON
import MediaFiles
import StepContracts

/// One film, or a part of it, on its way through decoder, filters and encoders.
final class Transcoding {
    private let film: Film
    private let part: FilmPart
    private let directory: String
    private let demuxer: Demuxer
    private let packet: Packet
    /// Nil where only sound is made.
    private let picture: (decoder: Decoder, encoding: VideoEncoding)?
    private let audio: [AudioEncoding]
    private let subtitles: [SubtitleEncoding]
    /// How loud each stream is in the form of each track, where that was measured.
    private let loudness: [String: Loudness]
    /// The first picture's timestamp.
    private let origin: Int64
    private(set) var framesEncoded = 0
    var framesDecoded: Int { picture?.decoder.frames ?? 0 }
    var framesDamaged: Int { (picture?.decoder.damagedFrames ?? 0) + (picture?.decoder.undecodedPackets ?? 0) }
    var framesRepeated: Int { picture?.encoding.framesRepeated ?? 0 }
    var framesDropped: Int { picture?.encoding.framesDropped ?? 0 }

    /// More pictures than this share may not be damaged, where damage is taken at all.
    private static let mostDamaged = 0.1

    /// - Throws: what is wrong with the film, or ``StepFailure/stopped``.
    init(
        _ film: Film, path: String, parameters: TranscodeParameters, ladder: Ladder, threads: Int, directory: String,
        _ surroundings: StepSurroundings
    ) throws(StepFailure) {
        self.film = film
        self.directory = directory
        part = parameters.part
        do {
            let info = film.video.info
            let first = try FirstPicture(of: info, path: path)
            origin = first.timestamp ?? film.video.first
            demuxer = try Demuxer(path: path)
            packet = try Packet()
            let strictness = demuxer.strictness
            if part == .sound {
                picture = nil
            } else {
                picture = (
                    try Decoder(demuxer, stream: info, threads: threads, strictness: strictness),
                    VideoEncoding(
                        film, part: part.places, origin: origin, mastering: first.mastering, ladder: ladder,
                        preset: parameters.preset, threads: threads, directory: directory)
                )
            }
            let sounds = part.places == nil ? film.audio : []
            let texts = part.places == nil ? film.texts : []
            demuxer.select(
                streams: Set((picture == nil ? [] : [info.index]) + sounds.map(\.index) + texts.map(\.index)))
            let start = (ticks: origin, timeBase: info.timeBase)
            var levels: [LoudnessMeasurement.Wish: (level: AudioLevel, source: Loudness)] = [:]
            if let target = parameters.loudness {
                var meter = ProgressMeter("listen", totalSeconds: film.durationSeconds, surroundings)
                var again: ProgressMeter?
                let wishes = sounds.flatMap { stream in
                    AudioForm.all(of: stream).map { LoudnessMeasurement.Wish(info: stream, form: $0) }
                }
                let measured = try LoudnessMeasurement.levels(
                    wishes, target: target, path: path, strictness: strictness,
                    continues: { seconds, isAgain in
                        guard isAgain else { return meter.continues(mediaSeconds: seconds) }
                        var own =
                            again
                            ?? ProgressMeter("listen again", totalSeconds: film.durationSeconds, surroundings)
                        defer { again = own }
                        return own.continues(mediaSeconds: seconds)
                    })
                guard let measured else { throw StepFailure.stopped }
                levels = measured
            }
            var names = TrackNames()
            var audio: [AudioEncoding] = []
            var loudness: [String: Loudness] = [:]
            for stream in sounds {
                let tracks = AudioForm.all(of: stream).map { form in
                    let level = levels[LoudnessMeasurement.Wish(info: stream, form: form)]
                    let name = names.next("audio", stream, form.suffix)
                    loudness[name] = level?.source
                    return AudioTrack(
                        stream, name: name, form: form, level: level?.level ?? .unchanged, directory: directory)
                }
                audio.append(
                    try AudioEncoding(demuxer, stream, tracks: tracks, origin: start, strictness: strictness))
            }
            self.audio = audio
            self.loudness = loudness
            var subtitles: [SubtitleEncoding] = []
            for stream in texts {
                subtitles.append(
                    try SubtitleEncoding(
                        demuxer, stream, name: names.next("text", stream), origin: start, directory: directory))
            }
            self.subtitles = subtitles
        } catch let error as MediaError {
            throw StepFailure(error)
        } catch let error as StepFailure {
            throw error
        } catch {
            preconditionFailure("preparing throws media errors and step failures only")
        }
    }

    /// Does all the work.
    /// - Returns: the `renditions` of the step's output.
    func run(_ surroundings: StepSurroundings) throws(StepFailure) -> [JSON] {
        let total = part.places.map { Double($0.count) / film.video.timing.regularRate.value } ?? film.durationSeconds
        var meter = ProgressMeter("encode", totalSeconds: total, surroundings)
        let sounds = Dictionary(uniqueKeysWithValues: audio.map { ($0.info.index, $0) })
        let texts = Dictionary(uniqueKeysWithValues: subtitles.map { ($0.info.index, $0) })
        let videoIndex = picture == nil ? -1 : film.video.info.index
        var videoResults: [VideoEncoding.Result] = []
        var audioResults: [AudioTrack.Result] = []
        var textResults: [SubtitleEncoding.Result] = []
        do {
            try enter()
            while !isComplete, try demuxer.read(into: packet) {
                if packet.streamIndex == videoIndex {
                    try decode(packet)
                } else {
                    try sounds[packet.streamIndex]?.add(packet)
                    try texts[packet.streamIndex]?.add(packet)
                }
                try meter.tick(mediaSeconds: seconds, frames: encoded, parts: { parts })
            }
            if !isComplete { try decode(nil) }
            try checkDecoded()
            try meter.tick(mediaSeconds: seconds, frames: encoded, parts: { parts })
            if let picture {
                videoResults = try picture.encoding.finish {
                    do throws(StepFailure) {
                        try meter.tick(mediaSeconds: seconds, frames: encoded, parts: { parts })
                        return true
                    } catch {
                        return false
                    }
                }
            }
            for stream in audio { audioResults += try stream.finish() }
            for stream in subtitles { if let result = try stream.finish() { textResults.append(result) } }
        } catch let error as MediaError {
            throw error == .stopped ? .stopped : StepFailure(error)
        } catch let error as StepFailure {
            throw error
        } catch {
            preconditionFailure("the loop throws media errors and step failures only")
        }
        try check(videoResults)
        meter.finish(mediaSeconds: total, frames: encoded, parts: parts)
        var renditions: [JSON] = []
        for result in videoResults { renditions.append(try rendition(result)) }
        for result in audioResults { renditions.append(try rendition(result)) }
        for result in textResults { renditions.append(try rendition(result)) }
        return renditions
    }

    private var isComplete: Bool { picture?.encoding.isComplete ?? false }

    /// Goes to the keyframe from which the part's first picture can be decoded.
    private func enter() throws(MediaError) {
        guard let picture, let places = part.places, places.lowerBound > 0 else { return }
        let time = picture.encoding.entry(origin: origin)
        guard try demuxer.seek(stream: film.video.info.index, to: time) else {
            throw MediaError(.unsupported, "the file has no index: it cannot be encoded in parts")
        }
        // What a seek cuts off may look damaged.
        picture.decoder.strictness = .tolerant
        while try demuxer.read(into: packet) {
            guard packet.isKeyframe else { continue }
            return try decode(packet)
        }
    }

    private func decode(_ packet: Packet?) throws(MediaError) {
        guard let picture else { return }
        if picture.decoder.strictness != demuxer.strictness, picture.encoding.isNear {
            picture.decoder.strictness = demuxer.strictness
        }
        try picture.decoder.decode(packet) { (frame: Frame) throws(MediaError) in
            if !picture.encoding.isComplete { try picture.encoding.add(frame) }
        }
    }

    private func checkDecoded() throws(MediaError) {
        guard let decoder = picture?.decoder else { return }
        let stream = film.video.info.index
        guard decoder.frames > 0 else {
            throw MediaError(.invalid, "no picture of the video can be decoded", stream: stream)
        }
        guard part != .whole || Double(framesDamaged) <= Transcoding.mostDamaged * Double(decoder.frames) else {
            throw MediaError(
                .invalid, "of \(counted(decoder.frames, "picture")) \(framesDamaged) are damaged or lost",
                stream: stream)
        }
    }

    /// A rung that lost or doubled a picture must never be published.
    private func check(_ results: [VideoEncoding.Result]) throws(StepFailure) {
        guard let picture else { return }
        framesEncoded = results.reduce(0) { $0 + $1.packets }
        let shown = part.places?.count ?? picture.encoding.framesShown
        for result in results where result.packets != shown || result.frames != shown {
            throw .crashed(
                "rung \(result.rung.name) took \(result.frames) and gave \(result.packets) of \(shown) pictures")
        }
        // Taking fields apart leaves out every fifth picture; the cadence may break at cuts.
        let placed = shown + framesDropped - framesRepeated
        guard part == .whole, film.scan != .telecined, placed != framesDecoded else { return }
        throw .crashed("of \(framesDecoded) decoded pictures \(placed) were placed")
    }

    private var seconds: Double { picture?.encoding.seconds ?? audio.first?.tracks.first?.seconds ?? 0 }

    private var encoded: Int { (picture?.encoding.progress ?? []).reduce(0) { $0 + $1.frames } }

    private var parts: [StepProgress.Part] {
        let duration = max(film.durationSeconds, 0.001)
        let video = (picture?.encoding).map { encoding in
            let total = Double(part.places.map { Int64($0.count) } ?? film.video.places)
            return encoding.progress.map {
                StepProgress.Part(name: "video-\($0.name)", share: min(1, Double($0.frames) / max(1, total)))
            }
        }
        return (video ?? [])
            + audio.flatMap(\.tracks).map {
                StepProgress.Part(name: $0.name, share: min(1, $0.seconds / duration))
            }
    }

    private func rendition(_ result: VideoEncoding.Result) throws(StepFailure) -> JSON {
        let name = "video-\(result.rung.name)"
        // What holds for all parts the first one tells.
        if let places = part.places, places.lowerBound > 0 {
            return .members(
                ("kind", "video"), ("name", .string(name)), ("file", ["file": .string("\(name).mp4")]),
                ("frames", .integer(result.packets)), ("score", result.score?.document))
        }
        var options: JSON = .object([:])
        for (option, value) in result.options { options[option] = .string(value) }
        return .members(
            ("kind", "video"), ("name", .string(name)), ("file", ["file": .string("\(name).mp4")]),
            ("codec", .string(result.rung.codec.rawValue)), ("encoder", .string(result.rung.codec.encoder)),
            ("width", .integer(result.rung.width)), ("height", .integer(result.rung.height)),
            ("pixelFormat", .string(result.rung.form.samples.pixelFormat)),
            ("videoRange", .string(result.rung.isHighDynamicRange ? film.video.info.videoRange : "SDR")),
            ("frameRate", .string(result.frameRate.description)),
            ("frames", .integer(result.packets)), ("keyframeInterval", .integer(result.keyframeInterval)),
            ("bytes", .integer(try size(of: "\(name).mp4"))),
            ("bitRate", bitRate(result.packetBytes, result.durationSeconds)),
            ("durationSeconds", .seconds(result.durationSeconds)), ("score", result.score?.document),
            ("options", options))
    }

    private func rendition(_ result: AudioTrack.Result) throws(StepFailure) -> JSON {
        .members(
            ("kind", "audio"), ("name", .string(result.name)), ("file", ["file": .string("\(result.name).mp4")]),
            ("codec", "aac"), ("encoder", "aac"), ("sampleRate", .integer(result.form.sampleRate)),
            ("channels", .integer(result.form.channels)), ("language", result.info.language.map(JSON.string)),
            ("bytes", .integer(try size(of: "\(result.name).mp4"))),
            ("bitRate", bitRate(result.packetBytes, result.durationSeconds)),
            ("durationSeconds", .seconds(result.durationSeconds)),
            ("loudness", loudness[result.name]?.document),
            ("gain", .double((result.level.gain * 100).rounded() / 100)),
            (
                "options",
                [
                    "b": .string(String(result.form.bitRate)), "ar": .string(String(result.form.sampleRate)),
                    "ac": .string(String(result.form.channels)),
                ]
            ))
    }

    private func rendition(_ result: SubtitleEncoding.Result) throws(StepFailure) -> JSON {
        .members(
            ("kind", "text"), ("name", .string(result.name)), ("file", ["file": .string("\(result.name).vtt")]),
            ("codec", "webvtt"), ("language", result.info.language.map(JSON.string)),
            ("cues", .integer(result.cues)), ("bytes", .integer(try size(of: "\(result.name).vtt"))),
            ("durationSeconds", .seconds(result.durationSeconds)))
    }

    private func bitRate(_ bytes: Int, _ seconds: Double) -> JSON {
        .integer(seconds > 0 ? Int(Double(bytes) * 8 / seconds) : 0)
    }

    private func size(of file: String) throws(StepFailure) -> Int {
        var status = stat()
        guard stat("\(directory)/\(file)", &status) == 0 else {
            throw .crashed("\(file) was written and is gone: \(String(cString: strerror(errno)))")
        }
        return Int(status.st_size)
    }
}

/// Names for tracks, each given once.
struct TrackNames {
    private var given: Set<String> = []

    /// `KIND-LANGUAGE`, with a number behind it from the second on.
    mutating func next(_ kind: String, _ info: StreamInfo, _ suffix: String = "") -> String {
        let base = "\(kind)-\(info.language ?? "und")"
        var name = base + suffix
        var number = 1
        while !given.insert(name).inserted {
            number += 1
            name = "\(base)-\(number)\(suffix)"
        }
        return name
    }
}

extension StreamInfo {
    /// `SDR`, `PQ` or `HLG`, as HLS calls them (RFC 8216bis, 4.4.6.2).
    var videoRange: String { isHighDynamicRange ? colourTransfer == "arib-std-b67" ? "HLG" : "PQ" : "SDR" }
}

extension FileInspection.Video {
    /// How the film was scanned: its own word where codec and header leave no doubt, else what its pictures say.
    func scan(path: String) throws(MediaError) -> Scan {
        guard info.hasDoubtfulScan else { return .progressive }
        return try ScanAnalysis(self, path: path).verdict(on: info, rate: timing.rate)
    }
}
